import assert from "node:assert/strict";
import { test } from "node:test";
import { guardOf, worsened } from "../../../bench/guard.ts";
import type { Measurement } from "../../../bench/measurement.ts";
import type { Result } from "../../../bench/result.ts";
import { rowNamed } from "../../../bench/rows.ts";

function result(row: string, subject: string, ...cpu: number[]): Result {
  const runs = cpu.map((cpuMicrosecondsPerEvent) => ({ cpuMicrosecondsPerEvent }) as Measurement);
  return { row: rowNamed(row), subject, runs, failures: [] };
}

test("the guard keeps the ratio to the floor, and to fluentd where a row has no floor", () => {
  const results = [
    result("message", "suiro", 3, 2, 100),
    result("message", "fluentd", 30),
    result("message", "floor", 2),
    result("tail", "suiro", 2),
    result("tail", "fluentd", 20),
  ];
  assert.deepEqual(guardOf(results), {
    message: { yardstick: "floor", ratio: 1.5 },
    tail: { yardstick: "fluentd", ratio: 0.1 },
  });
});

test("a row complains when Suiro costs more beside its yardstick, however slow the machine is now", () => {
  const guard = { message: { yardstick: "floor", ratio: 1.5 }, tail: { yardstick: "fluentd", ratio: 0.1 } };
  const slowMachine = [result("message", "suiro", 15), result("message", "floor", 10)];
  assert.deepEqual(worsened(slowMachine, guard), []);
  const slower = [result("message", "suiro", 4), result("message", "floor", 2)];
  assert.deepEqual(worsened(slower, guard), [
    "message: 2.00 times the CPU of floor, and 1.50 times when the guard was saved",
  ]);
  assert.deepEqual(worsened([result("tail", "suiro", 20)], guard), [], "nothing to compare with");
});
