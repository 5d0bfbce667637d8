import assert from "node:assert/strict";
import { test } from "node:test";
import { HostNames } from "../../../../src/input/forward/host-names.ts";
import { LOOKUP_DEADLINE_MS, LOOKUP_LIFETIME_MS } from "../../../../src/input/forward/limits.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

test("a name is asked for once, and again when it is old", async () => {
  const clock = new ManualClock();
  let asked = 0;
  const names = new HostNames(clock, async () => `name-${++asked}`);
  assert.equal(await names.resolve("10.0.0.7"), "name-1");
  assert.equal(await names.resolve("10.0.0.7"), "name-1");
  clock.advance(LOOKUP_LIFETIME_MS);
  assert.equal(await names.resolve("10.0.0.7"), "name-2");
});

test("an address without a name, or with none in time, is its own name", async () => {
  const clock = new ManualClock();
  const unknown = new HostNames(clock, () => Promise.reject(new Error("ENOTFOUND")));
  assert.equal(await unknown.resolve("10.0.0.7"), "10.0.0.7");
  const silent = new HostNames(clock, () => new Promise(() => {}));
  const name = silent.resolve("10.0.0.8");
  clock.advance(LOOKUP_DEADLINE_MS);
  assert.equal(await name, "10.0.0.8");
});
