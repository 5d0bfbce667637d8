import assert from "node:assert/strict";
import { test } from "node:test";
import { type LoadOptions, loadConfig } from "../../../src/config/load.ts";
import { memoryFiles } from "./memory-files.ts";

const warnings: string[] = [];

function load(texts: Record<string, string>, options: Partial<LoadOptions> = {}) {
  warnings.length = 0;
  return loadConfig("/etc/f.yaml", {
    environment: { FLUENT_CONF_INCLUDE_DIR: "" },
    hostname: "h",
    files: memoryFiles(texts),
    warn: (message, { file, line }) => warnings.push(`${file}:${line}: ${message}`),
    ...options,
  });
}

test("every element and parameter knows its file and line", () => {
  const root = load({
    "/etc/f.yaml":
      "config:\n  - !include part.yml\n  - match:\n      $tag: a\n      $type: y\n      buffer:\n        path: p\n",
    "/etc/part.yml": "\n- source:\n    $type: x\n",
  });
  const [source, match] = root.children;
  assert.deepEqual(source?.position, { file: "/etc/part.yml", line: 2 });
  assert.deepEqual(source?.parameter("@type")?.position, { file: "/etc/part.yml", line: 3 });
  assert.deepEqual(match?.position, { file: "/etc/f.yaml", line: 3 });
  assert.deepEqual(match?.children[0]?.parameter("path")?.position, { file: "/etc/f.yaml", line: 7 });
});

test("use_default and use_nil stand for the whole value", () => {
  const text =
    'config:\n  - source:\n      k: !fluent/s "#{use_default}"\n      l: !fluent/s "#{ENV[\'NONE\'] || use_nil}"\n';
  const [source] = load({ "/etc/f.yaml": text }).children;
  assert.equal(source?.parameter("k")?.special, "default");
  assert.equal(source?.parameter("l")?.special, "nil");
});

test("sections of a list have arguments", () => {
  const [match] = load({
    "/etc/f.yaml": "config:\n  - match:\n      rule:\n        - $arg: a\n          k: 1\n",
  }).children;
  assert.equal(match?.children[0]?.title, "<rule a>");
});

test("numbers that were most likely meant as texts, and unknown keys, are warnings", () => {
  load({ "/etc/f.yaml": "version: 1\nconfig:\n  - source:\n      mode: 0644\n      at: 1:30\n" });
  assert.deepEqual(warnings, [
    "/etc/f.yaml:1: 'version' is not used: system and config are the keys of a configuration in YAML",
    "/etc/f.yaml:4: 'mode': 0644 is the number 420 in YAML; put it in quotes if that is not meant",
    "/etc/f.yaml:5: 'at': 1:30 is the number 5400 in YAML; put it in quotes if that is not meant",
  ]);
});

test("the main file's form may be given, and a YAML file may be included in a classic one", () => {
  assert.equal(load({ "/etc/f.yaml": "<source>\n</source>\n" }, { fileType: "v1" }).children[0]?.name, "source");
  const texts = { "/etc/f.yaml": "@include a.yml\n", "/etc/a.yml": "config:\n  - source:\n      k: v\n" };
  assert.equal(load(texts, { fileType: "v1" }).children[0]?.text("k"), "v");
});

test("aliases that grow without end are refused", () => {
  const levels = Array.from(
    { length: 9 },
    (_, index) => `l${index + 1}: &l${index + 1} [${Array(9).fill(`*l${index}`)}]`,
  );
  const text = `l0: &l0 [1]\n${levels.join("\n")}\nconfig: []\n`;
  assert.throws(() => load({ "/etc/f.yaml": text }), /more than 200000 values/);
});

test("the message of an expression that fails shows no secret", () => {
  const text = 'config:\n  - source:\n      shared_key: !fluent/s "hunter2#{nil.upcase}"\n';
  assert.throws(
    () => load({ "/etc/f.yaml": text }),
    (error: Error) => /f\.yaml:3: !fluent\/s: /.test(error.message) && !error.message.includes("hunter2"),
  );
});
