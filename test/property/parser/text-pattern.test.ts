/** A text is split as if each match were sought in what is behind the one before. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { TextEncoding } from "../../../src/parser/parser.ts";
import { parsePattern, TextPattern } from "../../../src/parser/text-pattern.ts";

const PATTERNS = [" ", "\\t", ",", "[ ,]+", " *", "^a", "\\b", "\\B ", "(?<=a) ", "(?<!a) ", "\\A ", "\\G ", "a|,", "\\s+", "$", "(?= )", "(?<x>,)", "é", "[^a-z]+", "."]; // biome-ignore format: a list

const piece = fc.constantFrom("a", "b", " ", "  ", ",", "\t", "\n", "é", "→", "x".repeat(20));

/** Of a text whose every character is a byte. */
function splitOneByOne(pattern: TextPattern, text: string): string[] {
  const pieces: string[] = [];
  let rest = text;
  for (let match = pattern.match(rest); match && match.length > 0; match = pattern.match(rest)) {
    pieces.push(rest.slice(0, rest.length - match.rest.length - match.length));
    rest = match.rest;
  }
  pieces.push(rest);
  while (pieces.at(-1) === "") pieces.pop();
  return pieces;
}

test("split in one run finds what matching one by one finds", () => {
  const encodings = fc.constantFrom<TextEncoding>("utf-8", "binary");
  const length = fc.oneof({ weight: 30, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.constant(300) });
  fc.assert(
    fc.property(fc.constantFrom(...PATTERNS), encodings, fc.array(piece), length, (source, encoding, pieces, times) => {
      const text = Buffer.from(pieces.join("").repeat(times)).toString("latin1");
      const pattern = new TextPattern(parsePattern(`/${source}/`), encoding);
      const isRefused = encoding === "binary" && source === "é" && /[^\0-\x7f]/.test(text);
      if (isRefused) assert.throws(() => pattern.split(text), /incompatible encoding/);
      else assert.deepEqual(pattern.split(text), splitOneByOne(pattern, text));
    }),
    { numRuns: 1000 },
  );
});
