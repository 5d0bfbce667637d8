import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
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

test("pieces of a source come as they stand there, in any order, whatever is written between them", () => {
  const sources = [1, 2].map((factor) =>
    Buffer.from(Uint8Array.from({ length: 20_000 }, (_, at) => (at * factor) % 251)),
  );
  const step = fc.oneof(
    fc.record({
      what: fc.constant("piece" as const),
      source: fc.constantFrom(...sources),
      skipped: fc.oneof(fc.nat(100), fc.integer({ min: -700, max: 0 }), fc.integer({ min: -6000, max: 6000 })),
      length: fc.oneof(fc.nat(400), fc.nat(5000)),
    }),
    fc.record({ what: fc.constant("byte" as const), value: fc.nat(255) }),
    fc.record({ what: fc.constant("truncate" as const), removed: fc.nat(3000) }),
    fc.record({ what: fc.constant("shift" as const), count: fc.nat(20) }),
    fc.record({ what: fc.constant("take" as const) }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 16, max: 70_000 }), fc.array(step, { maxLength: 80 }), (room, steps) => {
      const writer = new ByteWriter(room);
      let wanted = Buffer.alloc(0);
      let position = 0;
      for (const each of steps) {
        if (each.what === "piece") {
          const start = Math.max(0, Math.min(position + each.skipped, each.source.length - each.length));
          position = start + each.length;
          writer.copyNext(each.source, start, position);
          wanted = Buffer.concat([wanted, each.source.subarray(start, position)]);
        } else if (each.what === "byte") {
          writer.byte(each.value);
          wanted = Buffer.concat([wanted, Buffer.of(each.value)]);
        } else if (each.what === "truncate") {
          const length = Math.max(0, wanted.length - each.removed);
          writer.truncate(length);
          wanted = wanted.subarray(0, length);
        } else if (each.what === "shift") {
          const half = Math.floor(wanted.length / 2);
          writer.shift(half, each.count);
          for (let at = half; at < half + each.count; at++) writer.patch(at, 7);
          wanted = Buffer.concat([wanted.subarray(0, half), Buffer.alloc(each.count, 7), wanted.subarray(half)]);
        } else {
          assert.deepEqual(writer.take(), wanted);
          wanted = Buffer.alloc(0);
        }
      }
      assert.deepEqual(writer.view(), wanted);
    }),
    { numRuns: 500 },
  );
});

test("what was forgotten is no source of the pieces behind it", () => {
  const source = Buffer.from(Uint8Array.from({ length: 2000 }, (_, at) => at % 251));
  const writer = new ByteWriter(10_000);
  writer.copyNext(source, 0, 400);
  writer.copyNext(source, 500, 900);
  writer.truncate(300);
  writer.copyNext(source, 500, 900);
  assert.deepEqual(writer.view(), Buffer.concat([source.subarray(0, 300), source.subarray(500, 900)]));
});
