/** The tree keeps its own rules: who imports whom, one importer per dependency, no file too long, nothing left open. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const source = join(root, "src");
const files = readdirSync(source, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => ({ name: name.split(sep).join("/"), text: readFileSync(join(source, name), "utf8") }));

/** Strata from the edge to the ground: a file imports its own stratum or one below it. ARCHITECTURE.md draws the same. */
const strata: readonly (readonly string[])[] = [
  ["main.ts"],
  ["cli"],
  ["agent.ts"],
  ["pipeline"],
  ["input", "filter", "output"],
  ["metrics"],
  ["plugin.ts"],
  ["forward-protocol", "buffer", "parser", "formatter", "tls"],
  ["event"],
  [
    "config",
    "errors.ts",
    "clock.ts",
    "counters.ts",
    "logger.ts",
    "rare-warnings.ts",
    "file-hints.ts",
    "file-reload.ts",
  ],
];
const stratumOf = (name: string) => strata.findIndex((rooms) => rooms.includes(name.split("/")[0] as string));

/**
 * Each npm package has one importing file. @msgpack/msgpack, chokidar, pino and commander are the choice of those whom
 * the product is built for: they stay, whatever a bare hand would save.
 */
const importers: Record<string, string> = {
  "@kubernetes/client-node": "filter/kubernetes-metadata/client-library.ts",
  "@msgpack/msgpack": "event/msgpack.ts",
  "@peculiar/x509": "tls/certificate-authority.ts",
  "reflect-metadata": "tls/certificate-authority.ts",
  commander: "cli/program.ts",
  "oniguruma-to-es": "parser/text-pattern.ts",
  chokidar: "file-hints.ts",
  pino: "logger.ts",
  yaml: "config/yaml-nodes.ts",
  "prom-client": "metrics/exposition.ts",
};

const importsOf = (text: string) =>
  [...text.matchAll(/(?:from\s+|import\(\s*|^import\s+)"([^"]+)"/gm)].map((match) => match[1] as string);

test("every file of src stands in a known room", () => {
  assert.deepEqual(
    files.map((file) => file.name).filter((name) => stratumOf(name) < 0),
    [],
  );
});

test("rooms import only what lies below them, and siblings never each other", () => {
  const wrong: string[] = [];
  for (const { name, text } of files) {
    for (const target of importsOf(text).filter((path) => path.startsWith("."))) {
      const imported = relative(source, resolve(source, dirname(name), target))
        .split(sep)
        .join("/");
      const [here, there] = [stratumOf(name), stratumOf(imported)];
      const siblings = here === there && name.split("/")[0] !== imported.split("/")[0] && here < strata.length - 1;
      if (there < here || siblings) wrong.push(`${name} imports ${imported}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("each npm package is imported, by its one file", () => {
  const found = files.flatMap(({ name, text }) =>
    importsOf(text)
      .filter((path) => !path.startsWith(".") && !path.startsWith("node:"))
      .map((target) => `${target} in ${name}`),
  );
  const expected = Object.entries(importers).map(([target, name]) => `${target} in ${name}`);
  assert.deepEqual([...new Set(found)].sort(), expected.sort());
});

test("no file of src is longer than 400 lines", () => {
  assert.deepEqual(
    files.filter((file) => file.text.split("\n").length > 401).map((file) => file.name),
    [],
  );
});

test("nothing is left open by its own words", () => {
  const open = /\b(TODO|FIXME|XXX|HACK)\b/;
  assert.deepEqual(
    files.filter((file) => open.test(file.text)).map((file) => file.name),
    [],
  );
});

test("only the process edge ends the process", () => {
  const wrong = files.filter((file) => /process\.exit\(/.test(file.text) && stratumOf(file.name) > 1);
  assert.deepEqual(
    wrong.map((file) => file.name),
    [],
  );
});
