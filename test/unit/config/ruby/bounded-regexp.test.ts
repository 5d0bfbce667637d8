import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedRegExp, boundedRegExp } from "../../../../src/config/ruby/bounded-regexp.ts";

/** For what must not fail on a slow machine. */
const PATIENT_MS = 100_000;

/** Fails only after 2^60 steps. */
const HOPELESS = `${"a".repeat(60)}!`;

test("a match that would take years ends as none", () => {
  for (const pattern of ["^(a+)+$", "(?<=^)(?:a|a)+$", "(a+)+\\1b"]) {
    for (const flags of ["", "v"]) {
      assert.equal(boundedRegExp(pattern, flags).exec(HOPELESS), null, pattern);
      assert.equal(boundedRegExp(pattern, flags).test(HOPELESS), false, pattern);
      assert.deepEqual(boundedRegExp(pattern, flags).matches(HOPELESS), [], pattern);
    }
  }
});

test("a match that reads a long text again and again without turning back ends as none", () => {
  const blanks = `${" ".repeat(2_000_000)}!`;
  for (const pattern of ["\\s+$", "(?=(\\s*))\\1x", "(.*)\\1y"]) {
    assert.equal(boundedRegExp(pattern, "", 20).exec(blanks), null, pattern);
    assert.equal(boundedRegExp(pattern, "", 20).test(blanks), false, pattern);
    assert.deepEqual(boundedRegExp(pattern, "", 20).matches(blanks), [], pattern);
  }
});

test("a match within the limits is the same as without them", () => {
  for (const count of [10, 1000, 100_000]) {
    const line = `${"x ".repeat(count)}end`;
    const expression = boundedRegExp("^(?<rest>.*) end$", "", PATIENT_MS);
    assert.equal(expression.exec(line)?.groups?.rest, line.slice(0, -4));
    assert.ok(expression.test(line));
    assert.equal(boundedRegExp("x", "", PATIENT_MS).matches(line).length, count);
  }
});

test("every match is found, empty ones and pairs of halves too", () => {
  for (const pad of ["", "-".repeat(5000)]) {
    const text = `a😀b${pad}`;
    for (const [pattern, flags] of [["", "u"], ["", ""], ["x*", "v"], [".", "u"], ["b|$", ""]] as const) {
      const expected = [...text.matchAll(new RegExp(pattern, `${flags}g`))].map(({ index }) => index);
      assert.deepEqual(boundedRegExp(pattern, flags, PATIENT_MS).matches(text).map(({ index }) => index), expected, pattern);
    }
  }
}); // biome-ignore format: a table

test("where V8 does not count steps, a deadline ends the match", () => {
  const create = (pattern: string, deadlineMs = 20) => new BoundedRegExp(pattern, "", deadlineMs, false);
  assert.equal(create("^(a+)+$").exec(HOPELESS), null);
  assert.equal(create("^(a+)+$").test(HOPELESS), false);
  assert.deepEqual(create("^(a+)+$").matches(HOPELESS), []);
  assert.equal(create("^(?<x>a+)", PATIENT_MS).exec(HOPELESS)?.groups?.x, "a".repeat(60));
  assert.equal(create("a", PATIENT_MS).matches(HOPELESS).length, 60);
});

test("this V8 counts steps: a hopeless match of a short text needs no deadline", () => {
  assert.equal(boundedRegExp("^(a+)+$", "", PATIENT_MS).exec(HOPELESS), null);
});

test("a sticky expression begins each match at the beginning", () => {
  const sticky = boundedRegExp("a ", "y");
  for (const _ of [1, 2, 3]) {
    assert.equal(sticky.exec("a a ")?.index, 0);
    assert.equal(sticky.test("a a "), true);
    assert.equal(sticky.test("b a "), false);
  }
});
