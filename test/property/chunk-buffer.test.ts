import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import type { BufferChunk } from "../../src/buffer/buffer-chunk.ts";
import { ManualClock } from "../support/manual-clock.ts";
import {
  type BufferFixture,
  batchOf,
  bytesOf,
  createBuffer,
  eventsOf,
  messagesIn,
} from "../unit/buffer/buffer-fixture.ts";

const TAGS = ["a", "b", "c"] as const;

type Action =
  | { do: "append"; tag: (typeof TAGS)[number]; events: number; enqueue: boolean }
  | { do: "enqueue all" | "take" | "purge" | "take back" | "crash" | "restart" }
  | { do: "wait"; ms: number };

const actions: fc.Arbitrary<Action[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({
      do: fc.constant("append" as const),
      tag: fc.constantFrom(...TAGS),
      events: fc.integer({ min: 1, max: 12 }),
      enqueue: fc.boolean(),
    }) },
    { weight: 6, arbitrary: fc.record({
      do: fc.constantFrom("enqueue all" as const, "take" as const, "purge" as const, "take back" as const),
    }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("crash" as const, "restart" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 3000 }) }) },
  ),
  { maxLength: 60 },
); // biome-ignore format: a table

/** The buffer under test beside the simplest truth: per tag, the numbers that were acked and not purged. */
class Run {
  readonly #folder = mkdtempSync(join(tmpdir(), "suiro-model-"));
  #clock = new ManualClock();
  readonly #retainedLimitBytes: number;
  readonly #taken: { chunk: BufferChunk; messages: number[] }[] = [];
  readonly #held: Record<string, number[]> = { a: [], b: [], c: [] };
  #fixture!: BufferFixture;
  #next = 1;

  constructor(retainedLimitBytes: number) {
    this.#retainedLimitBytes = retainedLimitBytes;
  }

  async start(): Promise<void> {
    this.#fixture = createBuffer({
      folder: join(this.#folder, "buffer"),
      backupFolder: this.#folder,
      clock: this.#clock,
      chunkLimitBytes: 200,
      retainedLimitBytes: this.#retainedLimitBytes,
    });
    await this.#fixture.buffer.start();
  }

  async step(action: Action): Promise<void> {
    const { buffer } = this.#fixture;
    if (action.do === "append") await this.#append(action);
    else if (action.do === "enqueue all") buffer.enqueueAll();
    else if (action.do === "take") await this.#take();
    else if (action.do === "purge") this.#purge();
    else if (action.do === "take back") this.#takeBack();
    else if (action.do === "wait") await this.#clock.advanceAndSettle(action.ms);
    else await this.#reopen(action.do === "restart");
  }

  /** Everything that is held comes out, once, and per tag in the order in which it went in. */
  async finish(): Promise<void> {
    await this.#reopen(false);
    this.#fixture.buffer.enqueueAll();
    while (await this.#take());
    const found: Record<string, number[]> = { a: [], b: [], c: [] };
    for (const { chunk, messages } of this.#taken) found[chunk.metadata.tag ?? ""]?.push(...messages);
    assert.deepEqual(found, this.#held);
    for (const { chunk } of this.#taken) this.#fixture.buffer.purge(chunk);
    await this.#fixture.buffer.close();
    assert.deepEqual(readdirSync(join(this.#folder, "buffer")), [], "purged chunks leave no file");
    assert.equal(this.#fixture.buffer.stats().totalBytes, 0);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #append({ tag, events, enqueue }: Extract<Action, { do: "append" }>): Promise<void> {
    const messages = Array.from({ length: events }, () => this.#next++);
    await this.#fixture.buffer.append([batchOf(tag, eventsOf(...messages))], enqueue);
    this.#held[tag]?.push(...messages);
  }

  async #take(): Promise<boolean> {
    const { buffer } = this.#fixture;
    const chunk = buffer.take();
    if (!chunk) return false;
    await buffer.verify(chunk);
    const messages = messagesIn(await bytesOf(chunk.read())) as number[];
    assert.equal(chunk.size, messages.length);
    this.#taken.push({ chunk, messages });
    return true;
  }

  #purge(): void {
    const taken = this.#taken.shift();
    if (!taken) return;
    this.#fixture.buffer.purge(taken.chunk);
    const tag = taken.chunk.metadata.tag ?? "";
    this.#held[tag] = (this.#held[tag] ?? []).filter((message) => !taken.messages.includes(message));
  }

  #takeBack(): void {
    const taken = this.#taken.pop();
    if (taken) this.#fixture.buffer.takeBack(taken.chunk);
  }

  /** A crash lets the old buffer go as it is, with its timers; removals that were begun may or may not be done. */
  async #reopen(isOrderly: boolean): Promise<void> {
    this.#taken.length = 0;
    if (isOrderly) await this.#fixture.buffer.close();
    else await this.#fixture.buffer.removals.done();
    this.#clock = new ManualClock(this.#clock.now());
    await this.start();
  }
}

for (const [name, retainedLimitBytes] of [
  ["in memory", 1 << 20],
  ["half in memory", 4096],
  ["on disk", 0],
] as const) {
  test(`nothing that was acked is lost or reordered, whatever happens; chunks ${name}`, async () => {
    await fc.assert(
      fc.asyncProperty(actions, async (sequence) => {
        const run = new Run(retainedLimitBytes);
        try {
          await run.start();
          for (const action of sequence) await run.step(action);
          await run.finish();
        } finally {
          run.remove();
        }
      }),
      { numRuns: 60 },
    );
  });
}
