import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigError } from "../../../src/errors.ts";
import { expandPattern } from "../../../src/parser/grok/grok-pattern.ts";
import { createParser } from "../../../src/parser/parser-list.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryLog } from "../../support/memory-log.ts";
import { parseSection, suiroAnswers } from "../../support/parser-oracle.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const refusal = (parse: string) => {
  try {
    createParser(parseSection(parse), { clock: new ManualClock(), logger: new MemoryLog() });
  } catch (error) {
    if (error instanceof ConfigError) return `${error.position?.line}: ${error.message}`;
    throw error;
  }
  return undefined;
};

test("a reference becomes a group with its name and type", () => {
  const library = new Map([
    ["A", "a+%{B:inner}"],
    ["B", "b"],
  ]);
  const { source, types } = expandPattern("x%{A:outer:integer}%{B:[p][q]}", library);
  assert.equal(source, "x(?<outer>a+(?<inner>b))(?<p.q>b)");
  assert.deepEqual(
    [...types],
    [
      ["outer", "integer"],
      ["inner", "string"],
      ["p.q", "string"],
    ],
  );
});

test("a pattern that contains itself is refused", () => {
  assert.throws(() => expandPattern("%{A}", new Map([["A", "(%{A})%{A}"]])), /A contains itself/);
  const doubling = new Map(Array.from({ length: 40 }, (_, index) => [`P${index}`, `%{P${index + 1}}%{P${index + 1}}`]));
  assert.throws(() => expandPattern("%{P0}", doubling.set("P40", "x")), /longer than/);
});

test("an unknown pattern is refused at its line, with the nearest name", () => {
  assert.match(
    refusal("@type grok\ngrok_pattern %{NUMBR:a}") as string,
    /^4: .*not found: NUMBR\. Did you mean 'NUMBER'\?/,
  );
  assert.match(refusal("@type grok\ngrok_pattern %{FORTIGATE:a}") as string, /custom_pattern_path/);
});

test("a folder of patterns that does not exist is refused at its line", () => {
  const missing = join(temporaryFolder(), "none");
  assert.match(refusal(`@type grok\ngrok_pattern %{INT:a}\ncustom_pattern_path ${missing}`) as string, /^5: .*ENOENT/);
});

test("patterns of a file count before the own ones", () => {
  const file = join(temporaryFolder(), "patterns");
  writeFileSync(file, "INT [a-c]\n");
  const parse = `@type grok\ngrok_pattern %{INT:a}\ncustom_pattern_path ${file}`;
  assert.deepEqual(suiroAnswers([{ parse, texts: ["1b"] }]), [['now {"a":b"b"}\n']]);
});
