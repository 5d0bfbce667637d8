import assert from "node:assert/strict";
import {
  existsSync,
  linkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { test } from "node:test";
import { BufferOverflowError } from "../../../src/errors.ts";
import { Tailer } from "../../../src/input/tail/tailer.ts";
import { TailFixture } from "./tail/tail-fixture.ts";

const HEAD = "read_from_head true";

test("a file is read from its end, or from its head, and then as it grows", async (context) => {
  for (const [text, first] of [
    ["", []],
    [HEAD, ["old"]],
  ] as const) {
    const tail = new TailFixture(context);
    tail.write("x.log", "old\n");
    await tail.start(text);
    await tail.until(() => tail.positions === tail.line("x.log", 4));
    tail.write("x.log", "new\r\nhalf");
    await tail.until(() => tail.messages.length === first.length + 1);
    tail.write("x.log", " line\n");
    await tail.until(() => tail.messages.length === first.length + 2);
    assert.deepEqual(tail.messages, [...first, "new", "half line"]);
    await tail.stop();
    assert.equal(tail.positions, tail.line("x.log", 19));
  }
});

test("after a restart it goes on where it was", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "1\n");
  await tail.start(HEAD);
  await tail.until(() => tail.messages.length === 1);
  await tail.stop();
  tail.write("x.log", "2\n");
  await tail.start();
  await tail.until(() => tail.messages.length === 2);
  assert.deepEqual(tail.messages, ["1", "2"]);
});

test("a renamed file is read to its end before the new one, and leaves no line behind", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "1\n");
  await tail.start(`${HEAD}\nrotate_wait 600`);
  await tail.until(() => tail.messages.length === 1);
  tail.write("x.log", "2\n");
  renameSync(tail.path("x.log"), tail.path("x.log.1"));
  tail.write("x.log", "4\n");
  tail.write("x.log.1", "3\n");
  await tail.until(() => tail.messages.length === 4);
  assert.deepEqual(tail.messages, ["1", "2", "3", "4"]);
  assert.equal(tail.positions, tail.line("x.log", 6, "x.log.1") + tail.line("x.log", 2));
  tail.write("x.log.1", "late\nand never ended");
  await tail.until(() => tail.positions === tail.line("x.log", 2));
  assert.deepEqual(tail.messages.slice(4), ["late", "and never ended"]);
});

test("a file that was rotated is read to its end after a restart, under a name that no path has", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "1\n");
  await tail.start(HEAD, { tag: "a.*" });
  await tail.until(() => tail.messages.length === 1);
  await tail.stop();
  tail.write("x.log", "2\n");
  renameSync(tail.path("x.log"), tail.path("x-2023.log"));
  tail.write("x.log", "3\n");
  await tail.start("", { tag: "a.*" });
  await tail.until(() => tail.messages.length === 3);
  assert.deepEqual(tail.messages, ["1", "2", "3"]);
  assert.equal(new Set(tail.plugin.emitter.tags).size, 1);
  await tail.until(() => tail.positions === tail.line("x.log", 2));
});

test("a restart while a rotated file is unread finishes it", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "1\n");
  await tail.start(HEAD);
  await tail.until(() => tail.messages.length === 1);
  tail.plugin.emitter.error = new BufferOverflowError("full");
  tail.write("x.log", "2\n");
  renameSync(tail.path("x.log"), tail.path("x.log.1"));
  tail.write("x.log", "3\n");
  await tail.pass(3);
  await tail.stop();
  renameSync(tail.path("x.log.1"), tail.path("x.log.2"));
  await tail.start();
  await tail.until(() => tail.messages.length === 3);
  assert.deepEqual(tail.messages, ["1", "2", "3"]);
});

test("a file that is renamed to another followed name is not read twice", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "1\n");
  await tail.start(`${HEAD}\nrefresh_interval 2`, { path: "x.log*" });
  await tail.until(() => tail.messages.length === 1);
  renameSync(tail.path("x.log"), tail.path("x.log.1"));
  tail.write("x.log", "2\n");
  await tail.until(() => tail.positions.includes("x.log.1"));
  await tail.pass(3);
  assert.deepEqual(tail.messages, ["1", "2"]);
  await tail.stop();
  tail.write("x.log.1", "3\n");
  renameSync(tail.path("x.log.1"), tail.path("x.log.2"));
  await tail.start("", { path: "x.log*" });
  await tail.until(() => tail.messages.length === 3);
  assert.deepEqual(tail.messages, ["1", "2", "3"]);
});

test("a truncated file is read from its head, and what was not read is counted", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "11111\n");
  await tail.start(HEAD);
  await tail.until(() => tail.messages.length === 1);
  tail.plugin.emitter.error = new BufferOverflowError("full");
  tail.write("x.log", "lost\n");
  await tail.pass(3);
  truncateSync(tail.path("x.log"), 0);
  tail.write("x.log", "2\n");
  await tail.pass(2);
  tail.plugin.emitter.error = undefined;
  await tail.until(() => tail.messages.length === 2);
  assert.deepEqual(tail.messages, ["11111", "2"]);
  assert.equal(tail.plugin.counters.get("lost_bytes", "truncated"), 5);
  assert.equal(tail.positions, tail.line("x.log", 2));
});

test("a file that is deleted is read to its end, and one in its place from its head", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "1\n");
  await tail.start(HEAD);
  await tail.until(() => tail.messages.length === 1);
  tail.write("x.log", "2\n");
  unlinkSync(tail.path("x.log"));
  await tail.until(() => tail.messages.length === 2);
  tail.write("x.log", "3\n");
  await tail.until(() => tail.messages.length === 3);
  assert.deepEqual(tail.messages, ["1", "2", "3"]);
  await tail.until(() => tail.positions === tail.line("x.log", 2));
});

test("what was not read of a file that is gone is counted in bytes, and told", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "1\n");
  await tail.start(`${HEAD}\nopen_on_every_update true`);
  await tail.until(() => tail.messages.length === 1);
  tail.plugin.emitter.error = new BufferOverflowError("full");
  tail.write("x.log", "22\n333\n");
  await tail.pass(2);
  rmSync(tail.path("x.log"));
  await tail.until(() => tail.plugin.counters.get("lost_bytes", "deleted") === 7);
  const [warning] = tail.plugin.logger.lines.filter(({ fields }) => fields.lost_bytes === 7);
  assert.equal(warning?.fields.path, tail.path("x.log"));
});

test("a link that leads elsewhere is a rotation", async (context) => {
  const tail = new TailFixture(context);
  tail.write("a", "1\n");
  tail.write("b", "3\n");
  symlinkSync(tail.path("a"), tail.path("x.log"));
  await tail.start(HEAD, { path: "*.log" });
  await tail.until(() => tail.messages.length === 1);
  tail.write("a", "2\n");
  unlinkSync(tail.path("x.log"));
  symlinkSync(tail.path("b"), tail.path("x.log"));
  await tail.until(() => tail.messages.length === 3);
  assert.deepEqual(tail.messages, ["1", "2", "3"]);
  await tail.until(() => tail.positions === tail.line("x.log", 2, "b"));
});

test("with follow_inodes a rename within the glob keeps the position", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "1\n");
  await tail.start(`${HEAD}\nfollow_inodes true\nrefresh_interval 2`, { path: "x.log*" });
  await tail.until(() => tail.messages.length === 1);
  renameSync(tail.path("x.log"), tail.path("x.log.1"));
  tail.write("x.log", "2\n");
  await tail.pass(10);
  tail.write("x.log.1", "3\n");
  await tail.until(() => tail.messages.length === 3);
  assert.deepEqual(tail.messages, ["1", "2", "3"]);
  assert.equal(tail.positions, tail.line("x.log", 4, "x.log.1") + tail.line("x.log", 2));
});

test("a refused batch stays in the file until it is taken; the position waits for the emit", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "1\n2\n");
  await tail.start(HEAD);
  tail.plugin.emitter.error = new BufferOverflowError("full");
  tail.write("x.log", "3\n");
  await tail.pass(4);
  tail.plugin.emitter.error = undefined;
  await tail.until(() => tail.messages.length === 3);
  assert.deepEqual(tail.messages, ["1", "2", "3"]);
  tail.plugin.emitter.hold = true;
  tail.write("x.log", "4\n");
  await tail.until(() => tail.plugin.emitter.held.length === 1);
  assert.equal(tail.positions, tail.line("x.log", 6));
  tail.plugin.emitter.held[0]?.resolve();
  await tail.until(() => tail.positions === tail.line("x.log", 8));
});

test("the same file under two names is read twice", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "1\n");
  linkSync(tail.path("x.log"), tail.path("y.log"));
  await tail.start(HEAD, { path: "x.log,y.log", tag: "*" });
  await tail.until(() => tail.messages.length === 2);
  assert.equal(new Set(tail.plugin.emitter.tags).size, 2);
});

test("a new file is found by the next refresh and read from its head; one that left is unwatched", async (context) => {
  const tail = new TailFixture(context);
  await tail.start("refresh_interval 5", { path: "*.log" });
  tail.write("x.log", "1\n");
  await tail.until(() => tail.messages.length === 1);
  unlinkSync(tail.path("x.log"));
  await tail.until(() => tail.positions.includes("ffffffffffffffff"));
  await tail.stop();
  await tail.start("", { path: "*.log" });
  assert.equal(tail.positions, "");
});

test("lines of any length arrive whole, but for those beyond max_line_size", async (context) => {
  const tail = new TailFixture(context);
  const long = "x".repeat(600_000);
  tail.write("x.log", `a\n${long}\nb\n`);
  await tail.start(HEAD);
  await tail.until(() => tail.messages.length === 3);
  assert.deepEqual(
    tail.messages.map((text) => text.length),
    [1, 600_000, 1],
  );
  await tail.stop();
  tail.write("x.log", `${long}\nc\n${"y".repeat(30)}\nd\n`);
  await tail.start("max_line_size 20");
  await tail.until(() => tail.messages.length === 5);
  assert.deepEqual(tail.messages.slice(3), ["c", "d"]);
  assert.equal(tail.plugin.counters.get("dropped_events", "long_line"), 2);
});

test("pos_file belongs to one source; other mistakes are found before the start", (context) => {
  const tail = new TailFixture(context);
  assert.throws(() => tail.create("", { parse: "" }), /<parse> section is required/);
  assert.throws(
    () => tail.create("enable_watch_timer false\nenable_stat_watcher false"),
    /either of enable_watch_timer/,
  );
  assert.throws(() => tail.create("follow_inodes true", { posFile: false }), /Can't follow inodes without pos_file/);
  assert.throws(() => tail.create("from_encoding utf-8"), /must be specified with 'encoding'/);
  assert.throws(() => tail.create("encoding nonsense"), /unknown encoding name/);
  assert.throws(() => tail.create("path_timezone nowhere"), /Unsupported timezone/);
  assert.throws(() => tail.create("glob_policy always"), /default path_delimitor/);
  assert.throws(() => tail.create("path_delimiter *"), /reserved words/);
  assert.throws(() => tail.create("<group>\n</group>"), /<rule> section is required/);
  assert.equal(existsSync(tail.path("pos")), false);
});

test("path_key, the path in the tag, and an encoding", async (context) => {
  const tail = new TailFixture(context);
  writeFileSync(tail.path("x.log"), Buffer.from("héllo\nzwei\n", "latin1"));
  await tail.start(`${HEAD}\npath_key file\nencoding utf-8\nfrom_encoding iso-8859-1`, { tag: "pre.*.suf.*" });
  await tail.until(() => tail.messages.length === 2);
  const [batch] = tail.plugin.emitter.batches;
  assert.equal(batch?.tag, `pre.${tail.path("x.log").slice(1).replaceAll("/", ".")}.suf.`);
  assert.deepEqual(tail.plugin.emitter.records, [
    { message: "héllo", file: tail.path("x.log") },
    { message: "zwei", file: tail.path("x.log") },
  ]);
});

test("lines of UTF-16 are found by their two-byte ends", async (context) => {
  const tail = new TailFixture(context);
  writeFileSync(tail.path("x.log"), Buffer.from("ab\u0a0a\u000acd\n", "utf16le"));
  await tail.start(`${HEAD}\nencoding utf-8\nfrom_encoding utf-16le`);
  await tail.until(() => tail.messages.length === 2);
  assert.deepEqual(tail.messages, ["ab\u0a0a", "cd"]);
});

test("a group shares its lines of a period; nothing is lost", async (context) => {
  const tail = new TailFixture(context);
  for (const name of ["web_1.log", "web_2.log", "db_1.log"]) {
    tail.write(name, Array.from({ length: 40 }, (_, n) => `${name}-${n}\n`).join(""));
  }
  const group =
    '<group>\npattern /(?<app>[a-z]+)_/\nrate_period 10\n<rule>\nmatch {"app":"/web/"}\nlimit 20\n</rule>\n</group>';
  await tail.start(`${HEAD}\n${group}`, { path: "*.log" });
  const count = (start: string) => tail.messages.filter((text) => text.startsWith(start)).length;
  await tail.pass(5);
  assert.deepEqual([count("web_1"), count("web_2"), count("db_1")], [10, 10, 40]);
  await tail.until(() => tail.messages.length === 120);
  assert.equal(new Set(tail.messages).size, 120);
});

test("files that came and went between two looks are read, too, in order, and after a restart", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "1\n");
  await tail.start(HEAD);
  await tail.until(() => tail.messages.length === 1);
  const rotateTwice = (first: number) => {
    tail.write("x.log", `${first}\n`);
    renameSync(tail.path("x.log"), tail.path(`x.log.${first}`));
    tail.write("x.log", `${first + 1}\n`);
    renameSync(tail.path("x.log"), tail.path(`x.log.${first + 1}`));
    tail.write("x.log", `${first + 2}\n`);
  };
  rotateTwice(2);
  await tail.until(() => tail.messages.length === 4);
  await tail.until(() => tail.positions === tail.line("x.log", 2));
  await tail.stop();
  rotateTwice(5);
  await tail.start();
  await tail.until(() => tail.messages.length === 7);
  await tail.pass(10);
  assert.deepEqual(tail.messages, ["1", "2", "3", "4", "5", "6", "7"]);
  assert.equal(tail.positions, tail.line("x.log", 2));
});

test("a file that came and went after the one before it was read and let go is read, too", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "1\n");
  await tail.start(`${HEAD}\nrotate_wait 1`);
  await tail.until(() => tail.messages.length === 1);
  renameSync(tail.path("x.log"), tail.path("x.log.1"));
  await tail.until(() => tail.plugin.counters.get("files_closed") === 1);
  tail.write("x.log", "2\n");
  renameSync(tail.path("x.log"), tail.path("x.log.2"));
  tail.write("x.log", "3\n");
  await tail.until(() => tail.messages.length === 3);
  assert.deepEqual(tail.messages, ["1", "2", "3"]);
});

test("a path between a rotation's rename and its new file is not taken for gone by a refresh", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "1\n");
  await tail.start(`${HEAD}\nrefresh_interval 20\nrotate_wait 3`, { path: "*.log" });
  const { clock, counters } = tail.plugin;
  const began = clock.monotonic();
  await tail.until(() => tail.messages.length === 1 && clock.monotonic() - began >= 19_000);
  renameSync(tail.path("x.log"), tail.path("x.log.1"));
  await tail.pass(2);
  tail.write("x.log", "2\n");
  await tail.until(() => counters.get("files_closed") === 1);
  assert.ok(tail.positions.endsWith(tail.line("x.log", 2)), tail.positions);
  assert.deepEqual(tail.messages, ["1", "2"]);
  await tail.kill();
  renameSync(tail.path("x.log"), tail.path("x.log.2"));
  tail.write("x.log", "3\n");
  renameSync(tail.path("x.log"), tail.path("x.log.3"));
  tail.write("x.log", "4\n");
  await tail.start(HEAD, { path: "*.log" });
  await tail.until(() => tail.messages.length === 4);
  assert.deepEqual(tail.messages, ["1", "2", "3", "4"]);
});

test("looks at a rotated file while it is read, however slowly, do not keep the next one waiting", async (context) => {
  const { read } = Tailer.prototype;
  context.mock.method(Tailer.prototype, "read", async function (this: Tailer, ...args: Parameters<typeof read>) {
    const done = read.apply(this, args);
    this.tick();
    await done;
  });
  const tail = new TailFixture(context);
  tail.write("x.log", "1\n");
  await tail.start(HEAD);
  await tail.until(() => tail.messages.length === 1);
  renameSync(tail.path("x.log"), tail.path("x.log.1"));
  tail.write("x.log", "2\n");
  await tail.until(() => tail.positions === tail.line("x.log", 2));
  assert.deepEqual(tail.messages, ["1", "2"]);
});
