import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../src/config/load.ts";
import { Problems } from "../../../src/config/parameters.ts";
import { readSystem } from "../../../src/config/system.ts";
import { elementsForWorker } from "../../../src/config/workers.ts";

const parse = (text: string) => parseConfig(text, "f", { environment: {}, hostname: "h" });

test("a worker has what stands outside of <worker>, then what is its own", () => {
  const root = parse("<worker 0>\n<source>\n</source>\n</worker>\n<match>\n</match>\n<worker 1>\n<filter>\n</filter>\n</worker>\n<worker 0-1>\n<label @X>\n</label>\n</worker>");
  assert.deepEqual(elementsForWorker(root, 0, 2).map(({ name }) => name), ["match", "source", "label"]);
  assert.deepEqual(elementsForWorker(root, 1, 2).map(({ name }) => name), ["match", "filter", "label"]);
}); // biome-ignore format: tables

test("worker sections are refused in fluentd's words", () => {
  const table: [argument: string, message: string][] = [
    ["", "Missing worker id on <worker> directive"],
    [" 2", "worker id 2 specified by <worker> directive is not allowed. Available worker id is between 0 and 1"],
    [" 0-9999999999", "worker id 9999999999 specified by <worker> directive is not allowed. Available worker id is between 0 and 1"],
    [" 1-0", "greater first_worker_id<1> than last_worker_id<0> specified by <worker> directive is not allowed. Available multi worker assign syntax is <smaller_worker_id>-<greater_worker_id>"],
  ]; // biome-ignore format: a table
  for (const [argument, message] of table) {
    const root = parse(`\n<worker${argument}>\n</worker>\n`);
    assert.throws(() => elementsForWorker(root, 0, 2), { message: `f:2: ${message}` });
  }
  assert.throws(() => elementsForWorker(parse("<worker 0>\n<system>\n</system>\n</worker>"), 0, 1), {
    message: "f:2: <worker> section cannot have <system> directive",
  });
  assert.throws(() => elementsForWorker(parse("<worker 0-1>\n</worker>\n<worker 1-2>\n</worker>"), 0, 3), {
    message: "f:3: specified worker_id<1> collisions is detected on <worker> directive. Available worker id(s): [2]",
  });
});

test("<system> has defaults, stands once, and wants at least one worker", () => {
  const problems = new Problems();
  const system = readSystem(parse(""), problems);
  assert.deepEqual([system.workers, system.logLevel, system.filePermission], [1, "info", 0o644]);
  assert.deepEqual(problems.errors, []);
  readSystem(parse("<system>\nworkers 0\n</system>\n<system>\n</system>"), problems);
  assert.deepEqual(
    problems.errors.map(({ message }) => message),
    ["f:4: <system> is duplicated. <system> should be only one", "f:2: invalid number of workers (must be > 0):0"],
  );
});
