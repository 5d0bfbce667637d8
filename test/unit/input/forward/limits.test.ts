import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseSize } from "../../../../src/config/literals.ts";
import { limitParameters, quarantineParameters } from "../../../../src/input/forward/limits.ts";

test("docs/security.md names every limit with its default", () => {
  const page = readFileSync("docs/security.md", "utf8");
  const rows = new Map(
    [...page.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, name, value]) => [
      name as string,
      parseSize(value as string),
    ]),
  );
  const defaults = Object.entries(limitParameters).map(([name, { fallback }]) => [name, fallback] as const);
  assert.deepEqual(new Map([...rows].sort()), new Map(defaults.sort(([left], [right]) => (left < right ? -1 : 1))));
  for (const name of Object.keys(quarantineParameters)) assert.ok(page.includes(`\`${name}`), name);
});
