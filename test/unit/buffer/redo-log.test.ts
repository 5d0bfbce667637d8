import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { nodeFileSystem } from "../../../src/buffer/file-system.ts";
import { machineStartOf, RedoLog, type RedoPiece, readRedoLog } from "../../../src/buffer/redo-log.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const LOG_BYTES = 1000;

function setup() {
  const prefix = join(temporaryFolder(), "buffer");
  const log = new RedoLog({ fileSystem: nodeFileSystem, fileMode: 0o644, redoLogBytes: LOG_BYTES }, prefix);
  return { log, read: () => readFileSync(`${prefix}.redo`) };
}

const pieceOf = (bytes: Buffer, id = 1, start = 0): RedoPiece => ({
  id: Buffer.alloc(16, id),
  start,
  byteSize: bytes.length,
  read: (target) => void bytes.copy(target),
});

const told = (log: Buffer) => [...readRedoLog(log)].map(({ id, start, bytes }) => `${id[0]} ${start} ${bytes}`);

test("says what was written to it, in order, however many records that took", () => {
  const { log, read } = setup();
  const large = Buffer.alloc(60_000, "x");
  log.write([pieceOf(Buffer.from("a"), 1, 7), pieceOf(Buffer.from("b"), 2, 2 ** 40)]);
  log.write(Array.from({ length: 9 }, (_, index) => pieceOf(large, index, index)));
  log.close();
  const expected = Array.from({ length: 9 }, (_, index) => `${index} ${index} ${large}`);
  assert.deepEqual(told(read()), ["1 7 a", `2 ${2 ** 40} b`, ...expected]);
  assert.equal(machineStartOf(read()), nodeFileSystem.machineStart());
});

test("that it is full is said once, and after a restart it is written from the beginning", () => {
  const { log, read } = setup();
  assert.equal(log.isFull, false);
  log.write([pieceOf(Buffer.alloc(LOG_BYTES, "x"))]);
  assert.equal(log.isFull, true);
  log.restart();
  assert.equal(log.isFull, false);
  log.write([pieceOf(Buffer.from("new"))]);
  assert.deepEqual(told(read()), ["1 0 new"]);
  log.close();
});

test("whatever became of its bytes, what it says was written", () => {
  const { log, read } = setup();
  for (const text of ["first", "second", "third"])
    log.write([pieceOf(Buffer.from(text)), pieceOf(Buffer.from("more"))]);
  log.close();
  const whole = read();
  const all = told(whole);
  fc.assert(
    fc.property(fc.nat(whole.length), fc.nat(whole.length - 1), fc.nat(255), (length, at, byte) => {
      const bytes = Buffer.from(whole.subarray(0, length));
      if (at < length) bytes[at] = byte;
      const said = told(bytes);
      const first = all.indexOf(said[0] as string);
      assert.deepEqual(said, all.slice(first, first + said.length));
      // The first byte of all says where records begin: another may lead to a later one.
      if (at > 0) assert.ok(first <= 0);
    }),
  );
});
