/** Parameters that say when and how much is read; what they make of lines is in test/interop/cases. */

import assert from "node:assert/strict";
import { renameSync, utimesSync, writeFileSync } from "node:fs";
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { test } from "node:test";
import { TailFixture } from "./tail-fixture.ts";

const HEAD = "read_from_head true";

const lines = (count: number, length: number) =>
  Array.from({ length: count }, (_, n) => `${String(n).padStart(6, "0")} ${"x".repeat(length - 8)}\n`).join("");

test("read_bytes_limit_per_second: no more than that of a file in a second, and all of it in the end", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", lines(2000, 100));
  tail.write("y.log", lines(10, 100));
  await tail.start(`${HEAD}\nread_bytes_limit_per_second 64k`, { path: "*.log" });
  await tail.pass(1);
  const counted: number[] = [];
  while (tail.messages.length < 2010) {
    const before = tail.messages.length;
    await tail.pass(1);
    counted.push(tail.messages.length - before);
  }
  assert.ok(Math.max(...counted) <= 656 + 10, `${counted} lines of 100 bytes a second`);
  assert.ok(tail.plugin.counters.get("files_throttled") > 0);
  assert.deepEqual(new Set(tail.messages).size, 2000);
});

test("read_bytes_limit_per_second is at least 8 KiB, and needs the timer", async (context) => {
  const tail = new TailFixture(context);
  tail.create("read_bytes_limit_per_second 1k");
  assert.ok(tail.plugin.logger.lines.some(({ message }) => /Use 8192/.test(message)));
  assert.throws(
    () => tail.create("read_bytes_limit_per_second 1m\nenable_watch_timer false"),
    /Need to enable watch timer/,
  );
});

test("read_lines_limit: so many lines at a time", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", lines(100, 20));
  await tail.start(`${HEAD}\nread_lines_limit 30`);
  await tail.until(() => tail.messages.length === 100);
  assert.deepEqual(
    tail.plugin.emitter.batches.map(({ events }) => events.size),
    [30, 30, 30, 10],
  );
});

test("open_on_every_update: no file is open between reads", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "1\n");
  await tail.start(`${HEAD}\nopen_on_every_update true`);
  const { counters } = tail.plugin;
  const isClosed = () => counters.get("files_opened") === counters.get("files_closed");
  await tail.until(() => tail.messages.length === 1 && isClosed());
  tail.write("x.log", "2\n");
  await tail.until(() => tail.messages.length === 2 && isClosed());
  assert.ok(counters.get("files_opened") >= 2);
});

test("limit_recently_modified: of the files that a glob finds, not those that rest", async (context) => {
  const tail = new TailFixture(context);
  for (const name of ["old.log", "new.log", "named"]) tail.write(name, `${name}\n`);
  await tail.start(`${HEAD}\nlimit_recently_modified 1h\nrefresh_interval 5`, { path: "*.log,named" });
  await tail.stop();
  const now = tail.plugin.clock.now() / 1000;
  utimesSync(tail.path("old.log"), now, now - 7200);
  utimesSync(tail.path("named"), now, now - 7200);
  utimesSync(tail.path("new.log"), now, now - 60);
  writeFileSync(tail.path("pos"), "");
  const before = tail.messages.length;
  await tail.start(`${HEAD}\nlimit_recently_modified 1h\nrefresh_interval 5`, { path: "*.log,named" });
  await tail.until(() => tail.messages.length >= before + 2);
  assert.deepEqual(tail.messages.slice(before).sort(), ["named", "new.log"]);
  // A later change makes it count.
  const later = tail.plugin.clock.now() / 1000 + 60;
  utimesSync(tail.path("old.log"), later, later);
  await tail.until(() => tail.messages.length >= before + 3);
});

test("skip_refresh_on_startup: files are looked for after the first refresh_interval only", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "1\n");
  await tail.start(`${HEAD}\nskip_refresh_on_startup true\nrefresh_interval 30`);
  await tail.pass(20);
  assert.deepEqual(tail.messages, []);
  await tail.until(() => tail.messages.length === 1);
});

test("pos_file_compaction_interval: lines of files that are gone leave pos_file while the agent runs", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "1\n");
  tail.write("y.log", "2\n");
  await tail.start(`${HEAD}\nrefresh_interval 2\nrotate_wait 1\npos_file_compaction_interval 60`, { path: "*.log" });
  await tail.until(() => tail.messages.length === 2);
  renameSync(tail.path("x.log"), tail.path("gone"));
  await tail.until(() => tail.positions.includes("ffffffffffffffff"));
  await tail.until(() => tail.positions === tail.line("y.log", 2));
  assert.ok(tail.plugin.logger.lines.some(({ message }) => message === "Clean up the pos file"));
  tail.write("y.log", "3\n");
  await tail.until(() => tail.positions === tail.line("y.log", 4));
});

test("path_timezone: directives in paths are of that zone", async (context) => {
  const tail = new TailFixture(context);
  const atZone = (hours: number) =>
    new Date(tail.plugin.clock.now() + hours * 3600_000).toISOString().slice(0, 13).replace("T", "-");
  tail.create();
  for (const hours of [-7, 0, 9]) tail.write(`x.${atZone(hours)}.log`, `${hours}\n`);
  await tail.start(`${HEAD}\npath_timezone Asia/Tokyo`, { path: "x.%Y-%m-%d-%H.log" });
  await tail.until(() => tail.messages.length > 0);
  assert.deepEqual(tail.messages, ["9"]);
});

test("ignore_repeated_permission_error: a file that cannot be read is told of once", async (context) => {
  const { access } = promises;
  promises.access = () => Promise.reject(Object.assign(new Error("permission denied"), { code: "EACCES" }));
  syncBuiltinESMExports();
  context.after(() => {
    promises.access = access;
    syncBuiltinESMExports();
  });
  for (const [ignores, expected] of [
    [true, (count: number) => count === 1],
    [false, (count: number) => count > 3],
  ] as const) {
    const tail = new TailFixture(context);
    tail.write("x.log", "1\n");
    await tail.start(`${HEAD}\nrefresh_interval 1\nignore_repeated_permission_error ${ignores}`, { path: "*.log" });
    await tail.pass(8);
    const told = tail.plugin.logger.lines.filter(({ message }) => message.includes("x.log unreadable"));
    assert.ok(expected(told.length), `${told.length} warnings with ${ignores}`);
    assert.deepEqual(tail.messages, []);
    await tail.stop();
  }
});

test("<group>: limit 0 reads nothing, -1 everything; files of no group belong to the rest", async (context) => {
  const tail = new TailFixture(context);
  for (const name of ["web_1.log", "db_1.log", "1.log"]) tail.write(name, `${name}\n`);
  const rules = '<rule>\nmatch {"app":"/web/"}\nlimit 0\n</rule>\n<rule>\nmatch {"app":"/db/"}\nlimit -1\n</rule>';
  await tail.start(`${HEAD}\n<group>\npattern /(?<app>[a-z]+)_/\n${rules}\n</group>`, { path: "*.log" });
  await tail.pass(10);
  assert.deepEqual(tail.messages.sort(), ["1.log", "db_1.log"]);
  assert.throws(
    () => tail.create("<group>\n<rule>\nlimit -2\n</rule>\n</group>"),
    /Metadata Group Limit >= DEFAULT_LIMIT/,
  );
});

test("what happens to files is told as fluentd tells it", async (context) => {
  const tail = new TailFixture(context);
  writeFileSync(tail.path("pos"), "nonsense\n");
  tail.write("x.log", "1\n");
  await tail.start(`${HEAD}\nrotate_wait 3`, {
    parse: "<parse>\n@type regexp\nexpression /^(?<message>\\d+)$/\n</parse>",
  });
  await tail.until(() => tail.messages.length === 1);
  renameSync(tail.path("x.log"), tail.path("x.log.1"));
  tail.write("x.log", "no number\n2\n");
  await tail.until(() => tail.messages.length === 2);
  const path = tail.path("x.log");
  const told = tail.plugin.logger.lines.map(({ level, message }) => `${level} ${message}`);
  for (const line of [
    "warn Unparsable line in pos_file",
    `info following tail of ${path}`,
    `info detected rotation of ${path}; waiting 3 seconds`,
    "warn pattern not matched",
  ]) {
    assert.ok(told.includes(line), `${line} is not among ${told.join("\n")}`);
  }
});
