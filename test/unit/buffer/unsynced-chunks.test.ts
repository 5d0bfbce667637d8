import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { nodeFileSystem } from "../../../src/buffer/file-system.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { batchOf, createBuffer, eventsOf } from "./buffer-fixture.ts";

/** A buffer of chunks whose syncs are told. */
async function setup() {
  const folder = temporaryFolder();
  const synced: string[] = [];
  const sync = async (path: string) => {
    synced.push(basename(path).replace(/\.[bq][0-9a-f]+/, ""));
    await nodeFileSystem.sync(path);
  };
  const { buffer } = createBuffer({ folder, fileSystem: { ...nodeFileSystem, sync }, expected: { isSynced: true } });
  await buffer.start();
  /** Adds an event to the chunk of each tag, and gives what was synced for them. */
  const append = async (...tags: string[]) => {
    synced.length = 0;
    const receipt = await buffer.append(
      tags.map((tag) => batchOf(tag, eventsOf(tag))),
      false,
    );
    await buffer.safe(receipt, "synced");
    return synced.filter((name) => name !== basename(folder)).map((name) => name.replace(/-\d+$/, ""));
  };
  return { append, buffer, log: join(folder, "buffer.redo") };
}

const chunks = (count: number) => Array<string>(count).fill("buffer.log");

test("new chunks are synced themselves, then what several have grown by in one log; few are synced themselves", async () => {
  const { append, buffer, log } = await setup();
  assert.deepEqual(await append("a", "b", "c", "d"), ["buffer.journal", ...chunks(4)]);
  assert.deepEqual(await append("a", "b", "c", "d"), ["buffer.journal", "buffer.redo"]);
  assert.deepEqual(await append("a", "b", "c", "e"), ["buffer.journal", ...chunks(1), "buffer.redo"]);
  assert.deepEqual(await append("a", "b"), ["buffer.journal", ...chunks(2)]);
  assert.ok(existsSync(log));
  await buffer.close();
  assert.equal(existsSync(log), false);
});

test("a log that somebody removed costs one round, as any failed sync, and is made anew", async () => {
  const { append, buffer, log } = await setup();
  await append("a", "b", "c");
  await append("a", "b", "c");
  rmSync(log);
  await assert.rejects(append("a", "b", "c"), { code: "BUFFER_IO" });
  assert.deepEqual(await append("a", "b", "c"), ["buffer.journal", ...chunks(6)]); // the old ones, and new ones
  assert.deepEqual(await append("a", "b", "c"), ["buffer.journal", "buffer.redo"]);
  await buffer.close();
});
