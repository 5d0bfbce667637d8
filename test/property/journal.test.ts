/**
 * Every point at which a process can be killed, and many ways in which the power can go, over recorded runs of a buffer
 * with its journal: each event that a sender was told is safe is there, none is there twice, and none is foreign, once
 * the sender has sent again what it was not told about.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Holdings } from "../../src/buffer/holdings.ts";
import { type AckAfter, Origin, type Source } from "../../src/event/origin.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { CrashError, SimulatedDisk } from "../support/simulated-disk.ts";
import {
  type BufferFixture,
  batchOf,
  bytesOf,
  createBuffer,
  eventsOf,
  messagesIn,
} from "../unit/buffer/buffer-fixture.ts";

const FOLDER = "/buffer";

/** One upstream chunk. */
interface Sent {
  readonly source: Source;
  readonly messages: ReadonlyMap<string, readonly number[]>;
  isAcked: boolean;
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A sender, a buffer, and a receiver that knows a chunk again. */
class Run {
  readonly disk = new SimulatedDisk();
  readonly sent: Sent[] = [];
  readonly #clock = new ManualClock();
  readonly #ackAfter: AckAfter;
  readonly #random: () => number;
  readonly #isWide: boolean;
  readonly #received = new Map<string, number[]>();
  #fixture!: BufferFixture;
  #holdings!: Holdings;
  #next = 1;

  constructor(seed: number, ackAfter: AckAfter) {
    this.#random = randomOf(seed);
    this.#isWide = seed % 2 === 0;
    this.#ackAfter = ackAfter;
  }

  async start(): Promise<void> {
    this.#holdings = new Holdings();
    this.#fixture = createBuffer({
      folder: FOLDER,
      backupFolder: "/backup",
      fileSystem: this.disk.fileSystem,
      clock: this.#clock,
      chunkLimitBytes: this.#isWide ? 1000 : 160,
      chunkFullThreshold: 0.9,
      segmentBytes: 200,
      redoLogBytes: 500,
      expected: { isSynced: this.#ackAfter === "synced" },
      retainedLimitBytes: this.#random() < 0.5 ? 0 : 1 << 20,
    });
    this.#holdings.add(this.#fixture.buffer.journal);
    await this.#fixture.buffer.start();
  }

  /** Goes on until all is done or the disk is gone. */
  async act(steps: number): Promise<void> {
    for (let step = 0; step < steps && !this.disk.isCrashed; step++) await this.#step(this.#random());
    for (let left = 4; left > 0 && !this.disk.isCrashed; left--) await turn();
  }

  async #step(dice: number): Promise<void> {
    const { buffer } = this.#fixture;
    try {
      if (dice < 0.55) for (let count = 1 + Math.floor(this.#random() * 3); count > 0; count--) this.#send();
      else if (dice < 0.65) buffer.enqueueAll();
      else if (dice < 0.8) await this.#deliver();
      else if (dice < 0.88) this.#clock.advance(1000);
      else if (dice < 0.92) {
        await buffer.close();
        await this.start();
      }
    } catch (error) {
      if (!this.disk.isCrashed) throw error;
    }
    await turn();
  }

  #send(): void {
    const messages = new Map<string, number[]>();
    // Many chunks that grow by little go through the redo log.
    const [parts, events] = this.#isWide ? [5, 2] : [2, 7];
    for (let part = 1 + Math.floor(this.#random() * parts); part > 0; part--) {
      const numbers = Array.from({ length: 1 + Math.floor(this.#random() * events) }, () => this.#next++);
      messages.set("abcd"[Math.floor(this.#random() * 4)] as string, numbers);
    }
    const source: Source = { kind: "chunk", id: `id ${this.sent.length}`, checksum: this.sent.length };
    const sent = { source, messages, isAcked: false };
    this.sent.push(sent);
    this.#hand(sent).catch((error) => assert.ok(this.disk.isCrashed, error));
  }

  /** What the input does with a chunk. */
  async #hand(sent: Sent): Promise<void> {
    const { buffer } = this.#fixture;
    const { source, messages } = sent;
    if (this.#holdings.ofChunk((source as { id: string }).id, source.checksum) === "whole") {
      await this.#holdings.whenSafe((source as { id: string }).id, this.#ackAfter);
    } else {
      const batches = [...messages].map(([tag, numbers]) => batchOf(tag, eventsOf(...numbers)));
      const receipt = await buffer.append(batches, false, new Origin([source], this.#ackAfter));
      await buffer.safe(receipt, this.#ackAfter);
    }
    if (!this.disk.isCrashed) sent.isAcked = true;
  }

  async #deliver(): Promise<boolean> {
    const { buffer } = this.#fixture;
    const chunk = buffer.take();
    if (!chunk) return false;
    await buffer.verify(chunk);
    // A chunk that is sent before it is synced may come again with other events, when the power goes.
    if (this.#ackAfter === "synced") await buffer.journal.whenSynced(chunk.ranges.lastSequence);
    const messages = messagesIn(await bytesOf(chunk.read())) as number[];
    const id = chunk.id.toString("hex");
    const known = this.#received.get(id);
    if (known) assert.deepEqual(messages, known, "a chunk that comes again is the same");
    if (messages.length > 0) this.#received.set(id, messages);
    if (this.#random() < 0.2) buffer.takeBack(chunk);
    else buffer.purge(chunk);
    return true;
  }

  /** Starts on what the crash left; the sender sends again what was not acked, and some of what was. */
  async recover(): Promise<void> {
    await this.start();
    for (const sent of this.sent) if (!sent.isAcked || this.#random() < 0.3) await this.#hand(sent);
  }

  async check(): Promise<void> {
    const { buffer, counters } = this.#fixture;
    buffer.enqueueAll();
    while (buffer.queueLength > 0) await this.#deliver();
    const found = [...this.#received.values()].flat().sort((left, right) => left - right);
    const wanted = this.sent
      .flatMap(({ messages }) => [...messages.values()].flat())
      .sort((left, right) => left - right);
    assert.deepEqual(found, wanted);
    assert.equal(counters.get("dropped_events", "checksum"), 0);
    await buffer.close();
    assert.equal(this.disk.openFiles, 0, "every file is closed");
    assert.ok(!this.disk.paths().includes(`${FOLDER}/buffer.redo`), "a stop leaves no redo log");
  }
}

const STEPS = 14;

/** Recorded runs of each kind, every other of them wide; `CRASH_RUNS=20 node scripts/test.mjs property/journal` takes its time. */
const RUNS = Number(process.env.CRASH_RUNS ?? 2);
/** `CRASH_SEED`: where other runs begin. */
const FIRST_SEED = Number(process.env.CRASH_SEED ?? 3);

async function operationsOf(seed: number, ackAfter: AckAfter): Promise<number> {
  const run = new Run(seed, ackAfter);
  await run.start();
  await run.act(STEPS);
  return run.disk.operations;
}

/** Crashes that left a redo log. */
let withRedoLog = 0;

async function crash(seed: number, ackAfter: AckAfter, crashAt: number, tornShare: number, power?: () => number) {
  const run = new Run(seed, ackAfter);
  run.disk.crashAt = crashAt;
  run.disk.tornShare = tornShare;
  try {
    await run.start();
    await run.act(STEPS);
  } catch (error) {
    if (!(error instanceof CrashError || run.disk.isCrashed)) throw error;
  }
  await turn();
  if (run.disk.paths().includes(`${FOLDER}/buffer.redo`)) withRedoLog += 1;
  if (power) run.disk.restartMachine(power);
  else run.disk.restartProcess();
  await run.recover();
  await run.check();
}

test("wherever the process is killed, every event is in the buffer once after a resend", async (context) => {
  let points = 0;
  for (const ackAfter of ["written", "synced"] as const) {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
      const operations = await operationsOf(seed, ackAfter);
      for (let at = 1; at <= operations; at++) {
        for (const tornShare of [0, 0.6]) {
          await crash(seed, ackAfter, at, tornShare).catch((cause) => {
            throw new Error(`seed ${seed}, ${ackAfter}, killed at ${at} of ${operations}, torn ${tornShare}`, {
              cause,
            });
          });
          points += 1;
        }
      }
    }
  }
  context.diagnostic(`${points} crash points`);
  assert.ok(points > 250 * RUNS, `${points} crash points`);
});

test("wherever the power goes, every event that was synced is in the buffer, and none twice after a resend", async (context) => {
  let points = 0;
  withRedoLog = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
    const operations = await operationsOf(seed, "synced");
    for (let at = 1; at <= operations; at++) {
      for (let way = 0; way < 3; way++) {
        const random = randomOf(seed * 1000 + at * 10 + way);
        const pick = () => [0, 1, 1, random()][Math.floor(random() * 4)] as number;
        await crash(seed, "synced", at, random(), way === 0 ? () => 0 : pick).catch((cause) => {
          throw new Error(`seed ${seed}, power lost at ${at} of ${operations}, way ${way}: ${cause.stack}`, { cause });
        });
        points += 1;
      }
    }
  }
  context.diagnostic(`${points} crash points, ${withRedoLog} with a redo log`);
  assert.ok(points > 250 * RUNS, `${points} crash points`);
  assert.ok(RUNS === 1 || withRedoLog > 10 * RUNS, `${withRedoLog} with a redo log`);
});
