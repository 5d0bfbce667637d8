/** The bounded run of the fuzzer: everything that was ever kept, and some thousand inputs that a seed decides. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { fuzzBlindly, readCorpus } from "./fuzzer.ts";
import { targets } from "./targets.ts";

const corpus = join(fileURLToPath(new URL("../../..", import.meta.url)), "test", "fuzz", "corpus");
const RUNS = 400;

for (const target of targets) {
  test(`${target.name}: no bytes break it`, async () => {
    await fuzzBlindly(target, readCorpus(corpus, target), RUNS, 1);
  });
}

test("the corpus has no folder without a target", () => {
  const names = targets.map(({ name }) => name);
  assert.deepEqual(
    readdirSync(corpus).filter((name) => !names.includes(name)),
    [],
  );
});
