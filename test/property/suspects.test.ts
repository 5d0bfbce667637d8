/** However a receiver refuses, breaks and recovers: each chunk ends in one place, and only the refused one in quarantine. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { AckError, NetworkError } from "../../src/errors.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { eventsOf } from "../unit/buffer/buffer-fixture.ts";
import { createOutput } from "../unit/output/output-fixture.ts";

const ATTEMPTS = 3;

type Step =
  | { readonly do: "good" | "poison" }
  | { readonly do: "wait"; readonly seconds: number }
  /** What the receiver does from now on: takes all but poison; cannot be reached; refuses everything. */
  | { readonly do: "receiver"; readonly is: "well" | "away" | "unwell" };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constant<Step>({ do: "good" }),
  fc.constant<Step>({ do: "poison" }),
  fc.record({ do: fc.constant("wait" as const), seconds: fc.integer({ min: 0, max: 20 }) }),
  fc.record({ do: fc.constant("receiver" as const), is: fc.constantFrom("well", "away", "unwell") }),
);

test("each event is delivered, in quarantine or in the buffer; in quarantine only after refusals among acks", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 3 }), fc.boolean(), run),
    { numRuns: 30 },
  );
});

async function run(steps: readonly Step[], slots: number, isAckError: boolean): Promise<void> {
  const quarantine = join(temporaryFolder(), "quarantine");
  const made = createOutput({
    buffer: {
      flush_mode: "immediate",
      retry_forever: "true",
      retry_max_interval: "5s",
      flush_thread_count: String(slots),
      quarantine_path: quarantine,
      quarantine_attempts: String(ATTEMPTS),
      quarantine_wait: "10s",
    },
  });
  const { output, writer, clock, counters } = made;
  const receiver = { name: "r" };
  const refusals = new Map<string, number>();
  let state: "well" | "away" | "unwell" = "well";
  writer.behave = (chunk, delivery) => {
    if (state === "away") throw new NetworkError("refused");
    if (state === "well" && chunk.metadata.tag?.startsWith("good")) return delivery.accepted(receiver, true);
    delivery.refused(receiver);
    refusals.set(chunk.metadata.tag as string, (refusals.get(chunk.metadata.tag as string) ?? 0) + 1);
    throw isAckError ? new AckError("no response") : new NetworkError("broken");
  };
  await output.start();
  const sent: string[] = [];
  const emit = async (kind: string) => {
    const tag = `${kind}.${sent.length}`;
    sent.push(tag);
    await output.emit(tag, eventsOf(tag));
  };
  for (const each of steps) {
    if (each.do === "wait") await clock.advanceAndSettle(each.seconds * 1000);
    else if (each.do === "receiver") state = each.is;
    else await emit(each.do);
  }
  state = "well";
  for (let round = 0; round < 40; round++) {
    await emit("good");
    await clock.advanceAndSettle(20_000);
  }
  const names = () => (existsSync(quarantine) ? readdirSync(quarantine) : []);
  const kept = () => names().filter((name) => name.endsWith(".json"));
  await eventually(
    () => names().length === 2 * counters.get("chunks_quarantined") && !names().some((name) => name.endsWith(".part")),
  );
  assert.equal(output.stats().events + writer.delivered.length + kept().length, sent.length);
  const quarantined = kept().map((name) => JSON.parse(readFileSync(join(quarantine, name), "utf8")).tag as string);
  const delivered = writer.delivered.flat() as string[];
  assert.equal(new Set([...delivered, ...quarantined]).size, delivered.length + quarantined.length);
  for (const tag of quarantined) assert.ok((refusals.get(tag) ?? 0) > ATTEMPTS, `${tag}: ${refusals.get(tag)}`);
  for (const tag of sent.filter((name) => name.startsWith("good"))) {
    assert.ok(delivered.includes(tag) || quarantined.includes(tag), `${tag} is held up`);
  }
  assert.ok(!delivered.some((tag) => tag.startsWith("poison")));
  await output.stop(AbortSignal.abort());
}
