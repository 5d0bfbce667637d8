import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { coversWhole, Origin, type Share, type Source } from "../../../src/event/origin.ts";

const source: Source = { kind: "chunk", id: "an id", checksum: 7 };

test("parts of parts cover the whole together, and none can be left out", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }), fc.nat(), (counts, pick) => {
      const leaves = counts.reduce<Origin[]>(
        (parts, count) => parts.flatMap((part) => Array.from({ length: count }, (_, i) => part.part(i, count))),
        [new Origin([source], "synced")],
      );
      const shares: Share[] = leaves.map(({ share }) => share);
      assert.ok(coversWhole(shares.toReversed()));
      shares.splice(pick % shares.length, 1);
      assert.ok(!coversWhole(shares));
    }),
  );
});

test("a detached origin keeps what emit waits for, and no source", () => {
  const detached = new Origin([source], "delivered").part(1, 2).detached();
  assert.deepEqual([detached.sources, detached.ackAfter], [[], "delivered"]);
});
