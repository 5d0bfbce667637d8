import assert from "node:assert/strict";
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LogFile, type Rotation } from "../../../src/cli/log-destination.ts";
import { systemClock } from "../../../src/clock.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const at = (time: { now: number }) => ({ ...systemClock, now: () => time.now });
const day = (text: string) => new Date(`${text}T12:00:00`).getTime();

function logFile(folder: string, rotation: Rotation, time = { now: day("2026-11-22") }) {
  return new LogFile(join(folder, "logs", "a.log"), at(time), rotation);
}

test("missing folders are made and lines are appended", () => {
  const folder = temporaryFolder();
  logFile(folder, {}).write("one\n");
  logFile(folder, {}).write("two\n");
  assert.equal(readFileSync(join(folder, "logs", "a.log"), "utf8"), "one\ntwo\n");
});

test("rotation by size keeps so many files as age says, the newest with the lowest number", () => {
  const folder = temporaryFolder();
  const log = logFile(folder, { age: 3, size: 5 });
  for (const line of ["1111111\n", "2222222\n", "3333333\n", "4444444\n", "5\n"]) log.write(line);
  const content = (name: string) => readFileSync(join(folder, "logs", name), "utf8");
  assert.deepEqual(readdirSync(join(folder, "logs")).sort(), ["a.log", "a.log.0", "a.log.1"]);
  assert.deepEqual([content("a.log"), content("a.log.0"), content("a.log.1")], ["5\n", "4444444\n", "3333333\n"]);
});

test("rotation by day names the file after the day that it holds", () => {
  const folder = temporaryFolder();
  const time = { now: day("2026-11-22") };
  const log = logFile(folder, { age: "daily" }, time);
  log.write("sunday\n");
  utimesSync(join(folder, "logs", "a.log"), time.now / 1000, time.now / 1000);
  time.now = day("2026-11-23");
  log.write("monday\n");
  assert.equal(readFileSync(join(folder, "logs", "a.log.20261122"), "utf8"), "sunday\n");
  assert.equal(readFileSync(join(folder, "logs", "a.log"), "utf8"), "monday\n");
});

test("a file of an earlier day is put aside by the first line after a start", () => {
  const folder = temporaryFolder();
  const path = join(folder, "a.log");
  writeFileSync(path, "old\n");
  utimesSync(path, day("2026-11-20") / 1000, day("2026-11-20") / 1000);
  new LogFile(path, at({ now: day("2026-11-22") }), { age: "daily" }).write("new\n");
  assert.equal(readFileSync(`${path}.20261120`, "utf8"), "old\n");
});

test("reopen goes on in a new file after a tool moved the old one away", () => {
  const folder = temporaryFolder();
  const log = logFile(folder, {});
  log.write("one\n");
  renameSync(log.path, `${log.path}.moved`);
  log.reopen();
  log.write("two\n");
  assert.equal(readFileSync(log.path, "utf8"), "two\n");
});

test("lines that the disk refuses are never thrown, and counted in the first line that it takes again", (context) => {
  if (!existsSync("/dev/full")) return context.skip("the system has no /dev/full");
  const folder = temporaryFolder();
  const path = join(folder, "a.log");
  symlinkSync("/dev/full", path);
  const log = new LogFile(path, systemClock);
  log.write("lost\n");
  log.write("lost too\n");
  rmSync(path);
  log.reopen();
  log.write("fine\n");
  assert.equal(readFileSync(path, "utf8"), "2 log lines could not be written before this one\nfine\n");
});
