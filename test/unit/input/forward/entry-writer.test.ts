import assert from "node:assert/strict";
import { test } from "node:test";
import { EventStream } from "../../../../src/event/event-stream.ts";
import { encode } from "../../../../src/event/msgpack.ts";
import { EntryWriter, type FloatTimes } from "../../../../src/input/forward/entry-writer.ts";
import { SourceFields } from "../../../../src/input/forward/source-fields.ts";
import { array, entry, eventTime, longEventTime } from "../../../support/forward-messages.ts";

const NOW_MS = 1_600_000_000_250;
const now = eventTime(1_600_000_000, 250_000_000);
const record = { k: "v" };

function written(entries: readonly Buffer[], floatTimes: FloatTimes = "convert", fields?: SourceFields) {
  const writer = new EntryWriter({ floatTimes, now: () => NOW_MS }, fields);
  const bytes = Buffer.concat(entries);
  const dropped = writer.writeEntries(bytes, 0, bytes.length);
  const { size } = writer;
  return { dropped, size, packed: writer.take().packed };
}
const becomes = (from: Buffer, to: Buffer, floatTimes?: FloatTimes) =>
  assert.deepEqual(written([from], floatTimes), { dropped: 0, size: 1, packed: to });

test("valid entries are copied byte for byte", () => {
  for (const time of [eventTime(5, 6), longEventTime(5, 6), 1_700_000_000, -1, 2n ** 40n]) {
    becomes(entry(time, record), entry(time, record));
  }
});

test("nil and 0 become the present time", () => {
  becomes(entry(null, record), entry(now, record));
  becomes(entry(0, record), entry(now, record));
});

test("Fluent Bit's time with metadata becomes the time", () => {
  becomes(array(array(eventTime(5, 6), { meta: 1 }), record), entry(eventTime(5, 6), record));
  becomes(array(array(5, {}), record), entry(5, record));
});

test("a float time becomes an event time unless skip_invalid_event says otherwise", () => {
  const float64 = Buffer.from("cb41d954fc40200000", "hex"); // 1700000000.5
  becomes(entry(float64, record), entry(eventTime(1_700_000_000, 500_000_000), record));
  becomes(entry(Buffer.from("ca3fc00000", "hex"), record), entry(eventTime(1, 500_000_000), record));
  becomes(entry(float64, record), entry(float64, record), "keep");
  assert.equal(written([entry(float64, record)], "drop").dropped, 1);
  for (const impossible of [-1.5, 5e9 + 0.5, Number.NaN]) {
    const bytes = Buffer.alloc(9, 0xcb);
    bytes.writeDoubleBE(impossible, 1);
    assert.equal(written([entry(bytes, record)]).dropped, 1, String(impossible));
  }
});

test("what is no event is dropped, and its neighbours stay", () => {
  const good = entry(eventTime(1), record);
  const bad = [
    encode("text"),
    encode({}),
    array(),
    array(1),
    entry(1, null),
    entry(1, "text"),
    entry("1700000000", record),
    entry(true, record),
    array(array(array(1), {}), record),
    array(array(), record),
    entry(Buffer.from("d7010000000000000000", "hex"), record),
  ];
  for (const entryBytes of bad) {
    assert.deepEqual(written([good, entryBytes, good]), { dropped: 1, size: 2, packed: Buffer.concat([good, good]) });
  }
});

test("elements behind time and record are left out", () => {
  becomes(array(5, record, "more"), entry(5, record));
});

test("integers become EventTimes where they are to", () => {
  const writer = new EntryWriter({ floatTimes: "convert", convertsIntegers: true, now: () => NOW_MS }, undefined);
  assert.deepEqual([writer.isVerbatim(true), writer.isVerbatim(false)], [true, false]);
  const times = [5, 300, 1_700_000_000, 0xffffffff];
  for (const time of times) writer.writeEntries(entry(time, record), 0, entry(time, record).length);
  writer.writeEntries(entry(eventTime(7), record), 0, entry(eventTime(7), record).length);
  const expected = [...times, 7].map((time) => entry(eventTime(time), record));
  assert.deepEqual(writer.take().packed, Buffer.concat(expected));
});

test("a torn last entry is left out, and is not counted as dropped", () => {
  const good = entry(eventTime(1), record);
  assert.deepEqual(written([good, good.subarray(0, good.length - 1)]), { dropped: 0, size: 1, packed: good });
});

test("source fields go behind the others, or in place of a field of that name", () => {
  const fields = new SourceFields(
    new Map([
      ["addr", "10.0.0.7"],
      ["host", "node-7"],
    ]),
  );
  const recordOf = (value: unknown) => {
    const { packed, size } = written([entry(5, value)], "convert", fields);
    const [event] = new EventStream(packed, size).events();
    return JSON.stringify(event?.record, (_key, value) =>
      value?.type === "Buffer" ? Buffer.from(value.data).toString() : value,
    );
  };
  assert.equal(recordOf({ k: "v" }), '{"k":"v","addr":"10.0.0.7","host":"node-7"}');
  assert.equal(recordOf({}), '{"addr":"10.0.0.7","host":"node-7"}');
  assert.equal(recordOf({ addr: { was: [1] }, k: 1 }), '{"addr":"10.0.0.7","k":1,"host":"node-7"}');
  assert.equal(recordOf({ host: 1, x: 2, addr: 3 }), '{"host":"node-7","x":2,"addr":"10.0.0.7"}');
  for (const count of [14, 15, 16, 65_533, 65_534, 65_536]) {
    const many = Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]));
    const fieldsNow = JSON.parse(recordOf(many)) as Record<string, unknown>;
    assert.deepEqual(fieldsNow, { ...many, addr: "10.0.0.7", host: "node-7" });
  }
});

test("a field that stands twice in a record gets the new value twice, so that every reader sees it", () => {
  const fields = new SourceFields(new Map([["a", "new"]]));
  const twice = Buffer.concat([Buffer.from([0x82]), encode("a"), encode(1), encode("a"), encode(2)]);
  const { packed } = written([entry(5, twice)], "convert", fields);
  const bytes = encode(Buffer.from("new"));
  const expected = Buffer.concat([Buffer.from([0x82]), encode("a"), bytes, encode("a"), bytes]);
  assert.deepEqual(packed, entry(5, expected));
});
