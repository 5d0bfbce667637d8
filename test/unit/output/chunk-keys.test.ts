import assert from "node:assert/strict";
import { test } from "node:test";
import { EventStream } from "../../../src/event/event-stream.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { timeZone, utc } from "../../../src/event/time-zone.ts";
import { ChunkKeys, chunkField, timekeyOf } from "../../../src/output/chunk-keys.ts";

const position = { file: "f", line: 1 };
const at = (seconds: number, record: object) => ({ time: new EventTime(seconds, 0), record: { ...record } });

test("with only the tag, or nothing, the stream itself passes on, unread", () => {
  const unreadable = new EventStream(Buffer.from("c1c1", "hex"), 2);
  for (const hasTag of [true, false]) {
    const [batch, ...others] = new ChunkKeys(hasTag, undefined, []).split("a.b", unreadable);
    assert.equal(batch?.events, unreadable);
    assert.equal(batch?.metadata.tag, hasTag ? "a.b" : undefined);
    assert.deepEqual(others, []);
  }
});

test("time keys are slices from midnight of the zone", () => {
  const day = { seconds: 86400, zone: timeZone("+09:00")! };
  const tokyoMidnight = Date.UTC(2023, 10, 14, 15) / 1000;
  assert.equal(timekeyOf(tokyoMidnight, day), tokyoMidnight);
  assert.equal(timekeyOf(tokyoMidnight - 1, day), tokyoMidnight - 86400);
  assert.equal(timekeyOf(1700000123, { seconds: 60, zone: utc }), 1700000100);
});

test("events are told apart by time and fields, in order, and come together again", () => {
  const fields = ["pod", "$.k.ns"].map((name) => chunkField(name, position));
  const keys = new ChunkKeys(true, { seconds: 60, zone: utc }, fields);
  const records = [
    at(60, { n: 1, pod: "a", k: { ns: "x" } }),
    at(61, { n: 2, pod: "a", k: { ns: "x" } }),
    at(60, { n: 3, pod: "b", k: { ns: "x" } }),
    at(120, { n: 4, pod: "a", k: { ns: "x" } }),
    at(62, { n: 5, pod: "a", k: { ns: "x" } }),
    at(60, { n: 6 }),
  ];
  const batches = keys
    .split("t", EventStream.fromEvents(records))
    .map(({ metadata, events }) => [
      metadata.timekey,
      Object.fromEntries(metadata.variables ?? []),
      [...events.events()].map(({ record }) => record.n),
      events.size,
    ]);
  assert.deepEqual(batches, [
    [60, { pod: "a", "$.k.ns": "x" }, [1, 2, 5], 3],
    [60, { pod: "b", "$.k.ns": "x" }, [3], 1],
    [120, { pod: "a", "$.k.ns": "x" }, [4], 1],
    [60, { pod: null, "$.k.ns": null }, [6], 1],
  ]);
});

test("a stream of one chunk keeps its compressed form", () => {
  const events = EventStream.fromEvents([at(60, { pod: "a" }), at(61, { pod: "a" })]);
  const compressed = new EventStream(events.packed, 2, {
    compressed: { method: "gzip", bytes: Buffer.from("zipped") },
  });
  const keys = new ChunkKeys(true, undefined, [chunkField("pod", position)]);
  assert.equal(keys.split("t", compressed)[0]?.events, compressed);
});

test("bad keys are refused with fluentd's words", () => {
  assert.throws(() => chunkField("$['a']", position), /in chunk_keys: bracket notation is not allowed/);
  assert.throws(() => chunkField("a b", position), /chunk_keys specification includes invalid char/);
});
