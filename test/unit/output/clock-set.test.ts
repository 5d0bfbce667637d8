/** A clock that is set, forward or back: nothing is given up too early, and nothing waits for times that come no more. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { AckError, NetworkError } from "../../../src/errors.ts";
import { eventsOf } from "../buffer/buffer-fixture.ts";
import { createOutput } from "./output-fixture.ts";

const YEARS_MS = 30 * 365 * 86_400_000;

for (const [direction, byMs] of [
  ["forward", YEARS_MS],
  ["back", -YEARS_MS],
] as const) {
  test(`set ${direction} while a receiver is away, it is tried as before, and nothing is dropped`, async () => {
    const { output, writer, clock, counters } = createOutput({ buffer: { flush_mode: "immediate" } });
    await output.start();
    writer.behave = () => {
      throw new NetworkError("refused");
    };
    await output.emit("a", eventsOf(1));
    await clock.advanceAndSettle(1000);
    clock.set(byMs);
    for (const attempts of [3, 4, 5]) {
      await clock.advanceAndSettle(2 ** (attempts - 2) * 1000);
      assert.equal(writer.attempts.length, attempts);
    }
    assert.ok((output.stats().retry?.nextTimeMs ?? 0) >= clock.now(), "shown by the clock as it is now");
    writer.behave = () => {};
    await clock.advanceAndSettle(60_000);
    assert.deepEqual(writer.delivered, [[1]]);
    assert.equal(counters.get("dropped_events", "retry_limit"), 0);
    await output.stop(AbortSignal.abort());
  });

  test(`set ${direction} while acks do not come, a chunk is sent again within seconds`, async () => {
    const { output, writer, clock } = createOutput({ buffer: { flush_mode: "immediate", retry_forever: "true" } });
    await output.start();
    writer.behave = () => {
      throw new AckError("no response from node");
    };
    await output.emit("a", eventsOf(1));
    await clock.advanceAndSettle(30_000);
    clock.set(byMs);
    await clock.advanceAndSettle(10_000);
    writer.behave = () => {};
    await clock.advanceAndSettle(13_000);
    assert.deepEqual(writer.delivered, [[1]]);
    await output.stop(AbortSignal.abort());
  });

  test(`set ${direction} while a chunk is staged, it is sent within its interval`, async () => {
    const { output, writer, clock } = createOutput({ buffer: { flush_interval: "10s" } });
    await output.start();
    await output.emit("a", eventsOf(1));
    clock.set(byMs);
    await clock.advanceAndSettle(11_000);
    assert.deepEqual(writer.delivered, [[1]]);
    await output.emit("a", eventsOf(2));
    await clock.advanceAndSettle(11_000);
    assert.deepEqual(writer.delivered, [[1], [2]]);
    await output.stop(AbortSignal.abort());
  });
}
