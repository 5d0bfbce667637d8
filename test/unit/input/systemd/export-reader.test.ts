import assert from "node:assert/strict";
import { test } from "node:test";
import { ExportReader } from "../../../../src/input/systemd/export-reader.ts";

const length = (count: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(count));
  return bytes;
};

const STREAM = Buffer.concat([
  Buffer.from("__CURSOR=c1\n__REALTIME_TIMESTAMP=1700000000123456\nA=1=2\nE=\nA=3\n\n"),
  Buffer.from("__CURSOR=c2\n__REALTIME_TIMESTAMP=5\nB\n"),
  length(5),
  Buffer.from("x\n\n=y\n\n"),
  Buffer.from("__CURSOR=none\nA=1\n\n"),
]);

function read(parts: readonly Buffer[]) {
  const reader = new ExportReader(() => assert.fail("nothing is too long"));
  return parts
    .flatMap((part) => reader.push(part))
    .map(({ cursor, realtime, fields }) => [cursor, realtime, [...fields].map(([name, value]) => `${name}=${value}`)]);
}

test("entries are read however the stream is cut", () => {
  const expected = [
    ["c1", 1_700_000_000_123_456, ["A=3", "E="]],
    ["c2", 5, ["B=x\n\n=y"]],
  ];
  assert.deepEqual(read([STREAM]), expected);
  for (let cut = 1; cut < STREAM.length; cut++) {
    assert.deepEqual(read([STREAM.subarray(0, cut), STREAM.subarray(cut)]), expected, String(cut));
  }
  assert.deepEqual(read(Array.from(STREAM, (_, index) => STREAM.subarray(index, index + 1))), expected);
});

test("a field that is too long is left out, and told", () => {
  const told: number[] = [];
  const reader = new ExportReader((byteSize) => told.push(byteSize));
  const large = Buffer.alloc(9 * 1024 * 1024, "x");
  const entries = [
    Buffer.from("__CURSOR=c\n__REALTIME_TIMESTAMP=5\nCORE\n"),
    length(large.length),
    large,
    Buffer.from("\nLINE="),
    large,
    Buffer.from("\nA=1\n\n"),
  ].flatMap((part) => reader.push(part));
  assert.deepEqual(
    entries.map(({ fields }) => [...fields.keys()]),
    [["A"]],
  );
  assert.equal(told.length, 2);
});
