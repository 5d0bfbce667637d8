import assert from "node:assert/strict";
import { test } from "node:test";
import { type Event, EventStream } from "../../../../src/event/event-stream.ts";
import { EventTime } from "../../../../src/event/event-time.ts";
import { withIntegerTimes } from "../../../../src/output/forward/integer-time.ts";

test("every EventTime becomes its seconds in the shortest form, and records stay as they are", () => {
  const seconds = [0, 1, 127, 128, 255, 256, 65535, 65536, 1700000000, 2 ** 32 - 1];
  const record = { a: "x", f: 1.5, n: null };
  const events: Event[] = seconds.map((value) => ({ time: new EventTime(value, 999), record }));
  const whole = seconds.map((value) => ({ time: new EventTime(value, 0, true), record }));
  assert.deepEqual(withIntegerTimes(EventStream.fromEvents(events)), EventStream.fromEvents(whole).packed);
});

test("times that are integers already, and the ext8 form, are taken too", () => {
  const integer = EventStream.fromEvents([{ time: new EventTime(5, 0, true), record: {} }]).packed;
  const ext8 = Buffer.from("92c70800000000050000000980", "hex");
  const both = new EventStream(Buffer.concat([integer, ext8]), 2);
  assert.deepEqual(withIntegerTimes(both), Buffer.concat([integer, integer]));
});
