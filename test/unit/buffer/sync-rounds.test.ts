import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeFileSystem } from "../../../src/buffer/file-system.ts";
import { SyncRounds } from "../../../src/buffer/sync-rounds.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function setup() {
  const clock = new ManualClock();
  const synced: string[] = [];
  let sequence = 0;
  const rounds = new SyncRounds({
    fileSystem: { ...nodeFileSystem, sync: async (path) => void synced.push(path) },
    synced: 0,
    sequence: () => sequence,
    paths: () => ["journal"],
    folder: () => "folder",
    clock,
    paceMs: 2,
    onSynced: () => {},
    onFailed: () => {},
  });
  const done: number[] = [];
  /** Commits once more and waits for its sync. */
  const commit = () => {
    const own = ++sequence;
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
  commit();
  assert.deepEqual(done, [1]);
  await clock.advanceAndSettle(1);
  assert.deepEqual(done, [1, 2, 3, 4]);
  assert.deepEqual(synced, ["journal", "folder", "journal"]);
  await clock.advanceAndSettle(10);
  commit();
  await clock.advanceAndSettle(0);
  assert.deepEqual(done, [1, 2, 3, 4, 5]);
});
