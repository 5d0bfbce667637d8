import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "../../../src/event/byte-writer.ts";

test("what is written stands one behind the other, however much it is", () => {
  const writer = new ByteWriter(1);
  const long = Buffer.alloc(5000, "x");
  writer.byte(1);
  writer.text("é😀");
  writer.copy(long);
  writer.copy(long, 1, 3);
  writer.uint16(0x0203);
  writer.uint32(0x04050607);
  writer.uint64(8n);
  writer.float64(1);
  const wanted = Buffer.concat([
    Buffer.from([1]),
    Buffer.from("é😀"),
    long,
    Buffer.from("xx"),
    Buffer.from("02030405060700000000000000083ff0000000000000", "hex"),
  ]);
  assert.deepEqual(writer.view(), wanted);
  assert.equal(writer.length, wanted.length);
});

test("take gives the bytes away: later writes do not change them", () => {
  const writer = new ByteWriter();
  writer.text("first");
  const taken = writer.take();
  writer.text("other");
  assert.equal(taken.toString(), "first");
  assert.equal(writer.view().toString(), "other");
});

test("shift makes room for a header before what was written", () => {
  const writer = new ByteWriter();
  writer.text("ab");
  writer.shift(1, 2);
  writer.patch(1, 0x2d);
  writer.patch(2, 0x2d);
  assert.equal(writer.view().toString(), "a--b");
  writer.truncate(2);
  assert.equal(writer.view().toString(), "a-");
});
