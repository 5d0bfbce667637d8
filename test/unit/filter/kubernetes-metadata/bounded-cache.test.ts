import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedCache } from "../../../../src/filter/kubernetes-metadata/bounded-cache.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

test("what was not used for longest goes first", () => {
  const cache = new BoundedCache<number>(2, new ManualClock());
  cache.set("a", 1, Number.POSITIVE_INFINITY);
  cache.set("b", 2, Number.POSITIVE_INFINITY);
  assert.equal(cache.get("a"), 1);
  cache.set("c", 3, Number.POSITIVE_INFINITY);
  assert.deepEqual(cache.keys(), ["a", "c"]);
  assert.equal(cache.get("b"), undefined);
});

test("a value that is set again takes no second place", () => {
  const cache = new BoundedCache<number>(2, new ManualClock());
  for (const value of [1, 2, 3]) cache.set("a", value, Number.POSITIVE_INFINITY);
  cache.set("b", 1, Number.POSITIVE_INFINITY);
  assert.deepEqual([cache.get("a"), cache.get("b"), cache.size], [3, 1, 2]);
});

test("values end with their time, which can be shortened and not lengthened", () => {
  const clock = new ManualClock();
  const cache = new BoundedCache<number>(9, clock);
  cache.set("short", 1, 10);
  cache.set("long", 2, Number.POSITIVE_INFINITY);
  cache.expireIn("short", 100);
  cache.expireIn("long", 50);
  clock.advance(10);
  assert.deepEqual([cache.get("short"), cache.has("long"), cache.get("long")], [undefined, true, 2]);
  clock.advance(40);
  assert.deepEqual([cache.has("long"), cache.get("long"), cache.size], [false, undefined, 0]);
});
