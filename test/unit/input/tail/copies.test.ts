/** Copies of a followed file, by hand or by a rotation that cuts the file behind them, are none of its rotations. */

import assert from "node:assert/strict";
import { appendFileSync, copyFileSync, renameSync, statSync, truncateSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { TailFixture } from "./tail-fixture.ts";

for (const cuts of [false, true]) {
  test(`a copy ${cuts ? "before the file was cut" : "beside the file"} is not read at the next rotation`, async (context) => {
    const tail = new TailFixture(context);
    tail.write("x.log", "1\n2\n");
    await tail.start("read_from_head true\nrotate_wait 1");
    await tail.until(() => tail.messages.length === 2);
    copyFileSync(tail.path("x.log"), tail.path("x.log.copy"));
    await clockStep(tail);
    if (cuts) truncateSync(tail.path("x.log"), 0);
    else appendFileSync(tail.path("x.log"), "3\n");
    await tail.until(() => (cuts ? tail.plugin.counters.get("files_rotated") === 1 : tail.messages.length === 3));
    renameSync(tail.path("x.log"), tail.path("x.log.1"));
    tail.write("x.log", "4\n");
    await tail.until(() => tail.messages.includes("4"));
    await tail.pass(3);
    assert.deepEqual(tail.messages, cuts ? ["1", "2", "4"] : ["1", "2", "3", "4"]);
  });
}

/** The clock of a file system goes in steps of milliseconds. */
async function clockStep(tail: TailFixture): Promise<void> {
  const now = () => {
    tail.write("clock", "x");
    return statSync(tail.path("clock"), { bigint: true }).mtimeNs;
  };
  const before = now();
  while (now() === before) await wait(1);
}
