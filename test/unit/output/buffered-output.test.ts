import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AckError, BufferOverflowError, NetworkError, StoppingError, UnrecoverableError } from "../../../src/errors.ts";
import { eventually } from "../../support/eventually.ts";
import { settle } from "../../support/manual-clock.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { eventsOf, messagesIn } from "../buffer/buffer-fixture.ts";
import { createOutput } from "./output-fixture.ts";

const never = new AbortController().signal;
const interval = { flush_interval: "10s" };
const refuse = () => {
  throw new NetworkError("refused");
};

test("flush_interval after its first event a chunk is sent, and not before", async () => {
  const { output, writer, clock, counters } = createOutput({ buffer: interval });
  await output.start();
  await output.emit("a", eventsOf(1));
  await clock.advanceAndSettle(9900);
  await output.emit("a", eventsOf(2));
  assert.deepEqual(writer.delivered, []);
  await clock.advanceAndSettle(1100);
  assert.deepEqual(writer.delivered, [[1, 2]]);
  assert.deepEqual([counters.get("emitted_events"), counters.get("delivered_events")], [2, 2]);
  await output.stop(never);
});

test("a full chunk is sent at once, and so is everything in flush_mode immediate", async () => {
  const full = createOutput({ buffer: { ...interval, chunk_limit_records: "2" } });
  await full.output.start();
  await full.output.emit("a", eventsOf(1, 2));
  await settle();
  assert.deepEqual(full.writer.delivered, [[1, 2]]);
  const immediate = createOutput({ buffer: { flush_mode: "immediate" } });
  await immediate.output.start();
  for (const n of [1, 2]) await immediate.output.emit("a", eventsOf(n));
  await settle();
  assert.deepEqual(immediate.writer.delivered, [[1], [2]]);
});

test("by time no chunk is queued while queued_chunks_limit_size chunks wait; the rest follows at once", async () => {
  const { output, writer, clock } = createOutput({ buffer: { ...interval, queued_chunks_limit_size: "1" } });
  await output.start();
  let release = () => {};
  writer.behave = () => new Promise((resolve) => (release = resolve));
  for (const tag of ["a", "b", "c"]) await output.emit(tag, eventsOf(tag));
  await clock.advanceAndSettle(20_000);
  assert.equal(writer.attempts.length, 1);
  assert.deepEqual([output.stats().stageLength, output.stats().queueLength], [1, 1]);
  writer.behave = () => {};
  release();
  await settle();
  assert.deepEqual(writer.delivered.flat().sort(), ["a", "b", "c"]);
});

test("flush_thread_count chunks are written at a time; one that is sent makes room for the next", async () => {
  const { output, writer } = createOutput({ buffer: { flush_mode: "immediate", flush_thread_count: "2" } });
  await output.start();
  writer.behave = () => new Promise(() => {});
  for (const n of [1, 2, 3, 4]) await output.emit("a", eventsOf(n));
  await settle();
  assert.equal(writer.attempts.length, 2);
  writer.attempts[0]?.delivery.sent();
  writer.attempts[0]?.delivery.sent();
  await settle();
  assert.equal(writer.attempts.length, 3);
  assert.equal(output.stats().awaitingAck, 1);
});

test("a failed chunk is retried with the same id after 1, 2, 4 seconds, with fluentd's words", async () => {
  const { output, writer, clock, lines, counters } = createOutput({ buffer: { flush_mode: "immediate" } });
  await output.start();
  writer.behave = refuse;
  await output.emit("a", eventsOf(1));
  await settle();
  assert.equal(writer.attempts.length, 1);
  for (const [waitMs, attempts] of [
    [999, 1],
    [1, 2],
    [1999, 2],
    [1, 3],
    [3999, 3],
  ] as const) {
    await clock.advanceAndSettle(waitMs);
    assert.equal(writer.attempts.length, attempts, `after ${waitMs}`);
  }
  const warning = lines.find(({ message }) => message === "failed to flush the buffer.");
  assert.deepEqual(Object.keys(warning?.fields ?? {}), ["retry_times", "next_retry_time", "chunk", "error"]);
  assert.equal(output.stats().retry?.steps, 2);
  writer.behave = () => {};
  await clock.advanceAndSettle(1);
  assert.equal(new Set(writer.ids).size, 1);
  assert.equal(lines.at(-1)?.message, "retry succeeded.");
  assert.equal(output.stats().retry, undefined);
  assert.equal(counters.get("retries"), 3);
});

test("a missing ack is tried again without end and without counting, a little slower each time", async () => {
  const { output, writer, clock, counters } = createOutput({
    buffer: { flush_mode: "immediate", retry_max_times: "0" },
  });
  await output.start();
  writer.behave = () => {
    throw new AckError("no response from node. regard it as unavailable.");
  };
  await output.emit("a", eventsOf(1));
  await settle();
  for (const [waitMs, attempts] of [
    [1000, 2],
    [1000, 2],
    [1000, 3],
    [4000, 4],
    [8000, 5],
    [9999, 5],
    [1, 6],
  ] as const) {
    await clock.advanceAndSettle(waitMs);
    assert.equal(writer.attempts.length, attempts);
  }
  writer.behave = () => {};
  await clock.advanceAndSettle(10_000);
  assert.deepEqual(writer.delivered, [[1]]);
  assert.equal(new Set(writer.ids).size, 1);
  assert.equal(counters.get("retries"), 0);
});

test("at the retry limit the queue is moved to the backup folder and counted; staged events stay", async () => {
  const backupFolder = temporaryFolder();
  const { output, writer, clock, messages, counters } = createOutput({
    buffer: { ...interval, chunk_limit_records: "2", retry_max_times: "1", retry_wait: "1s" },
    environment: { backupFolder },
  });
  await output.start();
  writer.behave = refuse;
  await output.emit("a", eventsOf(1, 2));
  await output.emit("b", eventsOf(3, 4));
  await output.emit("c", eventsOf(5));
  await clock.advanceAndSettle(1000);
  await eventually(() => counters.get("chunks_backed_up") === 2);
  assert.ok(messages().includes("Hit limit for retries. dropping all chunks in the buffer queue."));
  assert.ok(messages().includes(`chunk files are evacuated to ${join(backupFolder, "buffer", "keeping_1")}.`));
  assert.deepEqual([counters.get("dropped_events", "retry_limit"), counters.get("chunks_backed_up")], [4, 2]);
  const kept = readdirSync(join(backupFolder, "buffer", "keeping_1"));
  assert.equal(kept.filter((name) => name.endsWith(".meta")).length, 2);
  assert.deepEqual([output.stats().queueLength, output.stats().stageLength], [0, 1]);
  writer.behave = () => {};
  await clock.advanceAndSettle(10_000);
  assert.deepEqual(writer.delivered, [[5]]);
});

test("at the retry limit nothing is dropped when the backup cannot be written", async () => {
  const backupFolder = join(temporaryFolder(), "\0");
  const { output, writer, clock, counters } = createOutput({
    buffer: { flush_mode: "immediate", retry_max_times: "0" },
    environment: { backupFolder },
  });
  await output.start();
  writer.behave = refuse;
  await output.emit("a", eventsOf(1));
  await clock.advanceAndSettle(1500);
  assert.equal(counters.get("dropped_events", "retry_limit"), 0);
  writer.behave = () => {};
  await clock.advanceAndSettle(5000);
  assert.deepEqual(writer.delivered, [[1]]);
});

test("what no retry can mend goes to the backup folder at once, byte for byte", async () => {
  const backupFolder = temporaryFolder();
  const { output, writer, counters, messages } = createOutput({
    buffer: { flush_mode: "immediate" },
    environment: { backupFolder },
  });
  await output.start();
  writer.behave = () => {
    throw new UnrecoverableError("never");
  };
  await output.emit("a", eventsOf(1, 2));
  await eventually(() => counters.get("chunks_backed_up") === 1);
  const folder = join(backupFolder, "backup/worker0/keeping_1");
  const [name] = readdirSync(folder);
  assert.equal(name, `${writer.ids[0]}.log`);
  assert.deepEqual(readFileSync(join(folder, name as string)), eventsOf(1, 2).packed);
  assert.equal(messages()[0], "got unrecoverable error in primary and no secondary");
  assert.deepEqual([counters.get("dropped_events", "unrecoverable"), output.stats().totalBytes], [2, 0]);
});

test("disable_chunk_backup throws such a chunk away, and says so", async () => {
  const backupFolder = temporaryFolder();
  const { output, writer, messages } = createOutput({
    buffer: { flush_mode: "immediate", disable_chunk_backup: "true" },
    environment: { backupFolder },
  });
  await output.start();
  writer.behave = () => {
    throw new TypeError("never");
  };
  await output.emit("a", eventsOf(1));
  await settle();
  assert.equal(messages()[1], `disable_chunk_backup is true. ${writer.ids[0]} chunk is thrown away.`);
  assert.deepEqual(readdirSync(backupFolder), []);
});

test("the secondary gets what the primary refuses for good, and retries from the threshold on", async () => {
  const { output, writer, secondary, clock, messages } = createOutput({
    buffer: { flush_mode: "immediate", retry_timeout: "10s", retry_secondary_threshold: "0.5" },
    secondary: { "@type": "secondary_file" },
  });
  await output.start();
  writer.behave = () => {
    throw new UnrecoverableError("never");
  };
  await output.emit("a", eventsOf(1));
  await settle();
  assert.deepEqual(secondary.delivered, [[1]]);
  writer.behave = refuse;
  await output.emit("a", eventsOf(2));
  await clock.advanceAndSettle(4999);
  assert.deepEqual(secondary.delivered, [[1]]);
  await clock.advanceAndSettle(1);
  assert.deepEqual(secondary.delivered, [[1], [2]]);
  assert.equal(messages().at(-1), "retry succeeded by secondary.");
});

test("overflow: throw_exception refuses, drop_oldest_chunk makes room and counts", async () => {
  const refusing = createOutput({ buffer: { ...interval, total_limit_size: "1" } });
  await refusing.output.start();
  await refusing.output.emit("a", eventsOf(1));
  await assert.rejects(refusing.output.emit("a", eventsOf(2)), BufferOverflowError);
  assert.equal(refusing.messages().at(-1), "failed to write data into buffer by buffer overflow");

  const dropping = createOutput({
    buffer: { ...interval, total_limit_size: "1", overflow_action: "drop_oldest_chunk", chunk_limit_records: "1" },
  });
  await dropping.output.start();
  dropping.writer.behave = refuse;
  await dropping.output.emit("a", eventsOf(1));
  await settle();
  await dropping.output.emit("a", eventsOf(2));
  dropping.writer.behave = () => {};
  await dropping.clock.advanceAndSettle(5000);
  assert.deepEqual(dropping.writer.delivered, [[2]]);
  assert.equal(dropping.counters.get("dropped_events", "drop_oldest_chunk"), 1);
});

test("overflow: block lets the emit wait until there is room, and a stop breaks the wait", async () => {
  const { output, writer, clock } = createOutput({
    buffer: { ...interval, total_limit_size: "1", overflow_action: "block" },
  });
  await output.start();
  await output.emit("a", eventsOf(1));
  let isStored = false;
  const waiting = output.emit("a", eventsOf(2)).then(() => (isStored = true));
  await settle();
  assert.ok(!isStored);
  await clock.advanceAndSettle(11_000);
  await waiting;
  assert.deepEqual(writer.delivered, [[1]]);
  const broken = assert.rejects(output.emit("a", eventsOf(3)), StoppingError);
  await settle();
  await output.stop(never);
  await broken;
  assert.deepEqual(writer.delivered, [[1], [2]]);
});

test("a stop delivers what is in memory, tries again until the deadline, and keeps the rest as files", async () => {
  const backupFolder = temporaryFolder();
  const { output, writer, clock, counters } = createOutput({ buffer: interval, environment: { backupFolder } });
  await output.start();
  await output.emit("a", eventsOf(1));
  await output.emit("b", eventsOf(2));
  writer.behave = ({ metadata }) => {
    if (metadata.tag === "b") refuse();
  };
  const deadline = new AbortController();
  const stopped = output.stop(deadline.signal);
  await clock.advanceAndSettle(5000);
  assert.deepEqual(writer.delivered, [[1]]);
  assert.ok(writer.attempts.length > 4, "it goes on trying");
  deadline.abort();
  await stopped;
  const folder = join(backupFolder, "backup/worker0/keeping_1");
  assert.deepEqual(messagesIn(readFileSync(join(folder, chunkFiles(folder)[0] as string))), [2]);
  assert.equal(counters.get("dropped_events", "shutdown"), 1);
  assert.equal(writer.stops, 1);
  await output.stop(never);
  assert.equal(writer.stops, 1, "stop is safe twice");
  await assert.rejects(output.emit("a", eventsOf(3)), StoppingError);
});

test("a stop waits for acks that are on their way, but not past the deadline; file chunks stay", async () => {
  const path = temporaryFolder();
  const options = { buffer: { "@type": "file", path, flush_mode: "immediate", flush_thread_count: "2" } };
  const { output, writer, lines } = createOutput(options);
  await output.start();
  let acknowledge = () => {};
  writer.behave = ({ metadata }, { sent }) => {
    sent();
    return new Promise((resolve) => {
      if (metadata.tag === "acked") acknowledge = resolve;
    });
  };
  await output.emit("acked", eventsOf(1));
  await output.emit("silent", eventsOf(2));
  await settle();
  const deadline = new AbortController();
  const stopped = output.stop(deadline.signal);
  await settle();
  acknowledge();
  await settle();
  deadline.abort();
  await stopped;
  assert.ok(writer.attempts[1]?.delivery.signal.aborted);
  assert.equal(lines.at(-1)?.message, "delayed commit for buffer chunks was cancelled in shutdown");
  assert.deepEqual(chunkFiles(path), [`buffer.q${writer.ids[1]}.log`, `buffer.q${writer.ids[1]}.log.meta`]);

  const next = createOutput(options);
  await next.output.start();
  await next.output.flush();
  assert.deepEqual([next.writer.delivered, next.writer.ids], [[[2]], [writer.ids[1]]]);
});

test("delayed_commit_timeout takes back a chunk that was sent and never acknowledged", async () => {
  const { output, writer, clock, lines } = createOutput({
    buffer: { flush_mode: "immediate", delayed_commit_timeout: "30s" },
  });
  await output.start();
  writer.behave = (_, { sent }) => {
    sent();
    return new Promise(() => {});
  };
  await output.emit("a", eventsOf(1));
  await clock.advanceAndSettle(29_999);
  assert.equal(output.stats().retry, undefined);
  await clock.advanceAndSettle(1);
  assert.match(String(lines.at(-1)?.fields?.error), /failed to flush the buffer chunk, timeout to commit\.$/);
  assert.ok(writer.attempts[0]?.delivery.signal.aborted);
  await clock.advanceAndSettle(1000);
  assert.equal(writer.attempts.length, 2);
});

test("flush sends what is staged, at once", async () => {
  const { output, writer } = createOutput({ buffer: interval });
  await output.start();
  await output.emit("a", eventsOf(1));
  await output.flush();
  assert.deepEqual(writer.delivered, [[1]]);
});

test("chunks of one key come in order however often they fail", async () => {
  const { output, writer, clock } = createOutput({ buffer: { flush_mode: "immediate" } });
  await output.start();
  let failures = 0;
  writer.behave = () => {
    failures += 1;
    if (failures % 3 !== 0) refuse();
  };
  for (let n = 1; n <= 10; n++) await output.emit("a", eventsOf(n));
  await clock.advanceAndSettle(600_000);
  assert.deepEqual(writer.delivered.flat(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

/** What a folder holds besides the journal. */
function chunkFiles(folder: string): string[] {
  return readdirSync(folder).filter((name) => !name.includes(".journal-") && !name.startsWith("."));
}
