import assert from "node:assert/strict";
import { test } from "node:test";
import { levelOf, type RunOptions, withCommandLine } from "../../../src/cli/run-options.ts";
import { ConfigElement } from "../../../src/config/element.ts";

const position = { file: "a.conf", line: 1 };
const options = (given: Partial<RunOptions>): RunOptions => ({
  config: "a.conf",
  verbose: 0,
  quiet: 0,
  ...given,
});

test("each -v and -q moves the level by one, and neither passes the ends", () => {
  const cases: [number, number, string | undefined][] = [
    [0, 0, undefined],
    [1, 0, "debug"],
    [2, 0, "trace"],
    [3, 0, "trace"],
    [0, 1, "warn"],
    [0, 2, "error"],
    [0, 5, "error"],
    [1, 1, "info"],
  ];
  for (const [verbose, quiet, level] of cases) assert.equal(levelOf({ verbose, quiet }), level);
});

test("the command line wins over <system>, which keeps what was not given", () => {
  const system = new ConfigElement("system", "", position, [
    { key: "log_level", value: "error", position },
    { key: "root_dir", value: "/var/lib", position },
  ]);
  const root = new ConfigElement("ROOT", "", position, [], [system]);
  const [changed] = withCommandLine(root, options({ verbose: 1, withoutSource: true })).childrenNamed("system");
  assert.equal(changed?.text("log_level"), "debug");
  assert.equal(changed?.text("without_source"), "true");
  assert.equal(changed?.text("root_dir"), "/var/lib");
  assert.equal(system.text("log_level"), "error", "the configuration that was read is not changed");
});

test("a <system> is made where there was none, and only when it is needed", () => {
  const root = new ConfigElement("ROOT", "", position);
  assert.equal(withCommandLine(root, options({})), root);
  const [system] = withCommandLine(root, options({ emitErrorLogInterval: 0 })).childrenNamed("system");
  assert.equal(system?.text("emit_error_log_interval"), "0");
});
