import assert from "node:assert/strict";
import { test } from "node:test";
import { boundedRegExp, DeadlineRegExp } from "../../../src/parser/bounded-regexp.ts";

/** Fails only after 2^60 steps. */
const HOPELESS = `${"a".repeat(60)}!`;

test("a match that would take years ends as none", () => {
  for (const pattern of ["^(a+)+$", "(?<=^)(?:a|a)+$", "(a+)+\\1b"]) {
    assert.equal(boundedRegExp(pattern, "").exec(HOPELESS), null, pattern);
    assert.equal(boundedRegExp(pattern, "v").exec(HOPELESS), null, pattern);
  }
});

test("a match within the limit is the same as without one", () => {
  const line = `${"x ".repeat(1000)}end`;
  assert.equal(boundedRegExp("^(?<rest>.*) end$", "").exec(line)?.groups?.rest, line.slice(0, -4));
});

test("V8 counts: no match runs in a context of its own", () => {
  assert.ok(!(boundedRegExp("a", "") instanceof DeadlineRegExp));
});

test("where V8 does not count, a deadline ends the match", () => {
  assert.equal(new DeadlineRegExp("^(a+)+$", "").exec(HOPELESS), null);
  assert.equal(new DeadlineRegExp("^(?<x>a+)", "").exec(HOPELESS)?.groups?.x, "a".repeat(60));
});
