import assert from "node:assert/strict";
import { test } from "node:test";
import zlib, { gzipSync } from "node:zlib";
import { LimitError, MalformedError } from "../../../src/errors.ts";
import { canDecompress, decompress } from "../../../src/forward-protocol/compression.ts";

const LIMIT = limit(256 * 1024 * 1024);

function limit(decompressionSizeLimit: number) {
  return { decompressionSizeLimit, decompressionRatioLimit: 250 };
}
const text = Buffer.from("a line of a log\n".repeat(200));
const withoutZstd = canDecompress("zstd") ? false : "this Node.js has no zstd";
const zstd = (bytes: Buffer) => (zlib as unknown as { zstdCompressSync(b: Buffer): Buffer }).zstdCompressSync(bytes);

test("a little gzip is read at once, with all its members", () => {
  const members = Buffer.concat([gzipSync(text), gzipSync(text), gzipSync("end")]);
  assert.deepEqual(decompress("gzip", members, LIMIT), Buffer.concat([text, text, Buffer.from("end")]));
});

test("more than a megabyte is read by zlib's threads", async () => {
  const plain = Buffer.alloc(3 * 1024 * 1024, "0123456789abcdef\n");
  const result = decompress("gzip", gzipSync(plain), LIMIT);
  assert.ok(result instanceof Promise);
  assert.deepEqual(await result, plain);
});

test("a bomb is refused by the limit, at once or later", async () => {
  const small = gzipSync(Buffer.alloc(100_000));
  assert.throws(() => decompress("gzip", small, limit(50_000)), LimitError);
  const large = gzipSync(Buffer.alloc(4 * 1024 * 1024));
  await assert.rejects(async () => decompress("gzip", large, limit(2 * 1024 * 1024)), LimitError);
});

test("a bomb is refused by its ratio, before the limit", async () => {
  const bomb = gzipSync(Buffer.alloc(20 * 1024 * 1024), { level: 9 });
  assert.ok(bomb.length * 250 < 20 * 1024 * 1024);
  await assert.rejects(async () => decompress("gzip", bomb, LIMIT), LimitError);
});

test("nothing holds nothing, as it does for fluentd", () => {
  assert.equal((decompress("gzip", Buffer.alloc(0), LIMIT) as Buffer).length, 0);
});

test("what is no gzip, or torn gzip, is malformed", async () => {
  const whole = gzipSync(text);
  for (const bytes of [Buffer.from("no gzip at all"), whole.subarray(0, whole.length - 9)]) {
    await assert.rejects(async () => decompress("gzip", bytes, LIMIT), MalformedError);
  }
});

test("every frame of zstd is read, at once or later", { skip: withoutZstd }, async () => {
  assert.deepEqual(decompress("zstd", Buffer.concat([zstd(text), zstd(text)]), LIMIT), Buffer.concat([text, text]));
  const plain = Buffer.alloc(3 * 1024 * 1024, "0123456789abcdef\n");
  assert.deepEqual(
    await decompress("zstd", Buffer.concat([zstd(plain), zstd(text)]), LIMIT),
    Buffer.concat([plain, text]),
  );
});

test("many small frames of zstd are read by zlib's threads", { skip: withoutZstd }, async () => {
  const frames = decompress("zstd", Buffer.concat(Array(50).fill(zstd(text))), LIMIT);
  assert.ok(frames instanceof Promise);
  assert.equal((await frames).length, 50 * text.length);
});

test("the limit holds over all frames of zstd", { skip: withoutZstd }, async () => {
  const frames = Buffer.concat(Array.from({ length: 10 }, () => zstd(Buffer.alloc(10_000, 1))));
  await assert.rejects(async () => decompress("zstd", frames, limit(50_000)), LimitError);
});

test("a Node.js without zstd says what to do", { skip: !withoutZstd && "this Node.js has zstd" }, () => {
  assert.throws(() => decompress("zstd", Buffer.from("x"), LIMIT), /22\.15/);
});

test("a body beyond what is collected unmeasured comes out whole, up to the limit and not a byte more", async () => {
  const plain = Buffer.alloc(20 * 1024 * 1024, "a line of a log\n");
  const bytes = gzipSync(plain, { level: 1 });
  const ratio = Math.ceil(plain.length / bytes.length);
  const limits = { decompressionSizeLimit: plain.length, decompressionRatioLimit: ratio };
  assert.ok(plain.equals(await decompress("gzip", bytes, limits)));
  const less = { ...limits, decompressionSizeLimit: plain.length - 1 };
  await assert.rejects(async () => decompress("gzip", bytes, less), LimitError);
  const torn = bytes.subarray(0, -9);
  await assert.rejects(async () => decompress("gzip", torn, limits), MalformedError);
});
