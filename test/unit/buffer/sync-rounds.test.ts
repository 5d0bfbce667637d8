import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { test } from "node:test";
import { nodeFileSystem } from "../../../src/buffer/file-system.ts";
import { segmentId } from "../../../src/buffer/redo-log.ts";
import { SyncRounds } from "../../../src/buffer/sync-rounds.ts";
import { UnsyncedFiles } from "../../../src/buffer/unsynced-files.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

function setup() {
  const clock = new ManualClock();
  const synced: string[] = [];
  let sequence = 0;
  const journal = {
    id: segmentId(1),
    committedBytes: 0,
    readNow: () => {},
    sync: async () => void synced.push("journal"),
  };
  const fileSystem = { ...nodeFileSystem, sync: async (path: string) => void synced.push(basename(path)) };
  const rounds = new SyncRounds({
    fileSystem,
    files: new UnsyncedFiles(
      { fileSystem, fileMode: 0o644, redoLogBytes: 1000 },
      join(temporaryFolder(), "buffer"),
      journal,
    ),
    synced: 0,
    sequence: () => sequence,
    folder: () => "folder",
    clock,
    paceMs: 2,
    onSynced: () => {},
    onFailed: () => {},
  });
  const done: number[] = [];
  const chunk = { id: Buffer.alloc(16, 1), committedBytes: 0, readNow: () => {}, sync: async () => {} };
  /** Commits once more, so many bytes, and waits for its sync. */
  const commit = (byteSize = 100) => {
    const own = ++sequence;
    rounds.grow(chunk, byteSize);
    void rounds.wait(own).then(() => done.push(own));
  };
  return { clock, commit, done, synced };
}

test("a lonely commit is synced at once; those that come close behind share the next round", async () => {
  const { clock, commit, done, synced } = setup();
  commit();
  await clock.advanceAndSettle(0);
  assert.deepEqual(done, [1]);
  commit();
  commit();
  await clock.advanceAndSettle(1);
  assert.deepEqual(done, [1]);
  await clock.advanceAndSettle(1);
  assert.deepEqual(done, [1, 2, 3]);
  assert.deepEqual(synced, ["journal", "folder", "buffer.redo", "folder"]);
  await clock.advanceAndSettle(10);
  commit();
  await clock.advanceAndSettle(0);
  assert.deepEqual(done, [1, 2, 3, 4]);
});

test("while little comes, but keeps coming, a round waits for three times the pace", async () => {
  const { clock, commit, done } = setup();
  commit();
  await clock.advanceAndSettle(0);
  for (let ms = 0; ms < 6; ms++) {
    commit();
    assert.deepEqual(done, [1]);
    await clock.advanceAndSettle(1);
  }
  assert.deepEqual(done, [1, 2, 3, 4, 5, 6, 7]);
});

test("a round that is large enough waits no longer than the pace", async () => {
  const { clock, commit, done } = setup();
  commit();
  await clock.advanceAndSettle(0);
  commit();
  await clock.advanceAndSettle(1);
  commit(32 * 1024);
  await clock.advanceAndSettle(1);
  assert.deepEqual(done, [1, 2, 3]);
});
