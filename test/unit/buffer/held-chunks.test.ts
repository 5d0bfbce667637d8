import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HeldChunks, type TakenChunk } from "../../../src/buffer/held-chunks.ts";

/** Some longer than what a row has room for. */
const IDS = ["", "a", "b".repeat(31), "c".repeat(32), `${"c".repeat(31)}d`, "e".repeat(128)];

const taken = fc.record({
  id: fc.constantFrom(...IDS),
  checksum: fc.nat({ max: 0xffff_ffff }),
  from: fc.nat(),
  to: fc.nat(),
  sequence: fc.nat(),
  atSeconds: fc.nat({ max: 0xffff_ffff }),
  chunks: fc.array(fc.integer({ min: 1, max: 0xffff_ffff }), { maxLength: 3 }),
});

test("holds what a list of the newest would hold, whatever was added and forgotten", () => {
  const step = fc.oneof(
    { weight: 9, arbitrary: fc.record({ add: taken }) },
    { weight: 1, arbitrary: fc.record({ forgetFrom: fc.nat() }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 0, max: 20 }), (steps, limit) => {
      const held = new HeldChunks();
      let model: TakenChunk[] = [];
      for (const each of steps) {
        if ("add" in each) {
          held.add(each.add.id, each.add.checksum, each.add, each.add, limit);
          model = limit === 0 ? [] : [...model, { ...each.add }].slice(-limit);
        } else {
          held.forgetFrom(each.forgetFrom);
          model = model.filter(({ sequence }) => sequence < each.forgetFrom);
        }
      }
      assert.deepEqual([...held.entries()], model);
      for (const id of IDS) {
        assert.deepEqual(
          held.of(id),
          model.filter((each) => each.id === id),
        );
      }
      assert.equal(held.size, model.length);
    }),
  );
});

test("thousands of chunks are found again, and those beyond the limit are not", () => {
  const held = new HeldChunks();
  const whole = { from: 0, to: 1 };
  for (let n = 0; n < 10_000; n++) {
    held.add(`id ${n}`, 1, whole, { sequence: n, atSeconds: 0, chunks: [n % 3 === 0 ? 1 : 2] }, 5000);
  }
  assert.equal(held.size, 5000);
  assert.equal(held.of("id 4999").length, 0);
  for (let n = 5000; n < 10_000; n++) assert.equal(held.of(`id ${n}`)[0]?.sequence, n);
});
