import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogger } from "../../src/logger.ts";

test("a time_format counts in both forms, and each has its own without one", () => {
  const lines: string[] = [];
  const log = (format: "text" | "json", timeText?: (timeMs: number) => string) =>
    createLogger({ level: "info", format, timeText, write: (line) => lines.push(line) }).info("hello", { n: 1 });
  log("text", () => 'at "noon"');
  log("json", () => 'at "noon"');
  assert.equal(lines[0], 'at "noon" [info]: #0 hello n=1\n');
  assert.deepEqual(JSON.parse(lines[1] as string), { level: "info", time: 'at "noon"', n: 1, message: "hello" });
  log("text");
  log("json");
  assert.match(lines[2] as string, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} \[info\]: #0 hello n=1\n$/);
  assert.match((JSON.parse(lines[3] as string) as { time: string }).time, /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/);
});
