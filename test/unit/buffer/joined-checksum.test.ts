import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { joinedChecksum } from "../../../src/buffer/joined-checksum.ts";

test("is the checksum of both parts behind each other", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (first, second) => {
      const joined = joinedChecksum(crc32(first), crc32(second), second.length);
      assert.equal(joined, crc32(Buffer.concat([first, second])));
    }),
  );
});

test("of parts as large as chunks, too", () => {
  const bytes = Buffer.alloc(70_000_000, "some text ");
  const [first, second] = [bytes.subarray(0, 5), bytes.subarray(5)];
  assert.equal(joinedChecksum(crc32(first), crc32(second), second.length), crc32(bytes));
});
