import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { matchPattern } from "../../../src/pipeline/match-pattern.ts";

/** A pattern whose parts are words, `*`, or `**` between dots, matched by recursion over parts. */
function modelMatches(pattern: readonly string[], tag: readonly string[]): boolean {
  const [part, ...rest] = pattern;
  if (part === undefined) return tag.length === 0;
  if (part === "**") {
    return Array.from({ length: tag.length + 1 }, (_, skipped) => skipped).some((n) =>
      modelMatches(rest, tag.slice(n)),
    );
  }
  return tag.length > 0 && (part === "*" || part === tag[0]) && modelMatches(rest, tag.slice(1));
}

const word = fc.constantFrom("a", "b", "ab");
const tag = fc.array(word, { minLength: 1, maxLength: 5 });

test("patterns of whole parts match as a walk over the parts does", () => {
  // `**` next to `**` would need an empty part between two dots, where fluentd's own reading is another.
  const pattern = fc
    .array(fc.oneof(word, fc.constantFrom("*", "**")), { minLength: 1, maxLength: 5 })
    .filter((parts) => parts.every((part, index) => part !== "**" || parts[index + 1] !== "**"));
  fc.assert(
    fc.property(pattern, tag, (parts, tagParts) => {
      assert.equal(matchPattern(parts.join("."))(tagParts.join(".")), modelMatches(parts, tagParts));
    }),
    { numRuns: 2000 },
  );
});

test("alternatives match when one of them does", () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 3 }), word, tag, (alternatives, last, tagParts) => {
      const braces = matchPattern(`{${alternatives.join(",")}}.${last}`);
      const text = tagParts.join(".");
      assert.equal(
        braces(text),
        alternatives.some((alternative) => text === `${alternative}.${last}`),
      );
    }),
  );
});
