import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRegexp } from "../../src/config/literals.ts";
import { parseConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/errors.ts";

/** Pieces that make a text look like configuration, so that mistakes are near. */
const piece = fc.constantFrom(
  "<a>", "</a>", "<match ", ">", "\n", " ", "\t", "\r", "#", "#{", "}", '"', "'", "\\", "[", "]", "{", ",", ":", "k ", "@type ", "@include x", "ENV['A']",
  "use_nil", "use_default", "||", "?", ".", "(", ")", "1", "+", "=", "do |f|", "end", "if", "rescue", "begin", "&", "%w", "/", ";", "!", "é", "\u{1f600}", "..", "x",
); // biome-ignore format: a list
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join("")),
);
const code = fc.array(piece, { maxLength: 25 }).map((pieces) => `k "#{${pieces.join("")}}"\n`);

const options = {
  environment: { A: "a" },
  hostname: "h",
  files: { read: () => "text", names: () => [], kind: () => undefined, identity: (path: string) => path },
};

test("any text is read, or refused by a ConfigError with its place", () => {
  fc.assert(
    fc.property(fc.oneof(text, code), (input) => {
      try {
        parseConfig(input, "/f", options);
      } catch (error) {
        assert.ok(error instanceof ConfigError, String((error as Error).stack));
        assert.equal(error.position?.file, "/f");
        assert.ok(error.position.line <= input.split("\n").length);
      }
    }),
    { numRuns: 3000 },
  );
});

test("any regexp is translated or refused with a reason", () => {
  const sign = fc.constantFrom(..."\\()[]{}?+*^$.|/-:<>=!&#,aAzZhHkpPuxbR1i \n");
  fc.assert(
    fc.property(fc.string({ unit: sign, maxLength: 15 }), (source) => {
      try {
        parseRegexp(source);
      } catch (error) {
        assert.match((error as Error).message, /regexp/);
      }
    }),
    { numRuns: 3000 },
  );
});
