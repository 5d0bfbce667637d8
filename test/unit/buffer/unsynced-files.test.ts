import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import type { Batch } from "../../../src/buffer/batch.ts";
import type { BufferChunk } from "../../../src/buffer/buffer-chunk.ts";
import { nodeFileSystem } from "../../../src/buffer/file-system.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { batchOf, createBuffer, eventsOf } from "./buffer-fixture.ts";

/** A buffer whose syncs are told. */
async function setup() {
  const folder = temporaryFolder();
  const synced: string[] = [];
  const sync = async (path: string) => {
    synced.push(basename(path).replace(/\.[bq][0-9a-f]+/, ""));
    await nodeFileSystem.sync(path);
  };
  const { buffer } = createBuffer({ folder, fileSystem: { ...nodeFileSystem, sync }, expected: { isSynced: true } });
  await buffer.start();
  /** Gives what was synced until the batches were safe. */
  const append = async (...batches: readonly Batch[]) => {
    synced.length = 0;
    await buffer.safe(await buffer.append(batches, false), "synced");
    const files = synced.filter((name) => name !== basename(folder));
    return files.map((name) => name.replace(/-\d+$/, "")).sort();
  };
  return { append, buffer, folder, log: join(folder, "buffer.redo") };
}

const chunks = (count: number) => Array<string>(count).fill("buffer.log");
const small = (...tags: string[]) => tags.map((tag) => batchOf(tag, eventsOf(tag)));
const large = (tag: string) => batchOf(tag, eventsOf("x".repeat(70_000)));

test("what is new is synced itself, then what journal and chunks have grown by in one log, unless that is much", async () => {
  const { append, buffer, log } = await setup();
  assert.deepEqual(await append(...small("a", "b", "c")), ["buffer.journal", ...chunks(3)]);
  assert.deepEqual(await append(...small("a", "b", "c")), ["buffer.redo"]);
  assert.deepEqual(await append(...small("a")), ["buffer.redo"]);
  assert.deepEqual(await append(...small("a", "d")), [...chunks(1), "buffer.redo"]);
  assert.deepEqual(await append(...small("b"), large("a")), [...chunks(1), "buffer.redo"]);
  assert.deepEqual(await append(large("a")), ["buffer.journal", ...chunks(1)]);
  assert.ok(existsSync(log));
  await buffer.close();
  assert.equal(existsSync(log), false);
});

test("a log that somebody removed costs one round, as any failed sync, and is made anew", async () => {
  const { append, buffer, log } = await setup();
  await append(...small("a", "b", "c"));
  await append(...small("a", "b", "c"));
  rmSync(log);
  await assert.rejects(append(...small("a", "b", "c")), { code: "BUFFER_IO" });
  assert.deepEqual(await append(...small("a", "b", "c")), ["buffer.journal", ...chunks(6)]); // the old ones, and new ones
  assert.deepEqual(await append(...small("a", "b", "c")), ["buffer.redo"]);
  await buffer.close();
});

test("an empty buffer that is closed leaves neither a log nor a journal", async () => {
  const { append, buffer, folder } = await setup();
  await append(...small("a"));
  assert.deepEqual(await append(...small("a")), ["buffer.redo"]);
  buffer.enqueueAll();
  assert.ok(buffer.purge(buffer.take() as BufferChunk));
  await buffer.close();
  assert.deepEqual(readdirSync(folder), []);
});
