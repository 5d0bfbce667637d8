/** A disk that changes or loses bytes of a buffer while nobody looks: little goes with them, and nothing in silence. */

import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, readFileSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { nodeFileSystem } from "../../src/buffer/file-system.ts";
import { decodeRecord } from "../../src/buffer/journal-record.ts";
import { Origin } from "../../src/event/origin.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import {
  type BufferFixture,
  batchOf,
  bytesOf,
  createBuffer,
  eventsOf,
  messagesIn,
} from "../unit/buffer/buffer-fixture.ts";

const APPENDS = 12;
/** `a 0`, `b 1`, …: each message begins with its tag. */
const messageOf = (index: number) => `${"abc"[index % 3]} ${index}`;
const ALL = Array.from({ length: APPENDS }, (_, index) => messageOf(index)).sort();

/** The folder of an agent that was killed, with three staged chunks of four appends each, whose journal may be written anew. */
async function killedFolder(isJournalNew = false): Promise<string> {
  const [folder, copy] = [temporaryFolder(), temporaryFolder()];
  const { buffer } = createBuffer({ folder, expected: { isSynced: true } });
  await buffer.start();
  for (let index = 0; index < APPENDS; index++) {
    const message = messageOf(index);
    const origin = new Origin([{ kind: "chunk", id: `id ${index}`, checksum: index }], "synced");
    const receipt = await buffer.append([batchOf(message[0] as string, eventsOf(message))], false, origin);
    await buffer.safe(receipt, "synced");
  }
  if (isJournalNew) buffer.journal.renew();
  cpSync(folder, copy, { recursive: true, filter: (path) => !path.includes(".lock.") });
  await buffer.close();
  return copy;
}

/** What a start on a copy of `folder`, which `damage` has changed, still has, and the fixture that looked. */
async function startedOn(
  folder: string,
  damage: (copy: string) => void,
): Promise<[messages: string[], BufferFixture, string]> {
  const copy = temporaryFolder();
  cpSync(folder, copy, { recursive: true });
  damage(copy);
  const fixture = createBuffer({ folder: copy, requiresTag: true });
  const { buffer } = fixture;
  await buffer.start();
  buffer.enqueueAll();
  const messages: string[] = [];
  for (let chunk = buffer.take(); chunk; chunk = buffer.take()) {
    await buffer.verify(chunk);
    const found = messagesIn(await bytesOf(chunk.read())) as string[];
    for (const message of found) assert.equal(message[0], chunk.metadata.tag, "no event gets another tag");
    assert.equal(chunk.size, found.length);
    messages.push(...found);
    buffer.purge(chunk);
  }
  await buffer.close();
  return [messages.sort(), fixture, copy];
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] as number) ^ (1 << (at % 8));
  writeFileSync(path, bytes);
}

const filesOf = (folder: string, kind: RegExp) => readdirSync(folder).filter((name) => kind.test(name));

function keptIn(folder: string): string[] {
  const kept = join(folder, "backup-base/backup/worker0/out_1");
  if (!existsSync(kept)) return [];
  return readdirSync(kept).flatMap((name) => messagesIn(readFileSync(join(kept, name))) as string[]);
}

test("whichever byte of a chunk changes, its append alone is kept apart and counted", async () => {
  const folder = await killedFolder();
  for (const name of filesOf(folder, /\.log$/)) {
    for (let at = 0; at < readFileSync(join(folder, name)).length; at += 7) {
      const [messages, { counters }] = await startedOn(folder, (copy) => flip(join(copy, name), at));
      assert.equal(messages.length, APPENDS - 1, `${name} at ${at}`);
      for (const message of messages) assert.ok(ALL.includes(message));
      assert.equal(counters.get("dropped_events", "checksum"), 1);
    }
  }
});

test("wherever a chunk is cut off, the appends before are sent, and the others are counted", async () => {
  const folder = await killedFolder(true);
  const [name] = filesOf(folder, /\.log$/) as [string];
  const { length } = readFileSync(join(folder, name));
  for (let at = 0; at < length; at += 5) {
    const [messages, { counters }] = await startedOn(folder, (copy) => truncateSync(join(copy, name), at));
    const whole = Math.floor((at * 4) / length);
    assert.equal(messages.length, APPENDS - 4 + whole, `at ${at}`);
    assert.equal(counters.get("dropped_events", "checksum"), 4 - whole);
  }
});

test("whichever byte of a meta file changes, every event is sent under its own tag", async () => {
  const folder = await killedFolder();
  const [name] = filesOf(folder, /\.meta$/) as [string];
  for (let at = 0; at < readFileSync(join(folder, name)).length; at++) {
    const [messages] = await startedOn(folder, (copy) => flip(join(copy, name), at));
    assert.deepEqual(messages, ALL, `at ${at}`);
  }
});

test("whichever byte of a journal changes, every event is sent, once", async () => {
  const folder = await killedFolder();
  const [name] = filesOf(folder, /journal/) as [string];
  for (let at = 0; at < readFileSync(join(folder, name)).length; at += 11) {
    const [messages, , copy] = await startedOn(folder, (copied) => flip(join(copied, name), at));
    assert.deepEqual([...messages, ...keptIn(copy)].sort(), ALL, `at ${at}`);
  }
});

test("wherever a journal is cut off, what it says no more of a chunk is kept apart", async () => {
  const folder = await killedFolder();
  const [name] = filesOf(folder, /journal/) as [string];
  const bytes = readFileSync(join(folder, name));
  let records = 0;
  for (let at = 0; at < bytes.length; at = decodeRecord(bytes, at)?.end ?? bytes.length) {
    for (const end of [at, at + 3]) {
      const [messages, , copy] = await startedOn(folder, (copied) => truncateSync(join(copied, name), end));
      assert.deepEqual([...messages, ...keptIn(copy)].sort(), ALL, `at ${end}`);
    }
    records += 1;
  }
  assert.ok(records > APPENDS);
});

const failingSync = async (path: string) => {
  if (/\/buffer\.[bq]/.test(path)) throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
  await nodeFileSystem.sync(path);
};

// Rot does not change the time of a file, and a disk is not read for what was written a moment ago.
for (const [change, fileSystem, laterSeconds] of [
  ["rots", { ...nodeFileSystem, now: () => Date.now() + 60_000 }, 0],
  ["is written by somebody", nodeFileSystem, 1],
  ["could not be synced", { ...nodeFileSystem, sync: failingSync }, 0],
] as const) {
  test(`a byte that ${change} while the agent runs is found when the chunk is sent from disk, and costs its append`, async () => {
    const folder = temporaryFolder();
    const { buffer, counters } = createBuffer({ folder, fileSystem, retainedLimitBytes: 0 });
    await buffer.start();
    let sequence = 0;
    for (const message of ["one", "two", "three"]) {
      ({ sequence } = await buffer.append([batchOf("t", eventsOf(message))], false));
    }
    const writtenAt = Math.floor(Date.now() / 1000);
    const pathOf = () => join(folder, filesOf(folder, /\.log$/)[0] as string);
    utimesSync(pathOf(), writtenAt, writtenAt);
    await buffer.journal.whenSynced(sequence).catch(() => {});
    buffer.enqueueAll();
    const chunk = buffer.take() as NonNullable<ReturnType<typeof buffer.take>>;
    await buffer.verify(chunk);
    assert.deepEqual(messagesIn(await bytesOf(chunk.read())), ["one", "two", "three"]);
    flip(pathOf(), readFileSync(pathOf()).indexOf("two"));
    utimesSync(pathOf(), writtenAt, writtenAt + laterSeconds);
    await assert.rejects(bytesOf(chunk.read()), /the disk has changed bytes of .*\.log/);
    await buffer.verify(chunk);
    assert.deepEqual(messagesIn(await bytesOf(chunk.read())), ["one", "three"]);
    assert.equal(chunk.size, 2);
    assert.equal(counters.get("dropped_events", "checksum"), 1);
    assert.equal(keptIn(folder).length, 1);
    await buffer.close();
  });
}
