import assert from "node:assert/strict";
import { appendFileSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import type { HeldFile } from "../../../../src/buffer/holdings.ts";
import { BufferOverflowError } from "../../../../src/errors.ts";
import { type FileSource, WHOLE } from "../../../../src/event/origin.ts";
import { TailFixture } from "./tail-fixture.ts";

const HEAD = "read_from_head true";

/** A buffer that took batches of files before the agent was killed. */
class Held {
  readonly files = new Map<string, HeldFile>();
  readonly forgotten: string[] = [];

  /** It has the part [from, to) of the whole. */
  take({ file, from: start, to: end, checksum, settled }: FileSource, part: [number, number] = [0, WHOLE]): void {
    const share = { from: part[0], to: part[1] };
    const ranges = [...(this.files.get(file)?.ranges ?? []), { start, end, checksum, share }];
    this.files.set(file, { settled, ranges });
  }

  heldChunk() {
    return [];
  }

  heldFile(file: string) {
    return this.files.get(file);
  }

  forgetFile(file: string) {
    this.files.delete(file);
    this.forgotten.push(file);
  }

  async whenSafe() {}
}

function sources(tail: TailFixture): FileSource[] {
  return tail.plugin.emitter.batches.map(({ origin }) => origin?.sources[0] as FileSource);
}

/** What pos_file says when the agent was killed before it wrote how far `name` is read. */
function positionAt(tail: TailFixture, name: string, offset: number, inodeOf = name): void {
  const hex = (value: number) => value.toString(16).padStart(16, "0");
  writeFileSync(tail.path("pos"), `${tail.path(name)}\t${hex(offset)}\t${hex(statSync(tail.path(inodeOf)).ino)}\n`);
}

/** Reads `text` as a first life, which ends; gives where its batches came from. */
async function firstLife(tail: TailFixture, text: string, options = {}): Promise<FileSource[]> {
  tail.write("x.log", text);
  await tail.start(HEAD, options);
  await tail.stop();
  return sources(tail);
}

test("a batch says which bytes of which file it came from, over renames and restarts", async (context) => {
  const tail = new TailFixture(context);
  const [first] = await firstLife(tail, "1\nzwei\n");
  assert.ok(first);
  const { file, ...range } = first;
  assert.deepEqual(range, { kind: "file", from: 0, to: 7, checksum: crc32("1\nzwei\n"), settled: 0 });
  assert.ok(file.length < 256);
  tail.write("x.log", "3\n");
  renameSync(tail.path("x.log"), tail.path("x.log.1"));
  tail.write("x.log", "4\n");
  await tail.start();
  await tail.until(() => sources(tail).length === 2);
  const [rotated, fresh] = sources(tail);
  assert.deepEqual(rotated, { kind: "file", file, from: 7, to: 9, checksum: crc32("3\n"), settled: 7 });
  assert.notEqual(fresh?.file, file);
});

test("what a buffer holds whole is not read again, be the position behind it", async (context) => {
  const tail = new TailFixture(context);
  const held = new Held();
  for (const source of await firstLife(tail, "1\n2\n")) held.take(source);
  positionAt(tail, "x.log", 0);
  tail.write("x.log", "3\n");
  tail.holders.push(held);
  await tail.start();
  assert.equal(tail.positions, tail.line("x.log", 4), "pos_file is right at once, for whoever comes next");
  await tail.until(() => tail.positions === tail.line("x.log", 6));
  assert.deepEqual(tail.plugin.emitter.records, [{ message: "3" }]);
});

test("a rotated file goes on where a buffer's part of it ends", async (context) => {
  const tail = new TailFixture(context);
  const held = new Held();
  for (const source of await firstLife(tail, "1\n")) held.take(source);
  tail.write("x.log", "2\n");
  renameSync(tail.path("x.log"), tail.path("x.log.1"));
  tail.write("x.log", "3\n");
  positionAt(tail, "x.log", 0, "x.log.1");
  tail.holders.push(held);
  await tail.start();
  await tail.until(() => tail.plugin.emitter.records.length === 2);
  assert.deepEqual(tail.plugin.emitter.records, [{ message: "2" }, { message: "3" }]);
});

test("a batch that only some outputs hold is handed over again with the same bounds", async (context) => {
  const tail = new TailFixture(context);
  const [one, other] = [new Held(), new Held()];
  const [first] = await firstLife(tail, "1\n2\n");
  assert.ok(first);
  one.take(first, [0, WHOLE / 2]);
  positionAt(tail, "x.log", 0);
  tail.write("x.log", "3\n");
  tail.holders.push(one, other);
  await tail.start();
  await tail.until(() => sources(tail).length === 2);
  assert.deepEqual(sources(tail)[0], first);
  assert.deepEqual(tail.plugin.emitter.records, [{ message: "1" }, { message: "2" }, { message: "3" }]);
});

test("so is one of lines that an event with several lines ended with, and one larger than a block", async (context) => {
  const parse = "<parse>\n@type multiline\nformat_firstline /^\\d/\nformat1 /^(?<message>.*)/\n</parse>";
  for (const text of ["1 a\n  b\n", `1 a\n${"  more\n".repeat(60_000)}`]) {
    const tail = new TailFixture(context);
    const held = new Held();
    const [first] = await firstLife(tail, text, { parse });
    assert.ok(first);
    held.take(first, [0, WHOLE / 2]);
    positionAt(tail, "x.log", 0);
    tail.write("x.log", "  of another writer\n2 c\n");
    tail.holders.push(held);
    await tail.start("", { parse });
    await tail.until(() => sources(tail).length > 0);
    assert.deepEqual(sources(tail)[0], first);
  }
});

test("a file whose bytes are others by now is read from the position", async (context) => {
  const tail = new TailFixture(context);
  const held = new Held();
  const [first] = await firstLife(tail, "1\n2\n");
  assert.ok(first);
  held.take(first);
  writeFileSync(tail.path("x.log"), "7\n8\n");
  positionAt(tail, "x.log", 2);
  tail.holders.push(held);
  await tail.start();
  await tail.until(() => tail.plugin.emitter.records.length === 1);
  assert.deepEqual(tail.plugin.emitter.records, [{ message: "8" }]);
  assert.deepEqual(held.forgotten, [first.file]);
});

test("a position ahead of what buffers hold counts: fluentd read on, or filters left nothing", async (context) => {
  const tail = new TailFixture(context);
  const held = new Held();
  for (const source of await firstLife(tail, "1\n2\n")) held.take(source);
  tail.write("x.log", "3\n4\n");
  positionAt(tail, "x.log", 6);
  tail.holders.push(held);
  await tail.start();
  await tail.until(() => tail.plugin.emitter.records.length === 1);
  assert.deepEqual(tail.plugin.emitter.records, [{ message: "4" }]);
});

test("a file of which pos_file knows nothing is new, whatever buffers hold of it", async (context) => {
  const tail = new TailFixture(context);
  const held = new Held();
  for (const source of await firstLife(tail, "1\n2\n")) held.take(source);
  writeFileSync(tail.path("pos"), "");
  tail.holders.push(held);
  await tail.start(HEAD);
  await tail.until(() => tail.plugin.emitter.records.length === 2);
  assert.equal(held.files.size, 0);
});

test("a refused batch is handed over again with the same bounds, though the file grew", async (context) => {
  const tail = new TailFixture(context);
  tail.write("x.log", "1\n2\n");
  await tail.start(HEAD);
  const { emitter } = tail.plugin;
  const refused: unknown[] = [];
  const { emit } = emitter;
  emitter.emit = (tag, events, origin) => {
    if (refused.length === 2) return emit.call(emitter, tag, events, origin);
    refused.push(origin?.sources[0]);
    appendFileSync(tail.path("x.log"), "more\n");
    return Promise.reject(new BufferOverflowError("full"));
  };
  await tail.until(() => emitter.records.length === 4);
  assert.deepEqual(sources(tail)[0], refused[0]);
  assert.deepEqual(refused[1], refused[0]);
  assert.equal(readFileSync(tail.path("x.log"), "utf8"), "1\n2\nmore\nmore\n");
});
