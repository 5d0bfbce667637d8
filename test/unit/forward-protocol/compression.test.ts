import assert from "node:assert/strict";
import { test } from "node:test";
import zlib, { gzipSync } from "node:zlib";
import { LimitError, MalformedError } from "../../../src/errors.ts";
import { canDecompress, decompress, type Plain } from "../../../src/forward-protocol/compression.ts";

const LIMIT = limit(256 * 1024 * 1024);

function limit(decompressionSizeLimit: number) {
  return { decompressionSizeLimit, decompressionRatioLimit: 250 };
}
const text = Buffer.from("a line of a log\n".repeat(200));
const withoutZstd = canDecompress("zstd") ? false : "this Node.js has no zstd";
const zstd = (bytes: Buffer) => (zlib as unknown as { zstdCompressSync(b: Buffer): Buffer }).zstdCompressSync(bytes);

test("a little gzip is read at once, with all its members", () => {
  const members = Buffer.concat([gzipSync(text), gzipSync(text), gzipSync("end")]);
  assert.deepEqual(decompress("gzip", members, LIMIT), { bytes: Buffer.concat([text, text, Buffer.from("end")]) });
  const longest = limit(2 * text.length + 3);
  assert.deepEqual(decompress("gzip", members, longest), { bytes: Buffer.concat([text, text, Buffer.from("end")]) });
  assert.throws(() => decompress("gzip", members, limit(2 * text.length + 2)), LimitError);
});

test("one member is told with its checksum, whatever its header says; zeros behind it are nothing", () => {
  const told = { bytes: text, checksum: zlib.crc32(text) };
  const whole = gzipSync(text);
  const [head, deflated] = [whole.subarray(0, 3), whole.subarray(10)];
  const header = (flags: number, ...fields: string[]) =>
    Buffer.concat([
      head,
      Buffer.of(flags),
      whole.subarray(4, 10),
      ...fields.map((hex) => Buffer.from(hex, "hex")),
      deflated,
    ]);
  for (const bytes of [
    whole,
    Buffer.concat([whole, Buffer.alloc(20)]),
    header(8, "6e616d6500"),
    header(4 + 8 + 16, "0300010203", "6e616d6500", "00"),
  ]) {
    assert.deepEqual(decompress("gzip", bytes, LIMIT), told);
    assert.ok(zlib.gunzipSync(bytes).equals(text));
  }
});

test("more than a megabyte is read by zlib's threads", async () => {
  const plain = Buffer.alloc(3 * 1024 * 1024, "0123456789abcdef\n");
  const result = decompress("gzip", gzipSync(plain), LIMIT);
  assert.ok(result instanceof Promise);
  assert.deepEqual(await result, { bytes: plain });
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
  assert.equal((decompress("gzip", Buffer.alloc(0), LIMIT) as Plain).bytes.length, 0);
});

test("what is no gzip, or torn gzip, is malformed", async () => {
  const whole = gzipSync(text);
  const changed = (at: number) => {
    const bytes = Buffer.from(whole);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - at) ^ 1, bytes.length - at);
    return bytes;
  };
  for (const bytes of [
    Buffer.from("no gzip at all"),
    ...[1, 8, 9].map((missing) => whole.subarray(0, whole.length - missing)),
    changed(1),
    changed(8),
    Buffer.concat([whole, Buffer.from("something else")]),
    Buffer.concat([whole, whole.subarray(0, 15)]),
  ]) {
    assert.throws(() => zlib.gunzipSync(bytes));
    await assert.rejects(async () => decompress("gzip", bytes, LIMIT), MalformedError);
  }
});

test("every frame of zstd is read, at once or later", { skip: withoutZstd }, async () => {
  const twice = Buffer.concat([zstd(text), zstd(text)]);
  assert.deepEqual(decompress("zstd", twice, LIMIT), { bytes: Buffer.concat([text, text]) });
  const plain = Buffer.alloc(3 * 1024 * 1024, "0123456789abcdef\n");
  assert.deepEqual(await decompress("zstd", Buffer.concat([zstd(plain), zstd(text)]), LIMIT), {
    bytes: Buffer.concat([plain, text]),
  });
});

test("many small frames of zstd are read by zlib's threads", { skip: withoutZstd }, async () => {
  const frames = decompress("zstd", Buffer.concat(Array(50).fill(zstd(text))), LIMIT);
  assert.ok(frames instanceof Promise);
  assert.equal((await frames).bytes.length, 50 * text.length);
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
  assert.ok(plain.equals((await decompress("gzip", bytes, limits)).bytes));
  const less = { ...limits, decompressionSizeLimit: plain.length - 1 };
  await assert.rejects(async () => decompress("gzip", bytes, less), LimitError);
  const torn = bytes.subarray(0, -9);
  await assert.rejects(async () => decompress("gzip", torn, limits), MalformedError);
});
