import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LimitError, MalformedError } from "../../../src/errors.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { decode, encode } from "../../../src/event/msgpack.ts";
import { INCOMPLETE, MAX_DEPTH, skipValue, walkEntries } from "../../../src/event/walker.ts";

const anyValue = fc.jsonValue({ maxDepth: 5 });

test("skipValue finds the end of every value that msgpack can encode", () => {
  fc.assert(
    fc.property(anyValue, fc.uint8Array({ maxLength: 9 }), (value, trailer) => {
      const bytes = encode(value);
      assert.equal(skipValue(Buffer.concat([bytes, trailer]), 0, bytes.length + trailer.length), bytes.length);
    }),
  );
});

test("skipValue reports every proper prefix as incomplete", () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const bytes = encode(value);
      for (let end = 0; end < bytes.length; end++) assert.equal(skipValue(bytes, 0, end), INCOMPLETE);
    }),
  );
});

test("skipValue knows each scalar form by its first byte", () => {
  const forms: [number, number][] = [
    [0xc0, 1], [0xc2, 1], [0xc3, 1], [0xca, 5], [0xcb, 9], [0xcc, 2], [0xcd, 3], [0xce, 5], [0xcf, 9],
    [0xd0, 2], [0xd1, 3], [0xd2, 5], [0xd3, 9], [0xd4, 3], [0xd5, 4], [0xd6, 6], [0xd7, 10], [0xd8, 18],
  ]; // biome-ignore format: a table
  for (const [type, length] of forms) {
    const bytes = Buffer.alloc(32);
    bytes[0] = type;
    assert.equal(skipValue(bytes, 0, 32), length, type.toString(16));
  }
  const sized: [number, number, number][] = [
    [0xc4, 1, 2], [0xc5, 2, 3], [0xc6, 4, 5], [0xd9, 1, 2], [0xda, 2, 3], [0xdb, 4, 5], [0xc7, 1, 3], [0xc8, 2, 4], [0xc9, 4, 6],
  ]; // biome-ignore format: a table
  for (const [type, width, header] of sized) {
    const bytes = Buffer.alloc(32);
    bytes[0] = type;
    bytes.writeUIntBE(7, 1, width);
    assert.equal(skipValue(bytes, 0, 32), header + 7, type.toString(16));
  }
});

test("skipValue refuses c1 and too deep nesting", () => {
  assert.throws(() => skipValue(Buffer.from([0x91, 0xc1]), 0, 2), MalformedError);
  const deep = Buffer.alloc(MAX_DEPTH + 2, 0x91);
  assert.throws(() => skipValue(deep, 0, deep.length), LimitError);
  const allowed = Buffer.concat([Buffer.alloc(MAX_DEPTH, 0x91), Buffer.from([0xc0])]);
  assert.equal(skipValue(allowed, 0, allowed.length), allowed.length);
});

test("a declared count beyond the bytes at hand is incomplete, at once", () => {
  assert.equal(skipValue(Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff, 0x01]), 0, 6), INCOMPLETE);
});

const entry = (time: unknown, record: unknown) => encode([time, record]);

test("walkEntries counts entries and knows plain ones", () => {
  const plain = Buffer.concat([entry(new EventTime(1, 2), { a: 1 }), entry(1700000000, { b: "x" })]);
  assert.deepEqual(walkEntries(plain, 0, plain.length), { count: 2, end: plain.length, plain: true });
  const odd = [
    entry(1.5, {}), entry(null, {}), entry(0, {}), entry(1, "text"), entry(new EventTime(1, 2), "text"),
    entry("1", {}), entry([1, {}], {}), encode([1]), encode([1, {}, 2]), encode("x"),
  ]; // biome-ignore format: a list
  for (const bytes of odd) {
    const walk = walkEntries(bytes, 0, bytes.length);
    assert.deepEqual([walk.count, walk.plain], [1, false], JSON.stringify(decode(bytes)));
  }
});

test("walkEntries stops before a torn last entry", () => {
  const whole = entry(new EventTime(1, 2), { message: "hello" });
  const torn = Buffer.concat([whole, whole.subarray(0, whole.length - 1)]);
  assert.deepEqual(walkEntries(torn, 0, torn.length), { count: 1, end: whole.length, plain: true });
});
