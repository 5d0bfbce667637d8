import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../src/logger.ts";
import { RareWarnings, WARNING_INTERVAL_MS } from "../../src/rare-warnings.ts";
import { ManualClock } from "../support/manual-clock.ts";

test("a warning is logged once in its interval, then with the number of those left out", () => {
  const clock = new ManualClock();
  const log: unknown[] = [];
  const warnings = new RareWarnings({ ...silentLogger, warn: (message, fields) => log.push([message, fields]) }, clock);
  for (let n = 0; n < 5; n++) warnings.warn("skip invalid event:", { n });
  warnings.warn("another", {});
  clock.advance(WARNING_INTERVAL_MS);
  warnings.warn("skip invalid event:", { n: 9 });
  assert.deepEqual(log, [
    ["skip invalid event:", { n: 0 }],
    ["another", {}],
    ["skip invalid event:", { n: 9, suppressed: 4 }],
  ]);
});
