import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { RELOAD_INTERVAL_MS, reloadOnChange } from "../../src/file-reload.ts";
import { ManualClock, settle } from "../support/manual-clock.ts";
import { MemoryLog } from "../support/memory-log.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

function watch(paths: string[], reload: () => void = () => {}) {
  const clock = new ManualClock();
  const logger = new MemoryLog();
  let reloads = 0;
  const counted = () => {
    reloads += 1;
    reload();
  };
  const { stop } = reloadOnChange({ paths, what: "keys", reload: counted, clock, logger });
  const look = async () => {
    clock.advance(RELOAD_INTERVAL_MS);
    await settle();
    return reloads;
  };
  return { look, stop, clock, logger };
}

test("files that stay as they are are not read again", async () => {
  const path = join(temporaryFolder(), "key");
  writeFileSync(path, "a");
  const { look } = watch([path]);
  assert.equal(await look(), 0);
  assert.equal(await look(), 0);
});

test("a change is taken once it has stood for a look, and only once", async () => {
  const path = join(temporaryFolder(), "key");
  writeFileSync(path, "a");
  const { look, logger } = watch([path]);
  for (const text of ["b", "c", "d"]) {
    writeFileSync(path, text);
    assert.equal(await look(), 0, "it is still being written");
  }
  assert.equal(await look(), 1);
  assert.equal(await look(), 1);
  assert.deepEqual(logger.messages("info"), ["keys were read again"]);
});

test("a link that is swapped, as Kubernetes does it, is a change", async () => {
  const folder = temporaryFolder();
  for (const version of ["1", "2"]) {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, "key"), "same length");
  }
  symlinkSync("1", join(folder, "..data"));
  symlinkSync(join("..data", "key"), join(folder, "key"));
  const { look } = watch([join(folder, "key")]);
  symlinkSync("2", join(folder, "..data_tmp"));
  renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
  await look();
  assert.equal(await look(), 1);
});

test("what cannot be used is logged once, and tried again when the file changes", async () => {
  const path = join(temporaryFolder(), "key");
  writeFileSync(path, "a");
  const broken = () => {
    throw new Error("no key in it");
  };
  const { look, logger } = watch([path], broken);
  rmSync(path);
  for (const _ of [1, 2, 3, 4]) await look();
  assert.equal(await look(), 1);
  assert.match(logger.messages("error").join(), /keys cannot be used, those from before stay in use: no key in it/);
  writeFileSync(path, "b");
  await look();
  assert.equal(await look(), 2);
});

test("after a stop nothing is looked at, and without files nothing ever is", async () => {
  const path = join(temporaryFolder(), "key");
  writeFileSync(path, "a");
  const { stop, clock } = watch([path]);
  stop();
  assert.equal(clock.pending, 0);
  assert.equal(watch([]).clock.pending, 0);
});
