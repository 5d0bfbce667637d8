import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_STREAM_BYTES } from "../../../src/filter/concat.ts";
import { entriesOf } from "../../support/fluentd-plugins.ts";
import { settle } from "../../support/manual-clock.ts";
import { startPlugin } from "../../support/run-plugin.ts";

const start = (config: string) => startPlugin({ kind: "filter", type: "concat", config: `key m\n${config}` });

test("a stream that is silent for flush_interval ends, at the time of the clock", async () => {
  const { context, result, give, stop } = await start("multiline_start_regexp /^s/\nflush_interval 5s");
  await give("a.b", entriesOf([{ m: "s1" }, { m: "x" }]));
  await context.clock.advanceAndSettle(4000);
  assert.equal(result.errors.length, 0);
  await context.clock.advanceAndSettle(2000);
  assert.equal(result.errors.length, 1);
  assert.match(result.errors.join(), /^a\.b d700[0-9a-f]+ \{"m":"s1\\nx"\}$/);
  assert.match(result.errors.join(), new RegExp(`d700${(context.clock.now() / 1000 - 1).toString(16)}`));
  await stop();
  assert.equal(context.clock.pending, 0);
});

test("with timeout_label events go there, and have their first time where configured", async () => {
  const { context, result, give } = await start(
    "multiline_start_regexp /^s/\nflush_interval 1\ntimeout_label @X\nuse_first_timestamp true",
  );
  await give("a.b", entriesOf([{ m: "s1" }]));
  await context.clock.advanceAndSettle(2000);
  assert.deepEqual(result.events, ['a.b d7006553f10000000001 {"m":"s1"}']);
});

test("a stop hands over what waits", async () => {
  const { result, give, stop } = await start("n_lines 3\nstream_identity_key s");
  await give(
    "a.b",
    entriesOf([
      { m: "1", s: "x" },
      { m: "2", s: "y" },
      { m: "3", s: "x" },
    ]),
  );
  await stop();
  assert.deepEqual(
    result.errors.map((text) => text.slice(text.indexOf("{"))),
    ['{"m":"1\\n3","s":"x"}', '{"m":"2","s":"y"}'],
  );
});

test("a stream never holds more than its limit: what passes it goes on", async () => {
  const { result, give } = await start("n_lines 1000000");
  const part = "x".repeat(1024 * 1024);
  for (let index = 0; index <= MAX_STREAM_BYTES / part.length; index++) await give("a.b", entriesOf([{ m: part }]));
  await settle();
  assert.equal(result.errors.length, 1);
});

test("parts that cannot be joined go on one by one, by a timeout, by the last part, and at the stop", async () => {
  const { context, result, give, stop } = await start(
    "multiline_start_regexp /^s/\nmultiline_end_regexp /e$/\nflush_interval 5s",
  );
  const letters = { m: "sé" };
  const bytes = { m: Buffer.from([0xff]) };
  const shown = () => result.errors.splice(0).map((text) => text.slice(text.indexOf("{")));
  await give("a", entriesOf([letters, bytes]));
  await context.clock.advanceAndSettle(6000);
  assert.deepEqual(shown(), ['{"m":"sé"}', '{"m":bin:ff}']);
  await give("a", entriesOf([letters, { m: " é" }, { m: Buffer.from([0xff, 0x65]) }, { m: "s e" }]));
  assert.deepEqual(shown(), ['{"m":bin:ff65}', '{"m":"sé\\n é"}']);
  assert.deepEqual(
    result.events.splice(0).map((text) => text.slice(text.indexOf("{"))),
    ['{"m":"s e"}'],
  );
  await give("a", entriesOf([letters, bytes]));
  await stop();
  assert.equal(shown().length, 2);
});
