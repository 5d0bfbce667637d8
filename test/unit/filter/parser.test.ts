import assert from "node:assert/strict";
import { test } from "node:test";
import { readSectionOrThrow } from "../../../src/config/parameters.ts";
import { EventStream } from "../../../src/event/event-stream.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { parserFilter } from "../../../src/filter/parser.ts";
import type { FailedEvent } from "../../../src/plugin.ts";
import { parsedElement } from "../../support/parsed-config.ts";
import { pluginContext } from "../../support/plugin-context.ts";

/** What becomes of one record; errors are the messages for @ERROR. */
async function filtered(config: string, record: Record<string, unknown>) {
  const element = parsedElement(`<filter **>\n@type parser\n${config}\n</filter>\n`);
  const errors: string[] = [];
  const context = {
    ...pluginContext(element),
    emitErrors: async (_tag: string, failed: readonly FailedEvent[]) =>
      void errors.push(...failed.map(({ error }) => error.message)),
  };
  const filter = parserFilter.create(readSectionOrThrow(parserFilter.table, element), context);
  const events = await filter.filter("t", EventStream.fromEvents([{ time: new EventTime(7, 8), record }]));
  return { events: [...events.events()].map((event) => ({ ...event, time: event.time.seconds })), errors };
}

const JSON_LOG = "key_name log\n<parse>\n@type json\n</parse>";

test("the parsed fields become the record, with the time that they have", async () => {
  const { events } = await filtered(JSON_LOG, { log: '{"time":5,"a":1}', b: 2 });
  assert.deepEqual(events, [{ time: 5, record: { a: 1 } }]);
});

test("reserve_data merges into the record; the parsed field wins", async () => {
  const { events } = await filtered(`reserve_data true\nreserve_time true\nremove_key_name_field true\n${JSON_LOG}`, {
    log: '{"time":5,"a":1,"b":3}',
    b: 2,
  });
  assert.deepEqual(events, [{ time: 7, record: { b: 3, a: 1 } }]);
});

test("names get the prefix, the hash its field", async () => {
  const { events } = await filtered(`inject_key_prefix p.\nhash_value_field h\n${JSON_LOG}`, {
    log: '{"time":5,"a":1}',
  });
  assert.deepEqual(events, [{ time: 5, record: { h: { "p.a": 1 } } }]);
});

test("what does not match is dropped and reported, or kept with reserve_data", async () => {
  const message = "pattern not matched with data 'x'";
  assert.deepEqual(await filtered(JSON_LOG, { log: "x" }), { events: [], errors: [message] });
  const kept = await filtered(`reserve_data true\n${JSON_LOG}`, { log: "x" });
  assert.deepEqual(kept, { events: [{ time: 7, record: { log: "x" } }], errors: [message] });
});

test("a time that cannot be read drops the record even with reserve_data", async () => {
  const { events, errors } = await filtered(`reserve_data true\n${JSON_LOG}`, { log: '{"time":null}' });
  assert.equal(events.length, 0);
  assert.equal(errors.length, 1);
});

test("an absent field is reported", async () => {
  assert.deepEqual(await filtered(JSON_LOG, { b: 1 }), { events: [], errors: ["log does not exist"] });
});
