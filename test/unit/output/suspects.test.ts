/** Chunks that a receiver refuses again and again: the others pass them, and nothing is given up without strong evidence. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AckError, NetworkError } from "../../../src/errors.ts";
import { Origin } from "../../../src/event/origin.ts";
import { eventually } from "../../support/eventually.ts";
import { settle } from "../../support/manual-clock.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { eventsOf } from "../buffer/buffer-fixture.ts";
import { createOutput, type KeepingWriter, type OutputFixture } from "./output-fixture.ts";

const never = new AbortController().signal;
const receiver = { name: "receiver:24224" };
const forever = { flush_mode: "immediate", retry_forever: "true", retry_max_interval: "8s" };

/** Refuses chunks of the tag `poison` and takes all others. */
function refusePoison(writer: KeepingWriter, error: () => Error, isAcked = true): void {
  writer.behave = (chunk, delivery) => {
    if (chunk.metadata.tag === "poison") {
      delivery.refused(receiver);
      throw error();
    }
    delivery.accepted(receiver, isAcked);
  };
}

const noAck = () => new AckError("no response from node");
const broken = () => new NetworkError("connection broke: ECONNRESET");

/** Emits one event under a tag of its own each second. */
async function goodEachSecond({ output, clock }: OutputFixture, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await output.emit("good", eventsOf(second));
    await clock.advanceAndSettle(1000);
  }
}

const poisonAttempts = ({ writer }: OutputFixture) => writer.attempts.filter(({ tag }) => tag === "poison");

for (const [name, error] of [
  ["is never acknowledged", noAck],
  ["breaks its connection", broken],
] as const) {
  test(`a chunk that ${name} holds up no others, and is tried again ever more rarely, alone`, async () => {
    const made = createOutput({ buffer: { ...forever, queued_chunks_limit_size: "1" } });
    const { output, writer, counters, messages } = made;
    refusePoison(writer, error);
    await output.start();
    await output.emit("poison", eventsOf("p"));
    await goodEachSecond(made, 300);
    const late = writer.attempts.length;
    assert.equal(writer.delivered.length >= 290, true, `${writer.delivered.length} delivered`);
    await goodEachSecond(made, 300);
    assert.equal(writer.delivered.length, 600);
    const tries = poisonAttempts(made);
    assert.equal(new Set(tries.map(({ chunk }) => chunk.id.toString("hex"))).size, 1);
    assert.deepEqual(
      tries.map(({ delivery }) => delivery.isAlone),
      tries.map((_, index) => index >= 2),
    );
    assert.ok(tries.length >= 8 && tries.length <= 16, `${tries.length} tries`);
    assert.ok(writer.attempts.slice(late).filter(({ tag }) => tag === "poison").length <= 3);
    assert.equal(output.stats().queueLength, 1);
    assert.equal(counters.get("dropped_events", "quarantined"), 0);
    assert.ok(messages().some((message) => message.includes("they go first")));
    await output.stop(AbortSignal.abort());
  });
}

test("where nothing gets through, the order and the limits of retrying stay fluentd's", async () => {
  const made = createOutput({ buffer: { flush_mode: "immediate", retry_max_times: "5" } });
  const { output, writer, clock, counters } = made;
  writer.behave = (_, delivery) => {
    delivery.refused(receiver);
    throw broken();
  };
  await output.start();
  for (const tag of ["a", "b", "c"]) await output.emit(tag, eventsOf(tag));
  await clock.advanceAndSettle(120_000);
  assert.deepEqual(
    writer.attempts.map(({ tag }) => tag),
    ["a", "a", "b", "a", "b", "a"],
  );
  await eventually(() => counters.get("dropped_events", "retry_limit") === 3);
  assert.equal(output.stats().queueLength, 0);
  await output.stop(never);
});

test("a receiver that comes back takes all, whoever stood aside", async () => {
  const made = createOutput({ buffer: forever });
  const { output, writer, clock } = made;
  writer.behave = (_, delivery) => {
    delivery.refused(receiver);
    throw noAck();
  };
  await output.start();
  for (const tag of ["a", "b", "c", "d"]) await output.emit(tag, eventsOf(tag));
  await clock.advanceAndSettle(60_000);
  writer.behave = (_, delivery) => delivery.accepted(receiver, true);
  await clock.advanceAndSettle(20_000);
  assert.deepEqual(writer.delivered.flat().sort(), ["a", "b", "c", "d"]);
  await output.stop(never);
});

interface Quarantining {
  readonly values?: Record<string, string>;
  readonly error?: () => Error;
  readonly isAcked?: boolean;
  readonly secondary?: boolean;
}

async function untilQuarantine({ values = {}, error = noAck, isAcked = true, secondary = false }: Quarantining = {}) {
  const folder = join(temporaryFolder(), "quarantine");
  const made = createOutput({
    buffer: { ...forever, quarantine_path: folder, quarantine_attempts: "4", quarantine_wait: "30s", ...values },
    ...(secondary && { secondary: { "@type": "other" } }),
  });
  refusePoison(made.writer, error, isAcked);
  await made.output.start();
  await made.output.emit("poison", eventsOf("p", "q"));
  await goodEachSecond(made, 120);
  return { ...made, folder };
}

test("refused often and long enough while others are acknowledged, it goes to the quarantine with its tag and id", async () => {
  const made = await untilQuarantine();
  const { counters, folder, lines, output, writer } = made;
  await eventually(() => counters.get("chunks_quarantined") === 1);
  const names = readdirSync(folder).sort();
  assert.deepEqual(
    names.map((name) => name.replace(/^.*\./, "")),
    ["frame", "json"],
  );
  const tries = poisonAttempts(made);
  const id = tries[0]?.chunk.id.toString("hex");
  const note = JSON.parse(readFileSync(join(folder, names[1] as string), "utf8"));
  assert.deepEqual(
    [note.reason, note.tag, note.host, note.chunk, note.error],
    ["refused", "poison", "receiver:24224", id, "no response from node"],
  );
  assert.match(note.todo, /suiro buffer replay/);
  const frame = readFileSync(join(folder, names[0] as string));
  const stored = Buffer.concat(tries[0]?.chunk.blocks()?.map((block) => Buffer.from(block)) ?? []);
  assert.equal(stored.length, 0); // its memory went with it
  assert.ok(frame.includes("poison") && frame.includes(Buffer.from(id as string, "hex").toString("base64")));
  assert.equal(counters.get("chunks_quarantined"), 1);
  assert.equal(counters.get("dropped_events", "quarantined"), 2);
  assert.equal(output.stats().queueLength, 0);
  const { received, delivered, held, dropped } = output.report().account as never as Record<string, never>;
  assert.deepEqual([received, delivered, held, dropped], [122, 120, 0, { quarantined: 2 }]);
  const told = lines.find(({ message }) => message.includes("is in quarantine"));
  assert.equal(told?.level, "error");
  assert.equal(told?.fields?.path, join(folder, names[0] as string));
  assert.equal(writer.delivered.length, 120);
  await output.stop(never);
});

for (const [name, values, options] of [
  ["before quarantine_wait has passed", { quarantine_wait: "1h" }, {}],
  ["with quarantine_attempts 0", { quarantine_attempts: "0" }, {}],
  ["where others are written without being acknowledged", {}, { isAcked: false }],
  ["where the quarantine has no room", { quarantine_size_limit: "10" }, {}],
] as const) {
  test(`it stays in the buffer ${name}`, async () => {
    const { counters, folder, messages, output, writer } = await untilQuarantine({ values, ...options });
    await eventually(() => output.stats().queueLength === 1);
    assert.equal(counters.get("chunks_quarantined"), 0);
    assert.ok(writer.delivered.length >= 110, `${writer.delivered.length}`);
    const files = name.includes("no room") ? readdirSync(folder) : [];
    assert.deepEqual(files, []);
    assert.equal(
      messages().some((message) => message.includes("no room in quarantine")),
      name.includes("no room"),
    );
    await output.stop(AbortSignal.abort());
  });
}

test("a quarantine that cannot be made keeps the chunk in the buffer, and takes it when it can", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "file");
  writeFileSync(path, "");
  const made = await untilQuarantine({ values: { quarantine_path: join(path, "quarantine") } });
  await eventually(() => made.output.stats().queueLength === 1);
  assert.equal(made.counters.get("chunks_quarantined"), 0);
  assert.ok(made.lines.some(({ fields }) => String(fields?.error).includes("ENOTDIR")));
  rmSync(path);
  await goodEachSecond(made, 400);
  await eventually(() => made.counters.get("chunks_quarantined") === 1);
  await made.output.stop(never);
});

test("where there is a secondary of another type, it goes there", async () => {
  const { counters, folder, output, secondary } = await untilQuarantine({ secondary: true });
  assert.deepEqual(secondary.delivered, [["p", "q"]]);
  assert.equal(counters.get("chunks_quarantined"), 0);
  assert.equal(counters.get("delivered_events"), 122);
  assert.throws(() => readdirSync(folder), { code: "ENOENT" });
  await output.stop(never);
});

test("the source that waits for delivery gets its ack when the quarantine has the chunk", async () => {
  const folder = join(temporaryFolder(), "quarantine");
  const values = { ...forever, quarantine_path: folder, quarantine_attempts: "2", quarantine_wait: "0" };
  const made = createOutput({ buffer: values });
  refusePoison(made.writer, noAck);
  await made.output.start();
  let isAcked = false;
  const origin = new Origin([{ kind: "chunk", id: "AAA", checksum: 1 }], "delivered");
  const emitted = made.output.emit("poison", eventsOf("p"), origin).then(() => {
    isAcked = true;
  });
  await settle();
  assert.equal(isAcked, false);
  await goodEachSecond(made, 60);
  await emitted;
  assert.equal(made.counters.get("chunks_quarantined"), 1);
  await made.output.stop(never);
});

test("a flush tries at once what stands aside", async () => {
  const made = createOutput({ buffer: forever });
  refusePoison(made.writer, noAck);
  await made.output.start();
  await made.output.emit("poison", eventsOf("p"));
  await goodEachSecond(made, 200);
  made.writer.behave = (_, delivery) => delivery.accepted(receiver, true);
  assert.equal(made.output.stats().queueLength, 1);
  await made.output.flush();
  assert.equal(made.output.stats().queueLength, 0);
  await made.output.stop(never);
});

test("at a stop what stands aside is kept as a backup, like everything in memory", async () => {
  const backupFolder = temporaryFolder();
  const made = createOutput({ buffer: forever, environment: { backupFolder } });
  refusePoison(made.writer, noAck);
  await made.output.start();
  await made.output.emit("poison", eventsOf("p"));
  await goodEachSecond(made, 100);
  await made.output.stop(AbortSignal.abort());
  assert.equal(made.counters.get("dropped_events", "shutdown"), 1);
  assert.equal(made.counters.get("chunks_backed_up"), 1);
});

test("drop_oldest_chunk drops the one that stands aside, when it is the oldest", async () => {
  const values = { ...forever, overflow_action: "drop_oldest_chunk", total_limit_size: "100" };
  const made = createOutput({ buffer: values });
  refusePoison(made.writer, noAck);
  await made.output.start();
  await made.output.emit("poison", eventsOf("p".repeat(90)));
  await made.clock.advanceAndSettle(60_000);
  await goodEachSecond(made, 3);
  assert.equal(made.counters.get("dropped_events", "drop_oldest_chunk"), 1);
  await made.clock.advanceAndSettle(60_000);
  assert.equal(made.output.stats().events, 0);
  await made.output.stop(never);
});

test("many poisoned chunks hold up nobody either", async () => {
  const made = createOutput({ buffer: { ...forever, quarantine_attempts: "0" } });
  const { output, writer, clock } = made;
  let open = 0;
  let most = 0;
  writer.behave = async (chunk, delivery) => {
    if (chunk.metadata.tag !== "poison") return delivery.accepted(receiver, true);
    delivery.sent(receiver);
    open += delivery.isAlone ? 1 : 0;
    most = Math.max(most, open);
    await new Promise<void>((resolve) => clock.after(20_000, resolve));
    open -= delivery.isAlone ? 1 : 0;
    delivery.refused(receiver);
    throw noAck();
  };
  await output.start();
  for (let n = 0; n < 100; n++) await output.emit("poison", eventsOf(n));
  await goodEachSecond(made, 500);
  const before = writer.delivered.length;
  await goodEachSecond(made, 300);
  assert.equal(writer.delivered.length - before, 300);
  assert.ok(most <= 8, `${most} at a time`);
  await output.stop(AbortSignal.abort());
});

test("a delivery that begins while the agent stops waiting is not waited for", async () => {
  const made = createOutput({ buffer: { flush_interval: "60s" } });
  await made.output.start();
  made.writer.behave = () => new Promise(() => {});
  const emitted = made.output.emit("a", eventsOf(1));
  await emitted;
  await made.output.stop(AbortSignal.abort());
  assert.equal(made.counters.get("dropped_events", "shutdown"), 1);
});
