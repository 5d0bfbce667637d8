import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_BYTES, BlockMemory } from "../../../src/buffer/block-memory.ts";

test("a block that is given back, whole or in part, serves again", () => {
  const memory = new BlockMemory();
  const block = memory.take();
  assert.equal(block.length, BLOCK_BYTES);
  memory.give(block.subarray(10, 20));
  const again = memory.take();
  assert.equal(again.buffer, block.buffer);
  assert.equal(again.length, BLOCK_BYTES);
});

test("nobody gets a block that is another's: one given back twice, or from elsewhere", () => {
  const memory = new BlockMemory();
  const block = memory.take();
  memory.give(block);
  memory.give(block);
  memory.give(Buffer.alloc(BLOCK_BYTES));
  assert.equal(memory.take().buffer, block.buffer);
  assert.notEqual(memory.take().buffer, block.buffer);
});
