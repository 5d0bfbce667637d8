import assert from "node:assert/strict";
import { test } from "node:test";
import { EventStream } from "../../../src/event/event-stream.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { msgpackToJson } from "../../../src/event/json.ts";
import { walkEntries } from "../../../src/event/walker.ts";
import { injection, injectTable } from "../../../src/formatter/inject.ts";
import { configElement, configSection } from "../../support/config-section.ts";

const events = EventStream.fromEvents([
  { time: new EventTime(1_700_000_000, 123_456_789), record: { a: 1, tag: "old" } },
  { time: new EventTime(5, 0, true), record: {} },
]);

const owner = configElement("match", "**", {});

function inject(values: Record<string, string>): string[] {
  const config = configSection(injectTable, "", values);
  const result = injection({ inject: config, element: owner })?.("my.tag", events) as EventStream;
  assert.deepEqual(walkEntries(result.packed, 0, result.packed.length), {
    count: 2,
    end: result.packed.length,
    plain: true,
  });
  return [...result.entries()].map(({ recordStart, end }) => msgpackToJson(result.packed, recordStart, end));
}

test("fields stand behind the record's own; one of the same name keeps its place", () => {
  assert.deepEqual(inject({ tag_key: "tag", hostname_key: "host", hostname: "h1", worker_id_key: "worker" }), [
    '{"a":1,"tag":"my.tag","host":"h1","worker":0}',
    '{"host":"h1","worker":0,"tag":"my.tag"}',
  ]);
});

test("the time is written in every form", () => {
  const at = (type: string, more = {}) =>
    inject({ time_key: "t", time_type: type, ...more }).map((text) => JSON.parse(text).t);
  assert.deepEqual(at("unixtime"), [1_700_000_000, 5]);
  assert.deepEqual(at("unixtime_millis"), [1_700_000_000_123, 5000]);
  assert.deepEqual(at("unixtime_micros"), [1_700_000_000_123_456, 5_000_000]);
  assert.deepEqual(at("string", { utc: "true" }), ["2023-11-14T22:13:20Z", "1970-01-01T00:00:05Z"]);
  assert.deepEqual(at("string", { time_format: "%S.%L", utc: "true" }), ["20.123", "05.000"]);
  assert.match(inject({ time_key: "t", time_type: "unixtime_nanos" })[0] as string, /"t":1700000000123456789\}/);
  assert.match(inject({ time_key: "t" })[1] as string, /"t":5\.0\}/);
  assert.match(inject({ time_key: "t" })[0] as string, /"t":1700000000\.123456\}/);
});

test("without a field to write, streams pass untouched", () => {
  assert.equal(injection({ inject: undefined, element: owner }), undefined);
  assert.equal(injection({ inject: configSection(injectTable, "", {}), element: owner }), undefined);
});
