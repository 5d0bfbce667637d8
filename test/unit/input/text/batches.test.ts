import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "../../../../src/event/msgpack.ts";
import { Batches } from "../../../../src/input/text/batches.ts";

test("entries of one tag in a row are one batch, and their order stays", () => {
  const batches = new Batches();
  for (const [index, tag] of ["a", "a", "b", "a"].entries()) {
    const writer = batches.begin(tag);
    writer.copy(encode(index));
    writer.copy(encode({ index }));
  }
  const taken = batches.take().map(({ tag, events }) => [tag, [...events.events()].map(({ record }) => record.index)]);
  assert.deepEqual(taken, [
    ["a", [0, 1]],
    ["b", [2]],
    ["a", [3]],
  ]);
  assert.deepEqual(batches.take(), []);
});
