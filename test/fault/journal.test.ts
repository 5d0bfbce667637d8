import assert from "node:assert/strict";
import { appendFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ChunkBackup } from "../../src/buffer/chunk-backup.ts";
import { createChunkId } from "../../src/buffer/chunk-id.ts";
import { nodeFileSystem } from "../../src/buffer/file-system.ts";
import { Holdings } from "../../src/buffer/holdings.ts";
import { decodeMeta, encodeMeta } from "../../src/buffer/meta-file.ts";
import { systemClock } from "../../src/clock.ts";
import { BufferIoError } from "../../src/errors.ts";
import { type AckAfter, Origin } from "../../src/event/origin.ts";
import { silentLogger } from "../../src/logger.ts";
import { eventually } from "../support/eventually.ts";
import { settle } from "../support/manual-clock.ts";
import { SimulatedDisk } from "../support/simulated-disk.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import {
  type BufferFixture,
  batchOf,
  bytesOf,
  createBuffer,
  eventsOf,
  messagesIn,
} from "../unit/buffer/buffer-fixture.ts";
import { BreakingFileSystem } from "./breaking-file-system.ts";

const chunk = (id: string, ackAfter: AckAfter = "synced") => new Origin([{ kind: "chunk", id, checksum: 1 }], ackAfter);

async function take(buffer: BufferFixture["buffer"]): Promise<unknown[]> {
  const messages: unknown[] = [];
  buffer.enqueueAll();
  for (let next = buffer.take(); next; next = buffer.take()) {
    await buffer.verify(next);
    messages.push(...messagesIn(await bytesOf(next.read())));
    buffer.purge(next);
  }
  return messages;
}

async function open(folder: string, disk = new BreakingFileSystem()) {
  const fixture = createBuffer({ folder, fileSystem: disk.fileSystem, chunkLimitBytes: 1 << 20 });
  await fixture.buffer.start();
  const holdings = new Holdings();
  holdings.add(fixture.buffer.journal);
  return { ...fixture, disk, holdings };
}

const chunkFile = (folder: string) => join(folder, readdirSync(folder).find((name) => name.endsWith(".log")) as string);

test("a flipped bit costs its range, which is kept apart and counted; the rest of the chunk is sent", async () => {
  const folder = temporaryFolder();
  const { buffer } = await open(folder);
  const large = (letter: string) => letter.repeat(70_000); // a range of its own
  for (const letter of ["a", "b", "c"]) await buffer.append([batchOf("t", eventsOf(large(letter)))], false);
  await buffer.close();
  const bytes = readFileSync(chunkFile(folder));
  const bad = bytes.indexOf("bbbb") + 100;
  bytes[bad] = (bytes[bad] as number) ^ 1;
  writeFileSync(chunkFile(folder), bytes);
  const next = await open(folder);
  assert.deepEqual(await take(next.buffer), [large("a"), large("c")]);
  assert.equal(next.counters.get("dropped_events", "checksum"), 1);
  assert.equal(next.buffer.stats().totalBytes, 0);
  const kept = join(folder, "backup-base/backup/worker0/out_1");
  const [name] = readdirSync(kept);
  assert.equal(readFileSync(join(kept, name as string)).length, bytes.length / 3);
  await next.buffer.close();
});

test("a batch whose chunk cannot be made is not taken for held: it is stored when it comes again", async () => {
  const { buffer, holdings, disk } = await open(temporaryFolder());
  await buffer.append([batchOf("t", eventsOf(1))], false, chunk("one"));
  disk.fail("open", "ENOSPC");
  await assert.rejects(buffer.append([batchOf("u", eventsOf(2))], false, chunk("two")), BufferIoError);
  assert.equal(holdings.ofChunk("two", 1), "none");
  disk.heal();
  await buffer.append([batchOf("u", eventsOf(2))], false, chunk("two"));
  assert.deepEqual((await take(buffer)).sort(), [1, 2]);
  await buffer.close();
});

test("a meta file that a killed process left behind its chunk is written again, for fluentd counts by it", async () => {
  const folder = temporaryFolder();
  const { buffer } = await open(folder);
  await buffer.append([batchOf("t", eventsOf(1, 2, 3))], false);
  const copy = `${folder}-killed`;
  cpSync(folder, copy, { recursive: true, filter: (path) => !path.includes(".lock.") });
  assert.equal(decodeMeta(readFileSync(`${chunkFile(copy)}.meta`))?.size, 0);
  await buffer.close();
  const next = await open(copy);
  await next.buffer.close();
  assert.equal(decodeMeta(readFileSync(`${chunkFile(copy)}.meta`))?.size, 3);
  rmSync(copy, { recursive: true });
});

test("what is held is known after a restart, within the window, and stored once", async () => {
  const folder = temporaryFolder();
  const first = await open(folder);
  await first.buffer.append([batchOf("t", eventsOf(1))], false, chunk("one"));
  await first.buffer.close();
  const { buffer, holdings } = await open(folder);
  assert.equal(holdings.ofChunk("one", 1), "whole");
  assert.equal(holdings.ofChunk("one", 2), "none", "other bytes are another chunk");
  await holdings.whenSafe("one", "synced");
  await buffer.append([batchOf("t", eventsOf(1))], false, chunk("one"));
  for (let n = 0; n < 1000; n++) await buffer.append([batchOf("u", eventsOf(n))], false, chunk(`later ${n}`));
  assert.equal(holdings.ofChunk("one", 1), "none", "a thousand chunks are the window");
  assert.equal((await take(buffer)).length, 1001);
  await buffer.close();
});

test("a journal that is gone or unreadable costs no event: chunks are walked, as fluentd's are", async () => {
  for (const damage of ["removed", "overwritten", "damaged in its midst"]) {
    const folder = temporaryFolder();
    const first = await open(folder);
    for (const n of [1, 2, 3]) await first.buffer.append([batchOf("t", eventsOf(n))], false, chunk(`${n}`));
    await first.buffer.close();
    const journal = join(folder, readdirSync(folder).find((name) => name.includes(".journal-")) as string);
    const bytes = readFileSync(journal);
    if (damage === "removed") rmSync(journal);
    else {
      bytes.fill(
        0xff,
        damage === "overwritten" ? 0 : bytes.length >> 1,
        damage === "overwritten" ? 60 : (bytes.length >> 1) + 9,
      );
      writeFileSync(journal, bytes);
    }
    const { buffer } = await open(folder);
    assert.deepEqual(await take(buffer), [1, 2, 3], damage);
    await buffer.close();
  }
});

test("a disk that cannot read journal and meta files keeps no agent from starting; what it has is kept apart", async () => {
  const folder = temporaryFolder();
  const first = await open(folder);
  await first.buffer.append([batchOf("t", eventsOf(1))], false, chunk("1"));
  await first.buffer.close();
  const disk = new BreakingFileSystem();
  disk.fail("readAll", "EIO");
  const { buffer, lines } = await open(folder, disk);
  assert.deepEqual(await take(buffer), []);
  assert.ok(lines.some(({ message }) => message.startsWith("the disk cannot read a journal")));
  const kept = join(folder, "backup-base/backup/worker0/out_1");
  assert.deepEqual(readFileSync(join(kept, readdirSync(kept)[0] as string)), eventsOf(1).packed);
  disk.heal();
  await buffer.append([batchOf("t", eventsOf(2))], false, chunk("2"));
  assert.deepEqual(await take(buffer), [2]);
  await buffer.close();
});

for (const [name, machineStartedAtMs, expected] of [
  ["before the machine was lost was never told, and is removed", Number.POSITIVE_INFINITY, [1]],
  ["since the machine started, as from a backup folder, is sent", 0, [1, "put there"]],
] as const) {
  test(`a chunk of Suiro's that the journal does not know, and that came there ${name}`, async () => {
    const folder = temporaryFolder();
    const first = await open(folder);
    const receipt = await first.buffer.append([batchOf("t", eventsOf(1))], true, chunk("1"));
    await first.buffer.safe(receipt, "synced");
    await first.buffer.close();
    const id = createChunkId(systemClock);
    const metadata = { tag: "t", timekey: undefined, variables: undefined, sequence: 0 };
    const path = join(folder, `buffer.q${id.toString("hex")}.log`);
    writeFileSync(path, eventsOf("put there").packed);
    writeFileSync(`${path}.meta`, encodeMeta({ metadata, id, size: 1, createdAt: 1, modifiedAt: 1 }));
    const fileSystem = {
      ...nodeFileSystem,
      machineStart: () => "another",
      machineStartedAtMs: () => machineStartedAtMs,
    };
    const { buffer } = createBuffer({ folder, fileSystem });
    await buffer.start();
    assert.deepEqual((await take(buffer)).sort(), expected);
    await buffer.close();
  });
}

test("a backup file is on the disk before its chunk goes", async () => {
  const disk = new SimulatedDisk();
  const { fileSystem } = disk;
  const backup = new ChunkBackup({
    fileSystem,
    logger: silentLogger,
    baseFolder: "/base",
    pluginId: "out",
    isDisabled: false,
    fileMode: 0o600,
    folderMode: 0o700,
  });
  await backup.keep("name", [eventsOf(1).packed]);
  disk.restartMachine(() => 0);
  assert.deepEqual(fileSystem.readAll("/base/backup/worker0/out/name.log"), eventsOf(1).packed);
});

test("a disk that cannot sync refuses what it was to make safe, sends it all the same, and heals", async () => {
  const { buffer, disk, counters, holdings } = await open(temporaryFolder());
  const receipt = await buffer.append([batchOf("t", eventsOf(1))], false, chunk("one"));
  disk.fail("sync", "EIO");
  await assert.rejects(buffer.safe(receipt, "synced"), BufferIoError);
  assert.ok(counters.get("disk_errors", "EIO") > 0);
  assert.equal(holdings.ofChunk("one", 1), "none", "it is taken again when it comes again");
  assert.equal(buffer.queueLength, 1, "nothing is added to a chunk that may be lost");
  disk.heal();
  const again = await buffer.append([batchOf("t", eventsOf(1))], false, chunk("one"));
  await buffer.safe(again, "synced");
  assert.deepEqual(await take(buffer), [1, 1]);
  await buffer.close();
});

test("a sync that fails takes nothing from what is held, where nobody waits for syncs or the folder is away", async () => {
  for (const [code, ackAfter] of [
    ["EIO", "written"],
    ["ENOENT", "synced"],
  ] as const) {
    const disk = new BreakingFileSystem();
    const { buffer, holdings } = await open(join(temporaryFolder(), "buffer"), disk);
    const origin = chunk("one", ackAfter);
    const receipt = await buffer.append([batchOf("a", eventsOf(1))], false, origin);
    disk.fail("sync", code);
    await assert.rejects(buffer.journal.whenSynced(receipt.sequence), BufferIoError);
    assert.equal(holdings.ofChunk("one", 1), "whole", code);
    await settle(); // The round that a new journal asks for fails, too.
    disk.heal();
    await holdings.whenSafe("one", ackAfter);
    assert.deepEqual(await take(buffer), [1]);
    await buffer.close();
  }
});

test("a disk that can never sync is asked as often as somebody waits, and is not filled with journals", async () => {
  const disk = new BreakingFileSystem();
  const folder = join(temporaryFolder(), "buffer");
  const { buffer, lines } = await open(folder, disk);
  disk.fail("sync", "EIO");
  for (let count = 1; count <= 20; count++) {
    const receipt = await buffer.append([batchOf("a", eventsOf(count))], false, chunk(`id ${count}`));
    await assert.rejects(buffer.safe(receipt, "synced"), BufferIoError);
    await settle();
  }
  await eventually(() => readdirSync(folder).filter((name) => name.includes("journal")).length <= 2);
  assert.equal(lines.filter(({ message }) => message.startsWith("failed to sync")).length, 1);
  assert.match(buffer.stats().diskFailure ?? "", /EIO/);
  disk.heal();
  await buffer.close();
});

test("a journal goes only when the one after it is on the disk, whatever was synced meanwhile", async () => {
  const disk = new SimulatedDisk();
  const { buffer } = createBuffer({ folder: "/buffer", fileSystem: disk.fileSystem });
  await buffer.start();
  const journals = () => disk.paths().filter((path) => path.includes("journal"));
  const first = await buffer.append([batchOf("a", eventsOf(1))], false, chunk("one"));
  const synced = buffer.safe(first, "synced");
  for (let turn = 0; turn < 3; turn++) await Promise.resolve(); // The round is under way.
  buffer.journal.renew();
  await synced;
  await settle();
  assert.equal(journals().length, 2);
  disk.restartMachine(() => 0);
  const next = createBuffer({ folder: "/buffer", fileSystem: disk.fileSystem });
  await next.buffer.start();
  const holdings = new Holdings();
  holdings.add(next.buffer.journal);
  assert.equal(holdings.ofChunk("one", 1), "whole");
  assert.deepEqual(await take(next.buffer), [1]);
});

test("`delivered` waits for the purge of every chunk, and learns of a chunk that was dropped", async () => {
  const { buffer } = await open(temporaryFolder());
  const receipt = await buffer.append([batchOf("t", eventsOf(1)), batchOf("u", eventsOf(2))], true, chunk("one"));
  let isDelivered = false;
  const delivered = buffer.safe(receipt, "delivered").then(() => {
    isDelivered = true;
  });
  buffer.purge(buffer.take() as NonNullable<ReturnType<typeof buffer.take>>);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isDelivered, false);
  buffer.purge(buffer.take() as NonNullable<ReturnType<typeof buffer.take>>);
  await delivered;
  const lost = await buffer.append([batchOf("t", eventsOf(3))], true, chunk("two"));
  const refused = assert.rejects(buffer.safe(lost, "delivered"), /dropped/);
  buffer.purge(buffer.take() as NonNullable<ReturnType<typeof buffer.take>>, "dropped");
  await refused;
  await buffer.close();
});

test("a batch that one of its chunks cannot take leaves nothing in the others", async () => {
  const folder = temporaryFolder();
  const { buffer, disk } = await open(folder);
  await buffer.append([batchOf("a", eventsOf(1)), batchOf("b", eventsOf(2))], false);
  disk.brokenPath = [...buffer.staged()].find(({ metadata }) => metadata.tag === "b")?.file?.path;
  await assert.rejects(buffer.append([batchOf("a", eventsOf(3)), batchOf("b", eventsOf(4))], false, chunk("one")));
  disk.heal();
  await buffer.append([batchOf("a", eventsOf(3)), batchOf("b", eventsOf(4))], false, chunk("one"));
  assert.deepEqual((await take(buffer)).sort(), [1, 2, 3, 4]);
  await buffer.close();
});

test("a chunk that was sent, and whose files could not be renamed, takes nothing more after a restart", async () => {
  for (const isJournalStuck of [false, true]) {
    const folder = temporaryFolder();
    const { buffer, disk } = await open(folder);
    await buffer.append([batchOf("t", eventsOf("sent"))], false);
    disk.fail("rename", "ENOENT");
    if (isJournalStuck) disk.fail("write", "ENOSPC");
    buffer.enqueueAll();
    const sent = buffer.take() as NonNullable<ReturnType<typeof buffer.take>>;
    buffer.takeBack(sent); // no ack came
    disk.heal();
    await buffer.append([batchOf("u", eventsOf("other"))], false);
    const copy = `${folder}-killed`;
    cpSync(folder, copy, { recursive: true, filter: (path) => !path.includes(".lock.") });
    const next = await open(copy);
    await next.buffer.append([batchOf("t", eventsOf("new"))], false);
    next.buffer.enqueueAll();
    const again = next.buffer.take() as NonNullable<ReturnType<typeof buffer.take>>;
    assert.equal(again.id.toString("hex"), sent.id.toString("hex"));
    assert.deepEqual(messagesIn(await bytesOf(again.read())), ["sent"]);
    await next.buffer.close();
    await buffer.close();
    rmSync(copy, { recursive: true });
  }
});

test("what a killed process had written and not recorded does not count, although the backup folder cannot be used", async () => {
  const folder = temporaryFolder();
  const first = await open(folder);
  await first.buffer.append([batchOf("t", eventsOf(1))], false, chunk("one"));
  const copy = `${folder}-killed`;
  cpSync(folder, copy, { recursive: true, filter: (path) => !path.includes(".lock.") });
  await first.buffer.close();
  appendFileSync(chunkFile(copy), eventsOf(2).packed);
  writeFileSync(join(copy, "backup-base"), "no folder");
  const { buffer, lines } = await open(copy);
  assert.ok(lines.some(({ message }) => message === "backup failed. The bytes are given up."));
  await buffer.append([batchOf("t", eventsOf(2))], false, chunk("two"));
  assert.deepEqual(await take(buffer), [1, 2]);
  await buffer.close();
  rmSync(copy, { recursive: true });
});
