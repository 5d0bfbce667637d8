/**
 * A whole folder of a buffer as an agent may find it: journal segments, chunk files and their meta files, with anything
 * in them. It is opened, what it holds is read, and it is opened again, after an orderly end and after a kill.
 *
 * | input | `u8` which file, `u16` length, that many bytes; and so on                                       |
 * |-------|-------------------------------------------------------------------------------------------------|
 * | file  | from FILES; with SOUND set the checksums of a journal's records are set right, so that the fuzzer |
 * |       | gets behind them                                                                                  |
 */

import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { metadataKey } from "../../src/buffer/chunk-metadata.ts";
import { encodeMeta } from "../../src/buffer/meta-file.ts";
import { Origin } from "../../src/event/origin.ts";
import { INCOMPLETE, skipValue } from "../../src/event/walker.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { SimulatedDisk } from "../support/simulated-disk.ts";
import { batchOf, bytesOf, createBuffer, eventsOf } from "../unit/buffer/buffer-fixture.ts";
import type { FuzzTarget } from "./target.ts";

const FOLDER = "/buffer";
const SOUND = 0x80;
const HEADER_BYTES = 10;

const idOf = (number: number) => Buffer.from(`000565f1f1f1f1f1000000000000000${number}`, "hex");
const CHUNKS = [1, 2, 3].flatMap((number) =>
  ["b", "q"].map((state) => `buffer.${state}${idOf(number).toString("hex")}.log`),
);
const JOURNALS = [1, 2, 3].map((number) => `buffer.journal-0000000${number}`);
export const FILES = [...JOURNALS, ...CHUNKS, ...CHUNKS.map((name) => `${name}.meta`)];

type Files = ReadonlyMap<string, Buffer>;

function serialize(files: Files): Buffer {
  const parts: Buffer[] = [];
  for (const [name, bytes] of files) {
    const header = Buffer.alloc(3);
    header[0] = FILES.indexOf(name);
    header.writeUInt16BE(bytes.length, 1);
    if (name.includes("journal")) header[0] |= SOUND;
    parts.push(header, bytes);
  }
  return Buffer.concat(parts);
}

export function parse(input: Buffer): Files {
  const files = new Map<string, Buffer>();
  for (let at = 0; at + 3 <= input.length; ) {
    const which = input[at] as number;
    const end = Math.min(input.length, at + 3 + input.readUInt16BE(at + 1));
    const bytes = Buffer.from(input.subarray(at + 3, end));
    if (which & SOUND) setChecksums(bytes);
    files.set(FILES[(which & ~SOUND) % FILES.length] as string, bytes);
    at = end;
  }
  return files;
}

function setChecksums(journal: Buffer): void {
  for (let at = 0; journal[at] === 0xa7 && at + HEADER_BYTES <= journal.length; ) {
    const end = at + HEADER_BYTES + journal.readUInt32BE(at + 6);
    if (end > journal.length) return;
    journal.writeUInt32BE(crc32(journal.subarray(at + 5, end)), at + 1);
    at = end;
  }
}

export function diskWith(files: Files): SimulatedDisk {
  const disk = new SimulatedDisk();
  for (const [name, bytes] of files) {
    const file = disk.fileSystem.open(`${FOLDER}/${name}`, "create", 0o644);
    disk.fileSystem.write(file, [bytes], 0);
    disk.fileSystem.close(file);
  }
  return disk;
}

async function open(disk: SimulatedDisk) {
  const fixture = createBuffer({
    folder: FOLDER,
    backupFolder: "/backup",
    fileSystem: disk.fileSystem,
    clock: new ManualClock(),
    requiresTag: true,
  });
  await fixture.buffer.start();
  return fixture.buffer;
}

/** What a receiver would get: the tag and the bytes of each chunk. */
export async function contentOf(disk: SimulatedDisk): Promise<string[]> {
  const buffer = await open(disk);
  const content: string[] = [];
  const ids = new Set<string>();
  buffer.enqueueAll();
  for (let chunk = buffer.take(); chunk; chunk = buffer.take()) {
    await buffer.verify(chunk);
    const bytes = await bytesOf(chunk.read());
    assert.equal(bytes.length, chunk.byteSize);
    assert.ok(Number.isSafeInteger(chunk.size) && chunk.size >= 0, `${chunk.size} events`);
    assert.equal(chunk.id.length, 16);
    assert.ok(!ids.has(chunk.id.toString("hex")), "no two chunks have the same id");
    ids.add(chunk.id.toString("hex"));
    if (bytes.length > 0) content.push(`${metadataKey(chunk.metadata)} ${bytes.toString("hex")}`);
  }
  return content.sort();
}

/** Everything delivered stood in a chunk file, in its order: nothing is made up of other bytes. */
function stoodIn(files: Files, delivered: string): boolean {
  const bytes = Buffer.from(delivered.slice(delivered.lastIndexOf(" ") + 1), "hex");
  return [...files].some(([name, content]) => {
    if (!CHUNKS.includes(name)) return false;
    let from = 0;
    for (let at = 0; at < bytes.length; ) {
      const next = skipValue(bytes, at, bytes.length);
      const end = next === INCOMPLETE ? bytes.length : next;
      const found = content.indexOf(bytes.subarray(at, end), from);
      if (found < 0) return false;
      from = found + end - at;
      at = end;
    }
    return true;
  });
}

/** What a buffer leaves that was written to, in part delivered, and then killed or closed, under names of FILES. */
async function left(isClosed: boolean, ackAfter: "written" | "synced"): Promise<Buffer> {
  const disk = new SimulatedDisk();
  const clock = new ManualClock();
  const { buffer } = createBuffer({ folder: FOLDER, fileSystem: disk.fileSystem, clock, requiresTag: true });
  await buffer.start();
  const append = async (tag: string, ...messages: number[]) => {
    const origin = new Origin([{ kind: "chunk", id: `id${messages[0]}`, checksum: messages[0] as number }], ackAfter);
    await buffer.safe(await buffer.append([batchOf(tag, eventsOf(...messages))], false, origin), ackAfter);
  };
  await append("a", 1, 2);
  await append("b", 3);
  buffer.enqueueAll();
  await append("a", 4);
  await append("a", 5, 6);
  await clock.advanceAndSettle(1000);
  const sent = buffer.take();
  if (sent) buffer.purge(sent);
  await buffer.removals.done();
  if (isClosed) await buffer.close();
  disk.restartProcess();
  return serialize(renamed(disk));
}

/** The files of a disk, their chunks' ids exchanged for those of FILES, also within journals and meta files. */
function renamed(disk: SimulatedDisk): Files {
  const found = disk.paths().filter((path) => path.startsWith(`${FOLDER}/buffer`));
  const ids = [...new Set(found.flatMap((path) => /\.[bq]([0-9a-f]{32})\./.exec(path)?.[1] ?? []))];
  const files = new Map<string, Buffer>();
  for (const path of found) {
    let name = path.slice(FOLDER.length + 1);
    let hex = disk.fileSystem.readAll(path).toString("hex");
    for (const [index, id] of ids.entries()) {
      const other = idOf(index + 1).toString("hex");
      name = name.replace(id, other);
      hex = hex.replaceAll(id, other);
    }
    files.set(name, Buffer.from(hex, "hex"));
  }
  return files;
}

/** fluentd's: a staged and a queued chunk with their meta files, and no journal. */
function fluentds(): Buffer {
  const files = new Map<string, Buffer>();
  for (const [number, name] of [
    [1, CHUNKS[0]],
    [2, CHUNKS[3]],
  ] as const) {
    const metadata = { tag: "t", timekey: undefined, variables: undefined, sequence: 0 };
    files.set(name as string, eventsOf(number, 7).packed);
    files.set(`${name}.meta`, encodeMeta({ metadata, id: idOf(number), size: 2, createdAt: 1, modifiedAt: 2 }));
  }
  return serialize(files);
}

export const bufferFolder: FuzzTarget = {
  name: "buffer-folder",
  seeds: [
    await left(false, "written"),
    await left(true, "written"),
    await left(false, "synced"),
    await left(true, "synced"),
    fluentds(),
  ],
  words: ["a7", "c1000000004c88", "7ff8000000000000", "4340000000000000", "bff0000000000000", "92d700000000050000"].map(
    (hex) => Buffer.from(hex, "hex"),
  ),
  async run(input) {
    const files = parse(input);
    const first = diskWith(files);
    const content = await contentOf(first);
    for (const delivered of content) assert.ok(stoodIn(files, delivered), "no event is made up");
    first.restartProcess();
    assert.deepEqual(await contentOf(first), content, "after a kill it is the same");

    const second = diskWith(files);
    await (await open(second)).close();
    second.restartProcess();
    assert.deepEqual(await contentOf(second), content, "after an orderly end it is the same");
  },
};
