import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventStream } from "../../../src/event/event-stream.ts";
import { OwnLog } from "../../../src/pipeline/own-log.ts";
import type { Emitter } from "../../../src/plugin.ts";
import { CollectingEmitter } from "../../support/collecting-emitter.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryLog } from "../../support/memory-log.ts";

function setUp(emitter: Emitter = new CollectingEmitter()) {
  const clock = new ManualClock();
  const ownLog = new OwnLog(clock);
  const log = new MemoryLog();
  /** As createLogger does: every line goes to the tap, too. */
  const say = (message: string, fields = {}) => ownLog.tap("info", message, fields);
  const deliver = async () => {
    clock.advance(60_000);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return { clock, ownLog, log, say, deliver, connect: () => ownLog.connect(emitter, log) };
}

test("lines become events with the level in the tag, the fields, and the message with them", async () => {
  const collector = new CollectingEmitter();
  const { ownLog, say, deliver, connect } = setUp(collector);
  say("before anyone listens");
  connect();
  say("no patterns matched", { tag: "x", count: 2 });
  ownLog.tap("warn", "second", {});
  await deliver();
  assert.deepEqual(collector.tags, ["fluent.info", "fluent.warn"]);
  assert.deepEqual(collector.records, [
    { tag: "x", count: 2, message: 'no patterns matched tag="x" count=2' },
    { message: "second" },
  ]);
});

test("logging waits for nothing, and more than a thousand waiting lines are dropped and counted", () => {
  const { ownLog, say, connect } = setUp({ emit: () => new Promise(() => {}) });
  connect();
  for (let index = 0; index < 1500; index++) say("line");
  assert.equal(ownLog.dropped, 500);
});

test("a line that the delivery logs at once is no event", async () => {
  const batches: EventStream[] = [];
  const { say, deliver, connect } = setUp({
    async emit(_tag, events) {
      say("no patterns matched");
      batches.push(events);
    },
  });
  connect();
  say("first");
  for (let round = 0; round < 5; round++) await deliver();
  assert.deepEqual(
    batches.map((events) => events.size),
    [1],
  );
});

test("lines that a failing delivery logs go with it, and its failure is no event either", async () => {
  let emits = 0;
  const { ownLog, log, say, deliver, connect } = setUp({
    async emit() {
      emits += 1;
      await Promise.resolve();
      say("failed to write data into buffer by buffer overflow");
      throw new Error("full");
    },
  });
  connect();
  say("first");
  for (let round = 0; round < 5; round++) await deliver();
  assert.equal(emits, 1);
  assert.deepEqual(log.messages("error"), ["failed to emit fluentd's log event"]);
  assert.equal(ownLog.dropped, 2);
});

test("after a failed delivery the next one waits longer", async () => {
  const collector = new CollectingEmitter();
  const { clock, say, deliver, connect } = setUp(collector);
  connect();
  collector.error = new Error("full");
  say("lost");
  await deliver();
  collector.error = undefined;
  say("kept");
  clock.advance(500);
  assert.deepEqual(collector.tags, []);
  await deliver();
  assert.equal(collector.records[0]?.message, "kept");
});

test("disconnect delivers what waits, and nothing after it", async () => {
  const collector = new CollectingEmitter();
  const { ownLog, say, connect, clock } = setUp(collector);
  connect();
  say("last words");
  await ownLog.disconnect();
  await ownLog.disconnect();
  say("too late");
  assert.deepEqual(collector.records, [{ message: "last words" }]);
  assert.equal(clock.pending, 0);
});
