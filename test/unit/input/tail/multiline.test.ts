import assert from "node:assert/strict";
import { test } from "node:test";
import { TailFixture } from "./tail-fixture.ts";

const BY_FIRST_LINE = "<parse>\n@type multiline\nformat_firstline /^\\d/\nformat1 /^(?<message>.*)/\n</parse>";
const WHOLE = "<parse>\n@type multiline\nformat1 /^begin\\n(?<message>.*)\\nend$/\n</parse>";
const HEAD = "read_from_head true";

test("an event ends where the next begins, after the flush interval, or at the stop", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "orphan\n1 a\n  b\n2 c\n");
  await tail.start(`${HEAD}\nmultiline_flush_interval 5`, { parse: BY_FIRST_LINE });
  await tail.until(() => tail.messages.length === 1);
  assert.equal(tail.positions, tail.line("x.log", 15), "the position waits before an event that is not whole");
  await tail.until(() => tail.messages.length === 2);
  assert.equal(tail.positions, tail.line("x.log", 19));
  tail.write("x.log", "3 d\n  e\n");
  await tail.pass(1);
  await tail.stop();
  assert.deepEqual(tail.messages, ["1 a\n  b", "2 c", "3 d\n  e"]);
  assert.equal(tail.positions, tail.line("x.log", 27));
  assert.equal(tail.plugin.counters.get("dropped_events", "incomplete_line"), 1);
});

test("without a first line, lines gather until all of them match", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "begin\na\nb\nend\nbegin\nc\n");
  await tail.start(HEAD, { parse: WHOLE });
  await tail.until(() => tail.messages.length === 1);
  tail.write("x.log", "end\n");
  await tail.until(() => tail.messages.length === 2);
  assert.deepEqual(tail.messages, ["a\nb", "c"]);
});

test("an event larger than a block is one event", async (context) => {
  const tail = new TailFixture(context);
  const lines = "  more\n".repeat(60_000);
  tail.write("x.log", `1 a\n${lines}2 b\n`);
  await tail.start(HEAD, { parse: BY_FIRST_LINE });
  await tail.until(() => tail.messages.length === 1);
  assert.equal(tail.messages[0]?.length, `1 a\n${lines}`.length - 1);
});

test("what does not match is an event of its own where the configuration says so", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", 'no\n{"message":1}\n');
  await tail.start(`${HEAD}\nemit_unmatched_lines true\npath_key p`, { parse: "<parse>\n@type json\n</parse>" });
  await tail.until(() => tail.plugin.emitter.records.length === 2);
  const p = tail.path("x.log");
  assert.deepEqual(tail.plugin.emitter.records, [
    { unmatched_line: "no", p },
    { message: 1, p },
  ]);
});
