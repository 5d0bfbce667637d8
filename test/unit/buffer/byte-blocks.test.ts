import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteBlocks, RetainedMemory } from "../../../src/buffer/byte-blocks.ts";

const MEBIBYTE = 1024 * 1024;

/** Blocks with `byteSize` bytes in them. */
function filled(memory: RetainedMemory, byteSize: number): ByteBlocks {
  const blocks = new ByteBlocks(memory);
  assert.ok(blocks.append(Buffer.alloc(byteSize)));
  return blocks;
}

/** The memory of the blocks, as it was allocated. */
function memoryOf(blocks: ByteBlocks): Set<ArrayBufferLike> {
  return new Set(blocks.views(0, blocks.byteSize).map((view) => view.buffer));
}

test("large blocks that nobody reads serve the next chunk", () => {
  const memory = new RetainedMemory(8 * MEBIBYTE);
  const first = filled(memory, 3 * MEBIBYTE);
  const before = memoryOf(first);
  first.release(true);
  assert.equal(memory.bytes, 0);
  assert.deepEqual(memoryOf(filled(memory, 3 * MEBIBYTE)), before);
});

test("free blocks make way when small chunks need the memory", () => {
  const memory = new RetainedMemory(4 * MEBIBYTE);
  const large = filled(memory, 3 * MEBIBYTE);
  const before = memoryOf(large);
  large.release(true);
  const small = Array.from({ length: 384 }, () => filled(memory, 4096)); // 1.5 MiB
  for (const blocks of small) blocks.release(true);
  const after = memoryOf(filled(memory, 3 * MEBIBYTE));
  assert.equal([...after].filter((each) => before.has(each)).length, 2);
});

test("what passes the limit is not taken", () => {
  const memory = new RetainedMemory(MEBIBYTE);
  const blocks = filled(memory, MEBIBYTE - 1);
  assert.ok(blocks.append(Buffer.alloc(1)));
  assert.ok(!blocks.append(Buffer.alloc(1)));
  assert.equal(blocks.byteSize, MEBIBYTE);
  assert.equal(memory.bytes, MEBIBYTE);
});
