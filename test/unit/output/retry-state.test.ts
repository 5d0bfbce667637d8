import assert from "node:assert/strict";
import { test } from "node:test";
import { type RetryPolicy, RetryState } from "../../../src/output/retry-state.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const policy: RetryPolicy = {
  type: "exponential_backoff",
  waitMs: 1000,
  backoffBase: 2,
  maxIntervalMs: undefined,
  timeoutMs: 72 * 3600_000,
  maxTimes: undefined,
  isForever: false,
  isRandomized: false,
  secondaryThreshold: undefined,
};

/** Waits between failures, each at the moment that the state named. */
async function waits(given: Partial<RetryPolicy>, count: number, random?: () => number): Promise<number[]> {
  const clock = new ManualClock();
  const state = new RetryState({ ...policy, ...given }, clock, random);
  const found = [state.nextTimeMs - clock.now()];
  while (found.length < count) {
    clock.advance(state.nextTimeMs - clock.now());
    state.fail();
    found.push(state.nextTimeMs - clock.now());
  }
  return found;
}

test("waits double: 1, 2, 4, 8 seconds", async () => {
  assert.deepEqual(await waits({}, 5), [1000, 2000, 4000, 8000, 16000]);
});

test("no wait is longer than retry_max_interval", async () => {
  assert.deepEqual(await waits({ maxIntervalMs: 3000 }, 4), [1000, 2000, 3000, 3000]);
});

test("the first wait is exact, the others change by up to an eighth", async () => {
  assert.deepEqual(await waits({ isRandomized: true }, 3, () => 1), [1000, 2250, 4500]);
  assert.deepEqual(await waits({ isRandomized: true }, 3, () => 0), [1000, 1750, 3500]);
});

test("periodic waits stay the same", async () => {
  assert.deepEqual(await waits({ type: "periodic" }, 3), [1000, 1000, 1000]);
});

test("retry_max_times N lets N + 1 attempts pass", () => {
  const clock = new ManualClock();
  const state = new RetryState({ ...policy, maxTimes: 2, waitMs: 0 }, clock);
  let attempts = 1;
  while (!state.isLimit) {
    attempts += 1;
    state.fail();
  }
  assert.equal(attempts, 3);
});

test("the last attempt is at start + retry_timeout, and then the limit is reached", async () => {
  const clock = new ManualClock();
  const state = new RetryState({ ...policy, timeoutMs: 10_000 }, clock);
  const times: number[] = [];
  while (!state.isLimit) {
    clock.advance(state.nextTimeMs - clock.now());
    times.push(clock.now() - state.startMs);
    state.fail();
  }
  assert.deepEqual(times, [1000, 3000, 7000, 10_000]);
});

test("a failure before the next try was due does not count", () => {
  const state = new RetryState(policy, new ManualClock());
  state.fail();
  assert.equal(state.steps, 0);
});

test("the secondary takes over at the threshold, with waits from the start again", async () => {
  const clock = new ManualClock();
  const state = new RetryState({ ...policy, timeoutMs: 20_000, secondaryThreshold: 0.5 }, clock);
  const seen: [number, boolean][] = [];
  while (!state.isLimit && seen.length < 8) {
    clock.advance(state.nextTimeMs - clock.now());
    seen.push([clock.now() - state.startMs, state.isSecondary]);
    state.fail();
  }
  assert.deepEqual(seen, [
    [1000, false], [3000, false], [7000, false], [10_000, true], [11_000, true], [13_000, true], [17_000, true], [20_000, true],
  ]); // biome-ignore format: a table
});

test("retry_forever has no limit and no secondary", async () => {
  const clock = new ManualClock();
  const state = new RetryState(
    { ...policy, isForever: true, timeoutMs: 1, maxTimes: 1, secondaryThreshold: 0.5 },
    clock,
  );
  for (let count = 0; count < 5; count++) {
    clock.advance(state.nextTimeMs - clock.now());
    state.fail();
  }
  assert.deepEqual([state.isLimit, state.isSecondary], [false, false]);
});
