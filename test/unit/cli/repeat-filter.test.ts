import assert from "node:assert/strict";
import { test } from "node:test";
import { type RepeatRules, withoutRepeats } from "../../../src/cli/repeat-filter.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryLog } from "../../support/memory-log.ts";

const NONE: RepeatRules = { repeatedMs: undefined, sameMs: undefined, emitErrorMs: undefined };

function setUp(rules: Partial<RepeatRules>) {
  const [log, clock] = [new MemoryLog(), new ManualClock()];
  return { log, clock, logger: withoutRepeats(log, { ...NONE, ...rules }, clock) };
}

test("without rules it is the logger itself", () => {
  const log = new MemoryLog();
  assert.equal(withoutRepeats(log, NONE, new ManualClock()), log);
});

test("ignore_repeated_log_interval leaves out a line that is equal to the one before", () => {
  const { log, clock, logger } = setUp({ repeatedMs: 10_000 });
  for (const message of ["a", "a", "b", "a", "a"]) logger.warn(message, { n: 1 });
  logger.warn("a", { n: 2 });
  logger.error("a", { n: 2 });
  assert.deepEqual(log.messages("warn"), ["a", "b", "a", "a"]);
  assert.deepEqual(log.messages("error"), ["a"]);
  clock.advance(10_001);
  logger.child("plugin").error("a", { n: 2 });
  assert.deepEqual(log.messages("error"), ["a", "a"]);
});

test("ignore_same_log_interval leaves out a line that is equal to any before, and forgets old ones", () => {
  const { log, clock, logger } = setUp({ sameMs: 10_000 });
  for (const message of ["a", "b", "a", "b"]) logger.info(message);
  assert.deepEqual(log.messages("info"), ["a", "b"]);
  clock.advance(10_001);
  logger.info("a");
  for (let line = 0; line < 3000; line++) logger.info(`line ${line}`);
  assert.equal(log.lines.length, 3003);
});

test("emit_error_log_interval leaves out emit errors only, whatever their cause", () => {
  const { log, clock, logger } = setUp({ emitErrorMs: 30_000 });
  for (const error of ["x", "y"]) logger.warn("emit transaction failed:", { error: new Error(error) });
  logger.warn("other");
  logger.warn("other");
  clock.advance(30_001);
  logger.warn("emit transaction failed:", { error: new Error("x") });
  assert.deepEqual(log.messages("warn"), ["emit transaction failed:", "other", "other", "emit transaction failed:"]);
});
