import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../../../src/errors.ts";
import { entriesOf } from "../../support/fluentd-plugins.ts";
import { startPlugin } from "../../support/run-plugin.ts";

const start = (config: string) =>
  startPlugin({ kind: "output", type: "detect_exceptions", config: `remove_tag_prefix raw\n${config}` });

const recordsOf = (events: readonly string[]) => events.map((text) => text.slice(text.indexOf("{")));

test("an event without text behind a trace is not lost", async () => {
  const { result, give } = await start("");
  await give("raw.a", entriesOf([{ log: "Exception: x" }, { log: "\tat y" }, { other: 1 }]));
  assert.deepEqual(recordsOf(result.events), ['{"log":"Exception: x\\tat y"}', '{"other":1}']);
});

test("bytes that are no UTF-8 stay what they are", async () => {
  const { result, give } = await start("");
  await give("raw.a", entriesOf([Buffer.from("81a36c6f67a2ff41", "hex"), { log: "plain" }]));
  assert.equal(result.events.length, 2);
});

test("a trace that goes no further is sent after multiline_flush_interval, and at the stop", async () => {
  const { context, result, give, stop } = await start("multiline_flush_interval 5s");
  await give("raw.a", entriesOf([{ log: "Exception: x" }]));
  await context.clock.advanceAndSettle(4000);
  assert.equal(result.events.length, 0);
  await context.clock.advanceAndSettle(3000);
  assert.deepEqual(recordsOf(result.events), ['{"log":"Exception: x"}']);
  await give("raw.a", entriesOf([{ log: "Exception: y" }]));
  await stop();
  assert.equal(result.events.length, 2);
});

test("a language that nobody knows is refused", async () => {
  await assert.rejects(
    start("languages java,cobol"),
    (error) => error instanceof ConfigError && /Unknown language: cobol/.test(error.message),
  );
});
