import assert from "node:assert/strict";
import { test } from "node:test";
import { BatchMemory } from "../../../src/event/batch-memory.ts";

test("a buffer that was given back serves again, and only once", () => {
  const memory = new BatchMemory();
  const first = memory.take(200_000);
  assert.equal(first.length, 262_144);
  memory.give(first);
  assert.equal(memory.take(150_000), first);
  assert.notEqual(memory.take(150_000), first);
});

test("a buffer of another size than take gives is not kept", () => {
  const memory = new BatchMemory();
  const foreign = Buffer.alloc(100_000);
  memory.give(foreign);
  assert.notEqual(memory.take(100_000), foreign);
});

test("idle buffers never take more than 8 MiB", () => {
  const memory = new BatchMemory();
  const buffers = Array.from({ length: 20 }, () => memory.take(1024 * 1024));
  for (const buffer of buffers) memory.give(buffer);
  const again = new Set(Array.from({ length: 20 }, () => memory.take(1024 * 1024)));
  assert.equal(buffers.filter((buffer) => again.has(buffer)).length, 8);
});

test("a message too large to be kept has a buffer of its own", () => {
  const memory = new BatchMemory();
  const large = memory.take(3_000_000);
  assert.equal(large.length, 3_000_000);
  memory.give(large);
  assert.notEqual(memory.take(3_000_000), large);
});
