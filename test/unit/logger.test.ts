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

test("a child has its plugin's name and its own level, and the tap hears what is written", () => {
  const lines: string[] = [];
  const heard: unknown[] = [];
  const logger = createLogger({
    level: "warn",
    format: "json",
    timeText: () => "now",
    write: (line) => lines.push(line),
    tap: (...args) => heard.push(args),
  });
  const child = logger.child("in", "debug");
  logger.info("not this");
  logger.child("out").info("nor this");
  child.debug("this", { error: new TypeError("bad"), none: undefined, inode: 12n });
  assert.deepEqual(lines, [
    '{"level":"debug","time":"now","plugin":"in","error_class":"TypeError","error":"bad","inode":"12","message":"this"}\n',
  ]);
  assert.deepEqual(heard, [["debug", "this", { error_class: "TypeError", error: "bad", inode: "12" }]]);
  assert.deepEqual([logger.isEnabled("info"), child.isEnabled("info")], [false, true]);
});

test("what JSON cannot hold is logged all the same, and the line stays JSON", () => {
  const circle: Record<string, unknown> = { name: "circle" };
  circle.self = circle;
  const lines: string[] = [];
  const log = (format: "text" | "json") =>
    createLogger({ level: "info", format, timeText: () => "now", write: (line) => lines.push(line) });
  log("json").info("odd", { circle, deep: { big: 1n }, action: () => 1 });
  log("text").info("odd", { circle });
  const line = JSON.parse(lines[0] as string) as Record<string, unknown>;
  assert.match(line.circle as string, /Circular/);
  assert.deepEqual([line.deep, line.action, line.message], ["{ big: 1n }", null, "odd"]);
  assert.match(lines[1] as string, /^now \[info\]: #0 odd circle="<ref \*1> /);
});
