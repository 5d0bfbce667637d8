import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../../../src/errors.ts";
import { matchPattern } from "../../../src/pipeline/match-pattern.ts";

/** Pattern, tags it takes, tags it does not. */
const examples: [string, string[], string[]][] = [
  ["a", ["a"], ["ab", "a.b", ""]],
  ["*", ["a", "ab"], ["a.b"]],
  ["a.*", ["a.b"], ["a", "a.b.c"]],
  ["a*", ["a", "ab"], ["a.b"]],
  ["**", ["", "a", "a.b.c"], []],
  ["a.**", ["a", "a.b", "a.b.c"], ["ab", "b.a"]],
  ["**.a", ["a", "b.a", "c.b.a"], ["ba", "a.b"]],
  ["a.**.b", ["a.b", "a.x.b", "a.x.y.b"], ["ab", "a.bx", "xa.b"]],
  ["a**", ["a", "ab", "ab.c"], ["b"]],
  ["kubernetes.var.log.containers.**_kube-system_**", ["kubernetes.var.log.containers.p_kube-system_c-0.log"], ["kubernetes.var.log.containers.p_default_c"]],
  ["{a,b}.c", ["a.c", "b.c"], ["c.c", "a,b.c"]],
  ["{a,{b,c}}.*", ["c.x"], ["d.x"]],
  ["a.{b,c.**}", ["a.b", "a.c", "a.c.d"], ["a.b.d"]],
  ["/a.+c/", ["abc", "a.b.c"], ["xabc", "abcx"]],
  ["a\\*", ["a*"], ["ab"]],
  ["[ab]", ["[ab]"], ["a"]],
  ["a.b c.*", ["a.b", "c.d"], ["a", "c"]],
  ["", ["anything.at.all"], []],
]; // biome-ignore format: a table

test("every form of a pattern takes its tags and no others", () => {
  for (const [pattern, taken, refused] of examples) {
    const matches = matchPattern(pattern);
    for (const tag of taken) assert.equal(matches(tag), true, `${pattern} takes ${tag}`);
    for (const tag of refused) assert.equal(matches(tag), false, `${pattern} does not take ${tag}`);
  }
});

test("a regular expression that is none is an error of the configuration", () => {
  const position = { file: "f.conf", line: 3 };
  assert.throws(() => matchPattern("/a", position), /f.conf:3: invalid match - regex/);
  assert.throws(() => matchPattern("/(/", position), ConfigError);
});
