import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { expandBraces, rubyGlob } from "../../../../src/input/tail/ruby-glob.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

test("patterns find what Ruby's Dir.glob finds", async () => {
  const folder = temporaryFolder();
  for (const name of ["b/c", "a"]) mkdirSync(join(folder, name), { recursive: true });
  for (const name of ["x.log", "y.log", ".hidden.log", "x1.log", "a/z.log", "b/c/w.log", "s*r.log"]) {
    writeFileSync(join(folder, name), "");
  }
  symlinkSync(join(folder, "gone"), join(folder, "dangling.log"));
  const found = async (pattern: string) =>
    (await rubyGlob(join(folder, pattern))).map((path) => path.slice(folder.length + 1));
  assert.deepEqual(await found("*.log"), ["dangling.log", "s*r.log", "x.log", "x1.log", "y.log"]);
  assert.deepEqual(await found("x?.log"), ["x1.log"]);
  assert.deepEqual(await found("[xy].log"), ["x.log", "y.log"]);
  assert.deepEqual(await found("[^x].log"), ["y.log"]);
  assert.deepEqual(await found("{y,x}.log"), ["y.log", "x.log"]);
  assert.deepEqual(await found("**/*.log"), [
    "dangling.log", "s*r.log", "x.log", "x1.log", "y.log", "a/z.log", "b/c/w.log",
  ]); // biome-ignore format: a list
  assert.deepEqual(await found("*/z.log"), ["a/z.log"]);
  assert.deepEqual(await found(".h*"), [".hidden.log"]);
  assert.deepEqual(await found("s\\*r.log"), ["s*r.log"]);
  assert.deepEqual(await found("none*"), []);
});

test("braces are written out, with those in them", () => {
  assert.deepEqual(expandBraces("a{b,c{d,e}}f"), ["abf", "acdf", "acef"]);
  assert.deepEqual(expandBraces("{a,b}{1,2}"), ["a1", "a2", "b1", "b2"]);
  assert.deepEqual(expandBraces("a{b"), ["a{b"]);
});
