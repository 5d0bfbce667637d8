import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { compress, isCompressionAvailable, readPlain } from "../../src/buffer/compression.ts";
import { encodeMeta } from "../../src/buffer/meta-file.ts";
import { BufferIoError, ChunkBrokenError } from "../../src/errors.ts";
import { eventually } from "../support/eventually.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import {
  type BufferFixture,
  type BufferFixtureOptions,
  batchOf,
  bytesOf,
  createBuffer,
  eventsOf,
  messagesIn,
} from "../unit/buffer/buffer-fixture.ts";
import { BreakingFileSystem } from "./breaking-file-system.ts";

async function onBreakingDisk(options: Partial<BufferFixtureOptions> = {}) {
  const folder = join(temporaryFolder(), "buffer");
  const disk = new BreakingFileSystem();
  const fixture = createBuffer({ folder, fileSystem: disk.fileSystem, ...options });
  await fixture.buffer.start();
  return { ...fixture, folder, disk };
}

/** Everything in the queue and the stage, by message. */
async function drain(buffer: BufferFixture["buffer"]): Promise<unknown[]> {
  const messages: unknown[] = [];
  buffer.enqueueAll();
  for (let chunk = buffer.take(); chunk; chunk = buffer.take()) {
    await buffer.verify(chunk);
    const found = messagesIn(await bytesOf(readPlain(chunk)));
    assert.equal(chunk.size, found.length);
    messages.push(...found);
    buffer.purge(chunk);
  }
  return messages;
}

/** What a process that starts now on the folder would find. */
async function afterRestart(folder: string): Promise<unknown[]> {
  const { buffer } = createBuffer({ folder });
  await buffer.start();
  return drain(buffer);
}

for (const retainedLimitBytes of [1 << 20, 0]) {
  const where = retainedLimitBytes > 0 ? "in memory" : "on disk only";

  test(`a full disk rejects exactly what it did not take, and heals by itself; chunks ${where}`, async () => {
    const clock = new ManualClock();
    const { buffer, counters, disk, folder, lines } = await onBreakingDisk({ retainedLimitBytes, clock });
    await buffer.append([batchOf("a", eventsOf(1, 2))], false);
    for (const room of [0, 1, eventsOf(3).packed.length - 1]) {
      disk.roomBytes = room;
      await assert.rejects(buffer.append([batchOf("a", eventsOf(3))], false), BufferIoError, `${room} bytes of room`);
    }
    assert.equal(counters.get("disk_errors", "ENOSPC"), 3);
    assert.equal(buffer.stats().totalBytes, eventsOf(1, 2).packed.length);
    assert.match(buffer.stats().diskFailure ?? "", /ENOSPC/);
    disk.heal();
    await buffer.append([batchOf("a", eventsOf(4))], false);
    await clock.advanceAndSettle(2000);
    assert.equal(buffer.stats().diskFailure, undefined);
    assert.deepEqual(
      lines.filter(({ level }) => level !== "debug").map(({ message }) => message),
      ["failed to write data into buffer", "data is written into the buffer again"],
    );
    copyFolder(folder, `${folder}-killed`);
    assert.deepEqual(await afterRestart(`${folder}-killed`), [1, 2, 4]);
    assert.deepEqual(await drain(buffer), [1, 2, 4]);
    await buffer.close();
  });

  test(`a disk that can neither write nor cut is written over when it is back; chunks ${where}`, async () => {
    const { buffer, disk, folder } = await onBreakingDisk({ retainedLimitBytes });
    await buffer.append([batchOf("a", eventsOf(1))], false);
    disk.roomBytes = 5;
    disk.fail("truncate", "EIO");
    await assert.rejects(buffer.append([batchOf("a", eventsOf("not taken, and longer than what follows"))], false));
    copyFolder(folder, `${folder}-killed`);
    assert.deepEqual(await afterRestart(`${folder}-killed`), [1], "the torn bytes are cut by a restart");
    disk.heal();
    await buffer.append([batchOf("a", eventsOf(2))], false);
    copyFolder(folder, `${folder}-later`);
    assert.deepEqual(await afterRestart(`${folder}-later`), [1, 2]);
    assert.deepEqual(await drain(buffer), [1, 2]);
    await buffer.close();
  });
}

test("one chunk's failed write leaves the others of the same turn alone", async () => {
  const { buffer, disk } = await onBreakingDisk();
  await buffer.append([batchOf("a", eventsOf(1)), batchOf("b", eventsOf(2))], false);
  const second = [...buffer.staged()].find(({ metadata }) => metadata.tag === "b");
  disk.brokenPath = second?.file?.path;
  const results = await Promise.allSettled([
    buffer.append([batchOf("a", eventsOf(3))], false),
    buffer.append([batchOf("b", eventsOf(4))], false),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected"],
  );
  disk.heal();
  assert.deepEqual((await drain(buffer)).sort(), [1, 2, 3]);
  await buffer.close();
});

test("EIO on write, a chunk that cannot be made, and a failed rename lose nothing that was acked", async () => {
  const { buffer, counters, disk, folder } = await onBreakingDisk();
  await buffer.append([batchOf("a", eventsOf(1))], false);
  disk.fail("write", "EIO");
  await assert.rejects(buffer.append([batchOf("a", eventsOf(2))], false), /EIO/);
  disk.heal();
  disk.fail("open", "EMFILE");
  await assert.rejects(buffer.append([batchOf("new", eventsOf(3))], false), /can't create buffer file/);
  disk.heal();
  disk.fail("rename", "EIO");
  buffer.enqueueAll();
  assert.equal(buffer.queueLength, 1);
  assert.equal(counters.get("disk_errors", "EIO"), 2);
  disk.heal();
  copyFolder(folder, `${folder}-killed`);
  assert.deepEqual(await afterRestart(`${folder}-killed`), [1]);
  assert.deepEqual(await drain(buffer), [1]);
  await buffer.close();
  assert.deepEqual(readdirSync(folder), []);
});

test("a folder that someone removed is made again, with what is in memory", async () => {
  const clock = new ManualClock();
  const { buffer, folder } = await onBreakingDisk({ clock });
  await buffer.append([batchOf("a", eventsOf(1))], false);
  rmSync(folder, { recursive: true });
  buffer.enqueueAll();
  await assert.rejects(buffer.append([batchOf("a", eventsOf(2))], false), /ENOENT/);
  await clock.advanceAndSettle(1000);
  await buffer.append([batchOf("a", eventsOf(2))], false);
  copyFolder(folder, `${folder}-killed`);
  assert.deepEqual((await afterRestart(`${folder}-killed`)).sort(), [1, 2]);
  assert.deepEqual(await drain(buffer), [1, 2]);
  await buffer.close();
});

test("a chunk file that vanished is broken, not tried for ever", async () => {
  const { buffer, folder } = await onBreakingDisk({ retainedLimitBytes: 0 });
  await buffer.append([batchOf("a", eventsOf(1))], true);
  rmSync(folder, { recursive: true });
  const chunk = buffer.take()!;
  await assert.rejects(bytesOf(chunk.read()), ChunkBrokenError);
  assert.equal(buffer.isFolderLost, false, "it was deleted, and is made again");
});

for (const retainedLimitBytes of [1 << 20, 0]) {
  const where = retainedLimitBytes > 0 ? "in memory" : "on disk only";

  test(`a folder that was moved away is waited for, and goes on where it was; chunks ${where}`, async () => {
    const clock = new ManualClock();
    const { buffer, folder } = await onBreakingDisk({ clock, retainedLimitBytes });
    await buffer.append([batchOf("a", eventsOf(1))], true);
    await buffer.append([batchOf("a", eventsOf(2))], false);
    const sent = buffer.take()!;
    renameSync(folder, `${folder}-away`);
    assert.equal(buffer.isFolderLost, true);
    await assert.rejects(buffer.append([batchOf("a", eventsOf(3))], false), /is elsewhere|ENOENT/);
    if (retainedLimitBytes > 0) assert.deepEqual(messagesIn(await bytesOf(sent.read())), [1]);
    else await assert.rejects(bytesOf(sent.read()), ChunkBrokenError);
    buffer.purge(sent);
    await clock.advanceAndSettle(600_000);
    await assert.rejects(buffer.append([batchOf("a", eventsOf(3))], false), /is elsewhere|ENOENT/);
    assert.equal(existsSync(folder), false, "nobody makes another in its place");
    renameSync(`${folder}-away`, folder);
    await clock.advanceAndSettle(2000);
    await eventually(() => !readdirSync(folder).some((name) => name.startsWith("buffer.q")));
    await buffer.append([batchOf("a", eventsOf(3))], false);
    copyFolder(folder, `${folder}-killed`);
    assert.deepEqual(await afterRestart(`${folder}-killed`), [2, 3]);
    assert.deepEqual(await drain(buffer), [2, 3]);
    await buffer.close();
  });
}

test("what is delivered while the folder is away for a moment, unseen, is removed when it is back", async () => {
  const clock = new ManualClock();
  const { buffer, folder } = await onBreakingDisk({ clock });
  await buffer.append([batchOf("a", eventsOf(1))], true);
  renameSync(folder, `${folder}-away`);
  buffer.purge(buffer.take()!);
  await buffer.removals.done();
  renameSync(`${folder}-away`, folder);
  await clock.advanceAndSettle(1000);
  await eventually(() => !readdirSync(folder).some((name) => name.startsWith("buffer.q")));
  await buffer.close();
});

test("a folder that stands in the place of another is used after a minute, and not before", async () => {
  const clock = new ManualClock();
  const { buffer, folder } = await onBreakingDisk({ clock });
  await buffer.append([batchOf("a", eventsOf(1))], false);
  renameSync(folder, `${folder}-away`);
  mkdirSync(folder);
  await clock.advanceAndSettle(59_000);
  await assert.rejects(buffer.append([batchOf("a", eventsOf(2))], false), BufferIoError);
  await clock.advanceAndSettle(3000);
  await buffer.append([batchOf("a", eventsOf(2))], false);
  copyFolder(folder, `${folder}-killed`);
  assert.deepEqual(await afterRestart(`${folder}-killed`), [1, 2]);
  await buffer.close();
});

test("a read-only disk is let go, and used again when it can be written; what it lost is written from memory", async () => {
  const clock = new ManualClock();
  const { buffer, disk, folder } = await onBreakingDisk({ clock });
  await buffer.append([batchOf("a", eventsOf(1, 2))], false);
  for (const operation of ["write", "open", "rename", "truncate", "remove"] as const) disk.fail(operation, "EROFS");
  await assert.rejects(buffer.append([batchOf("a", eventsOf(3))], false), /EROFS/);
  await clock.advanceAndSettle(5000);
  assert.match(buffer.stats().diskFailure ?? "", /EROFS/);
  assert.deepEqual(openIn(folder), [], "it can be unmounted");
  const chunk = readdirSync(folder).find((name) => /^buffer\.b.*\.log$/.test(name));
  writeFileSync(join(folder, chunk as string), "");
  disk.heal();
  await clock.advanceAndSettle(3000);
  await buffer.append([batchOf("a", eventsOf(4))], false);
  assert.equal(buffer.stats().diskFailure, undefined);
  copyFolder(folder, `${folder}-killed`);
  assert.deepEqual(await afterRestart(`${folder}-killed`), [1, 2, 4]);
  assert.deepEqual(await drain(buffer), [1, 2, 4]);
  await buffer.close();
});

test("a chunk whose file is short and not in memory takes no more, and only what is there of it is sent", async () => {
  const clock = new ManualClock();
  const { buffer, counters, disk, folder } = await onBreakingDisk({ clock, retainedLimitBytes: 0 });
  await buffer.append([batchOf("a", eventsOf(1))], false);
  await buffer.append([batchOf("a", eventsOf(2))], false);
  disk.fail("write", "EIO");
  await assert.rejects(buffer.append([batchOf("a", eventsOf(3))], false), /EIO/);
  const chunk = readdirSync(folder).find((name) => /^buffer\.b.*\.log$/.test(name)) as string;
  writeFileSync(join(folder, chunk), eventsOf(1).packed);
  disk.heal();
  await assert.rejects(buffer.append([batchOf("a", eventsOf(3))], false), /bytes of the/);
  assert.equal(readFileSync(join(folder, chunk)).length, eventsOf(1).packed.length, "no hole is made");
  await clock.advanceAndSettle(2000);
  await buffer.append([batchOf("a", eventsOf(4))], false);
  assert.deepEqual(await drain(buffer), [1, 4]);
  assert.equal(counters.get("dropped_events", "checksum"), 1);
  await buffer.close();
});

test("files of delivered chunks that the disk would not let go are removed later", async () => {
  const clock = new ManualClock();
  const { buffer, disk, folder } = await onBreakingDisk({ clock });
  for (const n of [1, 2, 3]) await buffer.append([batchOf("a", eventsOf(n))], true);
  disk.fail("remove", "EROFS");
  assert.deepEqual(await drain(buffer), [1, 2, 3]);
  await buffer.removals.done();
  const chunks = () => readdirSync(folder).filter((name) => name.startsWith("buffer.q"));
  assert.equal(chunks().length, 6);
  disk.heal();
  await clock.advanceAndSettle(1000);
  await eventually(() => chunks().length === 0);
  await buffer.close();
});

/** What this process has open below a folder. */
function openIn(folder: string): string[] {
  const paths = readdirSync("/proc/self/fd").map((file) => {
    try {
      return readlinkSync(`/proc/self/fd/${file}`);
    } catch {
      return "";
    }
  });
  return paths.filter((path) => path.startsWith(`${folder}/`));
}

for (const state of ["b", "q"] as const) {
  test(`a torn tail is cut at every point, and only the torn entry goes; state ${state}`, async () => {
    const folder = temporaryFolder();
    const events = eventsOf("one", "two", "three");
    const ends = [...events.entries()].map(({ end }) => end);
    for (let cut = 1; cut <= events.packed.length; cut++) {
      const place = join(folder, `${cut}`);
      leaveChunk(place, state, events.packed.subarray(0, cut));
      const { buffer, counters } = createBuffer({ folder: place });
      await buffer.start();
      const whole = ends.filter((end) => end <= cut).length;
      assert.deepEqual(await drain(buffer), ["one", "two", "three"].slice(0, whole), `cut at ${cut}`);
      assert.equal(counters.get("dropped_events", "torn_tail"), ends.includes(cut) ? 0 : 1);
      await buffer.close();
      assert.deepEqual(readdirSync(place), []);
    }
  });
}

for (const compression of ["gzip", "zstd"] as const) {
  const skip = isCompressionAvailable(compression) ? false : "this Node.js has no zstd";
  test(`a torn ${compression} member is cut at every point, and whole ones before it stay`, {
    skip,
  }, async () => {
    const folder = temporaryFolder();
    const members = await Promise.all([1, 2, 3].map((n) => compress(compression, eventsOf(n).packed)));
    const bytes = Buffer.concat(members);
    const ends = [members[0]!.length, members[0]!.length + members[1]!.length, bytes.length];
    for (let cut = 1; cut <= bytes.length; cut++) {
      const place = join(folder, `${cut}`);
      leaveChunk(place, "b", bytes.subarray(0, cut));
      const { buffer } = createBuffer({ folder: place, compression });
      await buffer.start();
      const whole = ends.filter((end) => end <= cut).length;
      await buffer.append([batchOf("t", eventsOf("new"))], false);
      assert.deepEqual(await drain(buffer), [...[1, 2, 3].slice(0, whole), "new"], `cut at ${cut}`);
      await buffer.close();
    }
  });
}

test("an append after a resume does not stand behind torn bytes", async (context) => {
  const folder = temporaryFolder();
  const events = eventsOf(1, 2);
  leaveChunk(folder, "b", events.packed.subarray(0, events.packed.length - 1));
  const { buffer } = createBuffer({ folder });
  await buffer.start();
  await buffer.append([batchOf("t", eventsOf(3))], false);
  copyFolder(folder, `${folder}-killed`);
  context.after(() => rmSync(`${folder}-killed`, { recursive: true }));
  assert.deepEqual(await afterRestart(`${folder}-killed`), [1, 3]);
});

test("NUL bytes behind the entries, as a power loss leaves them, are cut and kept apart", async () => {
  const folder = temporaryFolder();
  leaveChunk(folder, "q", Buffer.concat([eventsOf(1).packed, Buffer.alloc(4096)]));
  const { buffer } = createBuffer({ folder });
  await buffer.start();
  assert.deepEqual(await drain(buffer), [1]);
  const kept = join(folder, "backup-base/backup/worker0/out_1", `${hex(1)}.tail.log`);
  assert.deepEqual(readFileSync(kept), Buffer.alloc(4096));
});

test("broken chunks are moved to the backup folder with fluentd's words; foreign files are left alone", async () => {
  const folder = temporaryFolder();
  const { packed } = eventsOf("kept");
  leaveChunk(folder, "b", Buffer.alloc(0), 1);
  leaveChunk(folder, "q", packed, 2);
  writeFileSync(join(folder, `buffer.q${hex(2)}.log.meta`), Buffer.from("c100000000", "hex"));
  leaveChunk(folder, "b", packed, 3);
  rmSync(join(folder, `buffer.b${hex(3)}.log.meta`));
  leaveChunk(folder, "b", packed, 4);
  const foreign = ["buffer.20260101.log", "other.b00.log", `buffer.q${hex(9)}.log.meta`, "README"];
  for (const name of foreign) writeFileSync(join(folder, name), "foreign");
  const { buffer, lines } = createBuffer({ folder, requiresTag: true });
  await buffer.start();
  assert.deepEqual(
    lines.filter(({ level }) => level === "error").map(({ message, fields }) => [message, fields?.err_msg]),
    [
      ["found broken chunk file during resume.", "enqueued meta file is broken. it is no metadata"],
      ["found broken chunk file during resume.", "staged file chunk is empty"],
      ["found broken chunk file during resume.", "staged meta file is broken. it has no tag"],
    ],
  );
  const kept = join(folder, "backup-base/backup/worker0/out_1");
  assert.deepEqual(readdirSync(kept).sort(), [`${hex(2)}.log`, `${hex(3)}.log`]);
  assert.deepEqual(readFileSync(join(kept, `${hex(2)}.log`)), packed);
  assert.deepEqual(await drain(buffer), ["kept"]);
  await buffer.close();
  assert.deepEqual(readdirSync(folder).sort(), [...foreign, "backup-base"].sort());
});

test("a broken chunk that cannot be backed up stays where it is", async () => {
  const folder = temporaryFolder();
  leaveChunk(folder, "q", eventsOf(1).packed);
  writeFileSync(join(folder, `buffer.q${hex(1)}.log.meta`), "x");
  const disk = new BreakingFileSystem();
  disk.roomBytes = 0;
  const { buffer } = createBuffer({ folder, fileSystem: disk.fileSystem });
  await buffer.start();
  assert.ok(existsSync(join(folder, `buffer.q${hex(1)}.log`)));
});

test("a kill between the two renames of an enqueue leaves a chunk with its metadata", async () => {
  const folder = temporaryFolder();
  leaveChunk(folder, "b", eventsOf(1).packed);
  renameSync(join(folder, `buffer.b${hex(1)}.log`), join(folder, `buffer.q${hex(1)}.log`));
  const { buffer } = createBuffer({ folder, requiresTag: true });
  await buffer.start();
  assert.equal(buffer.take()?.metadata.tag, "t");
});

test("a queued chunk and a staged one of the same id, as a copy that was put back has it, are both sent", async () => {
  const folder = temporaryFolder();
  leaveChunk(folder, "q", eventsOf("queued").packed, 1, 10);
  leaveChunk(folder, "b", eventsOf("staged").packed, 1, 20);
  const { buffer } = createBuffer({ folder });
  await buffer.start();
  buffer.enqueueAll();
  const ids = new Set([buffer.take(), buffer.take()].map((chunk) => chunk?.id.toString("hex")));
  assert.equal(ids.size, 2);
  copyFolder(folder, `${folder}-killed`);
  assert.deepEqual((await afterRestart(`${folder}-killed`)).sort(), ["queued", "staged"]);
});

test("a chunk goes by the id of its name: a meta file with another one is that of another chunk", async () => {
  const folder = temporaryFolder();
  leaveChunk(folder, "b", eventsOf(1).packed, 1);
  const metadata = { tag: "t", timekey: undefined, variables: undefined, sequence: 0 };
  const meta = encodeMeta({ metadata, id: Buffer.alloc(16, 9), size: 1, createdAt: 1, modifiedAt: 1 });
  writeFileSync(join(folder, `buffer.b${hex(1)}.log.meta`), meta);
  const { buffer } = createBuffer({ folder });
  await buffer.start();
  buffer.enqueueAll();
  assert.ok(existsSync(join(folder, `buffer.q${hex(1)}.log`)), "under a name that a restart finds");
  copyFolder(folder, `${folder}-killed`);
  assert.deepEqual(await afterRestart(`${folder}-killed`), [1]);
});

test("of a chunk that the disk has cut short, what is whole is sent, and the rest is counted", async () => {
  const folder = temporaryFolder();
  const events = eventsOf(1, 2, 3);
  leaveChunk(folder, "b", events.packed, 1);
  const first = createBuffer({ folder });
  await first.buffer.start();
  await first.buffer.close();
  const [name] = readdirSync(folder).filter((each) => each.endsWith(".log"));
  writeFileSync(join(folder, name as string), events.packed.subarray(0, events.packed.length - 5));
  const { buffer, counters } = createBuffer({ folder });
  await buffer.start();
  assert.deepEqual(await drain(buffer), [1, 2]);
  assert.equal(counters.get("dropped_events", "checksum"), 1);
});

test("of staged chunks with equal metadata one stays staged; queued ones come by modification time", async () => {
  const folder = temporaryFolder();
  leaveChunk(folder, "b", eventsOf("s1").packed, 1, 50);
  leaveChunk(folder, "b", eventsOf("s2").packed, 2, 60);
  leaveChunk(folder, "q", eventsOf("q-late").packed, 3, 40);
  leaveChunk(folder, "q", eventsOf("q-early").packed, 4, 30);
  const { buffer } = createBuffer({ folder });
  await buffer.start();
  assert.deepEqual([buffer.stats().stageLength, buffer.queueLength], [1, 3]);
  assert.ok(existsSync(join(folder, `buffer.q${hex(2)}.log.meta`)));
  assert.deepEqual(await drain(buffer), ["q-early", "q-late", "s2", "s1"]);
});

const hex = (number: number) => number.toString(16).padStart(32, "0");

/** Leaves a chunk of tag `t` as another process would. */
function leaveChunk(folder: string, state: "b" | "q", bytes: Buffer, number = 1, modifiedAt = 1): void {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `buffer.${state}${hex(number)}.log`);
  const metadata = { tag: "t", timekey: undefined, variables: undefined, sequence: 0 };
  const id = Buffer.from(hex(number), "hex");
  writeFileSync(path, bytes);
  writeFileSync(`${path}.meta`, encodeMeta({ metadata, id, size: 7, createdAt: 1, modifiedAt }));
}

/** What the disk has at this moment, as a kill would leave it. */
function copyFolder(from: string, to: string): void {
  mkdirSync(to);
  const names = readdirSync(from).filter((name) => !name.endsWith(".probe")); // It is there for a moment only.
  for (const name of names) copyFileSync(join(from, name), join(to, name));
}
