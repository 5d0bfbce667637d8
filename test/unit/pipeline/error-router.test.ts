import assert from "node:assert/strict";
import { test } from "node:test";
import { Counters } from "../../../src/counters.ts";
import { BufferOverflowError } from "../../../src/errors.ts";
import { EventStream } from "../../../src/event/event-stream.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { ErrorRouter } from "../../../src/pipeline/error-router.ts";
import { CollectingEmitter } from "../../support/collecting-emitter.ts";
import { MemoryLog } from "../../support/memory-log.ts";

const events = EventStream.fromEvents([{ time: new EventTime(7, 0), record: { a: 1 } }]);
const failed = { entry: events.packed, error: new Error("bad") };
const from = () => ({ counters: new Counters(), logger: new MemoryLog(), insideError: false });

test("without @ERROR a guarded output is the output itself", () => {
  const output = new CollectingEmitter();
  assert.equal(new ErrorRouter(new MemoryLog()).guard(output), output);
});

test("what an output refuses goes to @ERROR, and the sender is content", async () => {
  const log = new MemoryLog();
  const router = new ErrorRouter(log);
  const [output, label] = [new CollectingEmitter(), new CollectingEmitter()];
  router.connect(label);
  output.error = new Error("refused");
  await router.guard(output).emit("t", events);
  assert.deepEqual(label.tags, ["t"]);
  assert.deepEqual(log.messages("warn"), ["send an error event stream to @ERROR:"]);
});

test("when @ERROR refuses too, the sender gets the first error", async () => {
  const router = new ErrorRouter(new MemoryLog());
  const [output, label] = [new CollectingEmitter(), new CollectingEmitter()];
  router.connect(label);
  output.error = new Error("first");
  label.error = new Error("second");
  await assert.rejects(router.guard(output).emit("t", events), /first/);
});

test("an output behind @ERROR that fails outside of it makes no endless loop", async () => {
  const router = new ErrorRouter(new MemoryLog());
  let tries = 0;
  let guarded = { emit: async (_tag: string, _events: EventStream) => {} };
  router.connect({ emit: (tag, stream) => guarded.emit(tag, stream) });
  guarded = router.guard({
    emit: async () => {
      tries += 1;
      throw new Error("always");
    },
  });
  await assert.rejects(guarded.emit("t", events), /always/);
  assert.ok(tries > 1 && tries < 100, `${tries} tries`);
});

test("an event that cannot be processed goes to @ERROR", async () => {
  const router = new ErrorRouter(new MemoryLog());
  const label = new CollectingEmitter();
  router.connect(label);
  const plugin = from();
  await router.emitErrors("t", [failed], plugin);
  assert.deepEqual([label.tags, plugin.counters.get("dropped_events", "error_event")], [["t"], 0]);
});

test("of a batch all that fail go to @ERROR together, be they many, and of many batches at once", async () => {
  const router = new ErrorRouter(new MemoryLog());
  const label = new CollectingEmitter();
  router.connect(label);
  label.hold = true;
  const plugin = from();
  const emits = Array.from({ length: 1000 }, () => router.emitErrors("t", [failed, failed, failed], plugin));
  for (const { resolve } of label.held) resolve();
  await Promise.all(emits);
  assert.deepEqual([label.batches.length, label.records.length], [1000, 3000]);
  assert.equal(plugin.counters.get("dropped_events", "error_event"), 0);
});

test("without @ERROR, and inside of it, the log shows the event and it is counted as dropped", async () => {
  const router = new ErrorRouter(new MemoryLog());
  for (const insideError of [false, true]) {
    const plugin = { ...from(), insideError };
    if (insideError) router.connect(new CollectingEmitter());
    await router.emitErrors("t", [failed], plugin);
    const [line] = plugin.logger.lines;
    assert.equal(line?.message, "dump an error event:");
    assert.deepEqual([line?.fields.tag, line?.fields.time, line?.fields.record], ["t", "7", '{"a":1}']);
    assert.equal(plugin.counters.get("dropped_events", "error_event"), 1);
  }
});

test("when @ERROR has no room now, the sender keeps the event", async () => {
  const router = new ErrorRouter(new MemoryLog());
  const label = new CollectingEmitter();
  router.connect(label);
  label.error = new BufferOverflowError("full");
  await assert.rejects(router.emitErrors("t", [failed], from()), /full/);
});
