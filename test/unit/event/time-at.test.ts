import assert from "node:assert/strict";
import { test } from "node:test";
import { EventTime } from "../../../src/event/event-time.ts";
import { encode } from "../../../src/event/msgpack.ts";
import { nanosecondsAt, secondsAt } from "../../../src/event/time-at.ts";

test("seconds are read from every form of time", () => {
  const seconds = (bytes: Buffer) => secondsAt(bytes, 0, bytes.length);
  assert.equal(seconds(encode(new EventTime(1700000000, 5))), 1700000000);
  assert.equal(seconds(Buffer.from("c708006553f10000000001", "hex")), 1700000000);
  assert.equal(seconds(encode(1700000000)), 1700000000);
  assert.equal(seconds(encode(7)), 7);
  assert.equal(seconds(encode(-7)), -7);
  assert.equal(seconds(encode(300)), 300);
  assert.equal(seconds(encode(2n ** 40n)), 2 ** 40);
  assert.equal(seconds(encode(1700000000.75)), 1700000000);
  assert.equal(seconds(encode(null)), 0);
  assert.equal(seconds(encode("no time")), 0);
});

test("nanoseconds are those of an event time, else 0", () => {
  assert.equal(nanosecondsAt(encode(new EventTime(1700000000, 5)), 0), 5);
  assert.equal(nanosecondsAt(Buffer.from("c708006553f10000000001", "hex"), 0), 1);
  assert.equal(nanosecondsAt(encode(1700000000), 0), 0);
});
