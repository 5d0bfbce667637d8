import assert from "node:assert/strict";
import { renameSync } from "node:fs";
import { test } from "node:test";
import { TailFixture } from "./tail-fixture.ts";

const JOINED = "<parse>\n@type cri\njoin_partial_lines true\n</parse>";
const HEAD = "read_from_head true";
const line = (rest: string, second = 0) => `2024-01-02T03:04:${String(second).padStart(2, "0")}.000Z ${rest}\n`;

test("parts of a line are one event, and the position waits before them", async (context) => {
  const tail = new TailFixture(context);
  const whole = line("stdout F whole");
  tail.write("x.log", `${whole}${line("stdout P a", 1)}`);
  await tail.start(HEAD, { parse: JOINED });
  await tail.until(() => tail.messages.length === 1);
  tail.write("x.log", line("stdout P b", 2));
  await tail.pass(2);
  assert.equal(tail.positions, tail.line("x.log", whole.length));
  tail.write("x.log", line("stdout F c", 3));
  await tail.until(() => tail.messages.length === 2);
  assert.deepEqual(tail.plugin.emitter.records[1], {
    stream: "stdout",
    logtag: "F",
    message: "abc",
    time: "2024-01-02T03:04:01.000Z",
  });
  assert.equal(tail.positions, tail.line("x.log", whole.length + 3 * line("stdout P a").length));
});

test("parts of two streams alternate", async (context) => {
  const tail = new TailFixture(context);
  const lines = ["stdout P a", "stderr P 1", "stdout F b", "stderr F 2", "stdout F c"].map((rest) => line(rest));
  tail.write("x.log", lines.join(""));
  await tail.start(HEAD, { parse: JOINED });
  await tail.until(() => tail.messages.length === 3);
  assert.deepEqual(tail.messages, ["ab", "12", "c"]);
});

test("over a stop parts wait in the file, and are joined after the next start", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", line("stdout F whole") + line("stdout P a"));
  await tail.start(HEAD, { parse: JOINED });
  await tail.until(() => tail.messages.length === 1);
  await tail.stop();
  assert.equal(tail.positions, tail.line("x.log", line("stdout F whole").length));
  tail.write("x.log", line("stdout F b"));
  await tail.start(HEAD, { parse: JOINED });
  await tail.until(() => tail.messages.length === 2);
  assert.deepEqual(tail.messages, ["whole", "ab"]);
});

test("without a pos_file a stop takes parts as they are", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", line("stdout F whole") + line("stdout P a") + line("stdout P b"));
  await tail.start(HEAD, { parse: JOINED, posFile: false });
  await tail.until(() => tail.messages.length === 1);
  await tail.stop();
  assert.deepEqual(tail.messages, ["whole", "ab"]);
});

test("parts whose last one never comes are taken after the flush interval", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", line("stdout P a") + line("stderr F b"));
  await tail.start(`${HEAD}\nmultiline_flush_interval 5`, { parse: JOINED });
  await tail.until(() => tail.messages.length === 2);
  assert.deepEqual(tail.messages, ["b", "a"]);
  assert.equal((tail.plugin.emitter.records[1] as { logtag: string }).logtag, "P");
});

test("a rotated file's parts are taken as they are when it is finished", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", line("stdout P a"));
  await tail.start(HEAD, { parse: JOINED });
  await tail.pass(1);
  renameSync(tail.path("x.log"), tail.path("x.log.1"));
  tail.write("x.log", line("stdout F b"));
  await tail.until(() => tail.messages.length === 2);
  assert.deepEqual([...tail.messages].sort(), ["a", "b"]);
});

test("a line of parts without end is cut at the limit, and none of it is lost", async (context) => {
  const tail = new TailFixture(context);
  const part = line(`stdout P ${"x".repeat(10_000)}`);
  tail.write("x.log", part.repeat(250) + line("stdout F end"));
  await tail.start(HEAD, { parse: JOINED });
  await tail.until(() => tail.messages.join("").endsWith("end"));
  assert.equal(tail.messages.join(""), `${"x".repeat(2_500_000)}end`);
  assert.ok(tail.messages.length < 5);
});

test("a line that is none of the runtime's is counted, and takes no other with it", async (context) => {
  const tail = new TailFixture(context);
  const texts = [
    line("stdout P a"),
    "broken\n",
    line("stdout F b"),
    "bad\n",
    "no time stdout F x\n",
    line("stdout F c"),
  ];
  tail.write("x.log", texts.join(""));
  await tail.start(HEAD, { parse: JOINED });
  await tail.until(() => tail.messages.length === 2);
  assert.deepEqual(tail.messages, ["ab", "c"]);
  assert.equal(tail.plugin.counters.get("dropped_events", "unmatched_line"), 2);
  assert.equal(tail.plugin.counters.get("dropped_events", "invalid_line"), 1);
});
