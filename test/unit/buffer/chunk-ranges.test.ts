import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { ChunkRanges } from "../../../src/buffer/chunk-ranges.ts";

test("the checksum of a step is the same whether it was known before or is taken of the bytes", () => {
  const writes = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40_000, size: "max" }), { maxLength: 8 });
  fc.assert(
    fc.property(writes, (all) => {
      const [summed, told] = [new ChunkRanges(), new ChunkRanges()];
      for (const [index, bytes] of all.entries()) {
        const views = [Buffer.from(bytes)];
        const step = summed.next(views, 1);
        assert.deepEqual(told.next(views, 1, crc32(bytes)), step);
        for (const ranges of [summed, told]) ranges.add(step, index + 1, 0);
      }
    }),
    { numRuns: 50 },
  );
});
