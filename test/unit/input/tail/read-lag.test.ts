import assert from "node:assert/strict";
import { test } from "node:test";
import { ReadLag } from "../../../../src/input/tail/read-lag.ts";

test("a file lags by the age of the first byte that was not handed over", () => {
  const lag = new ReadLag();
  lag.saw(100, 0, 1000);
  lag.saw(200, 0, 2000);
  lag.saw(150, 0, 2500);
  assert.equal(lag.seconds(0, 5000), 4);
  assert.equal(lag.seconds(99, 5000), 4);
  assert.equal(lag.seconds(100, 5000), 3, "what is handed over waits no longer");
  assert.equal(lag.seconds(200, 5000), 0);
  lag.saw(200, 200, 6000);
  assert.equal(lag.seconds(200, 7000), 0, "a look that finds nothing new is no lag");
  lag.saw(201, 200, 8000);
  assert.equal(lag.seconds(200, 8500), 0.5);
});

test("a file that grows without end takes bounded memory, and its lag is never shown too small", () => {
  const lag = new ReadLag();
  for (let second = 0; second < 10_000; second++) lag.saw((second + 1) * 10, 0, second * 1000);
  assert.equal(lag.seconds(0, 10_000_000), 10_000);
  assert.ok(lag.seconds(50_000, 10_000_000) >= 5000);
  assert.equal(lag.seconds(100_000, 10_000_000), 0);
});
