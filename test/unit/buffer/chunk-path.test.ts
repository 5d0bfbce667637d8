import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  chunkPathPattern,
  formerStagedPath,
  parseChunkName,
  queuedPath,
  stagedPath,
} from "../../../src/buffer/chunk-path.ts";
import { nodeFileSystem } from "../../../src/buffer/file-system.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const id = Buffer.from("00112233445566778899aabbccddeeff", "hex");
const hex = id.toString("hex");

test("the path decides the names as in fluentd", () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "there.*.d"));
  writeFileSync(join(folder, "plain"), "");
  const cases: [string, string][] = [
    ["new", `new/buffer.b${hex}.log`],
    ["there.*.d", `there.*.d/buffer.b${hex}.log`],
    ["pre.*.buf", `pre.b${hex}.buf`],
    ["x.*", `x.b${hex}.log`],
    ["plain", `plain.b${hex}.log`],
    ["a.*b", `a.*b.b${hex}.log`],
  ];
  for (const [path, expected] of cases) {
    const pattern = chunkPathPattern(join(folder, path), ".log", nodeFileSystem);
    assert.equal(stagedPath(pattern, id), join(folder, expected), path);
  }
});

test("path_suffix ends the names of a folder", () => {
  const pattern = chunkPathPattern(join(temporaryFolder(), "d"), ".buf", nodeFileSystem);
  assert.ok(stagedPath(pattern, id).endsWith(`/d/buffer.b${hex}.buf`));
});

test("enqueue changes b to q and nothing else", () => {
  assert.equal(queuedPath(`/b/.b/buffer.b${hex}.log`), `/b/.b/buffer.q${hex}.log`);
  assert.equal(formerStagedPath(`/b/buffer.q${hex}.log`), `/b/buffer.b${hex}.log`);
  assert.equal(queuedPath("/b/buffer.b00ff.log"), "/b/buffer.q00ff.log", "an id of any length");
});

test("only names of the pattern, with a state and an id, are chunks", () => {
  const pattern = { prefix: "/var/buffer", suffix: "log" };
  assert.deepEqual(parseChunkName(`buffer.q${hex}.log`, pattern), { state: "queued", id });
  assert.deepEqual(parseChunkName(`buffer.b${hex}.log`, pattern), { state: "staged", id });
  for (const name of [
    `buffer.b${hex}.log.meta`, `other.b${hex}.log`, `buffer.x${hex}.log`, "buffer.log", "buffer.bxyz.log", "buffer.b.log",
  ]) assert.equal(parseChunkName(name, pattern), undefined, name); // biome-ignore format: a list
});
