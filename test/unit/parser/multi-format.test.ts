import assert from "node:assert/strict";
import { test } from "node:test";
import { createParser } from "../../../src/parser/parser-list.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryLog } from "../../support/memory-log.ts";
import { parseSection } from "../../support/parser-oracle.ts";

function warnings(pattern: string): string[] {
  const logger = new MemoryLog();
  const parse = `@type multi_format\nformat_key kind\n<pattern>\n${pattern}\n</pattern>`;
  createParser(parseSection(parse), { clock: new ManualClock(), logger });
  return logger.lines.map(({ message }) => message);
}

test("a pattern's own keys are no unknown keys of its parser", () => {
  assert.deepEqual(warnings("format json\nformat_name j\ntime_key t"), []);
  assert.deepEqual(warnings("format /(?<a>.*)/"), []);
  assert.match(warnings("format json\nformat_nme j").join(), /'format_nme' in <pattern> is not used/);
});
