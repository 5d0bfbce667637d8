import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encode } from "../../src/event/msgpack.ts";
import { RefusedFrame } from "../../src/forward-protocol/refused-frame.ts";
import { array, entry, eventTime, forward, message, packed, str32 } from "../support/forward-messages.ts";

const records = fc.dictionary(fc.string({ maxLength: 5 }), fc.oneof(fc.string({ maxLength: 300 }), fc.integer()));
const options = fc.option(
  fc.record({ chunk: fc.base64String({ maxLength: 40 }), size: fc.nat() }, { requiredKeys: [] }),
);
const tags = fc.string({ maxLength: 40 });
const times = fc.oneof(fc.nat(), fc.constant(eventTime(1_700_000_000, 5)));
const withOption = (option: unknown) => (option === null ? undefined : option);
const frames = fc.oneof(
  fc.tuple(tags, times, records, options).map(([tag, time, record, option]) => ({
    frame: message(tag, time, record, withOption(option)),
    option,
  })),
  fc.tuple(tags, fc.array(fc.tuple(times, records), { maxLength: 5 }), options).map(([tag, events, option]) => ({
    frame: forward(tag, events.map(([time, record]) => entry(time, record)), withOption(option)),
    option,
  })),
  fc.tuple(tags, fc.uint8Array({ maxLength: 3000 }), options).map(([tag, body, option]) => ({
    frame: packed(tag, Buffer.from(body), withOption(option)),
    option,
  })),
); // biome-ignore format: a table

test("wherever a message is cut, its end and its option are found, and nothing behind it is touched", () => {
  fc.assert(
    fc.property(
      frames,
      fc.array(fc.nat(4000), { maxLength: 20 }),
      fc.uint8Array({ maxLength: 20 }),
      (given, cuts, more) => {
        const stream = Buffer.concat([given.frame, more]);
        const at = [...new Set(cuts)].filter((cut) => cut > 0 && cut < stream.length).sort((a, b) => a - b);
        const frame = new RefusedFrame();
        let taken = 0;
        for (const [index, start] of [0, ...at].entries()) {
          if (frame.isWhole) break;
          const read = stream.subarray(start, at[index] ?? stream.length);
          const count = frame.take(read);
          assert.ok(frame.isWhole || count === read.length);
          assert.ok(frame.declaredBytes <= given.frame.length);
          taken += count;
        }
        assert.ok(frame.isWhole);
        assert.equal(taken, given.frame.length);
        assert.equal(frame.takenBytes, given.frame.length);
        assert.deepEqual(frame.option, given.option === null ? Buffer.alloc(0) : encode(given.option));
      },
    ),
    { numRuns: 300 },
  );
});

test("one byte at a time is as good", () => {
  const given = packed("tag", Buffer.alloc(70_000), { chunk: "abc" });
  const frame = new RefusedFrame();
  for (const byte of given) frame.take(Buffer.from([byte]));
  assert.ok(frame.isWhole);
  assert.deepEqual(frame.option, encode({ chunk: "abc" }));
});

test("a body says its length at once, an option without end is not held", () => {
  const long = new RefusedFrame();
  long.take(Buffer.concat([Buffer.from("92a174db", "hex"), Buffer.from("40000000", "hex")]));
  assert.equal(long.declaredBytes, 2 ** 30 + 8);
  const frame = new RefusedFrame();
  frame.take(array("t", str32(Buffer.alloc(10)), { chunk: "x".repeat(100_000) }));
  assert.ok(frame.isWhole);
  assert.equal(frame.option.length, 0);
});
