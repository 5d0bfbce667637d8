/** What the build makes of src/ and the npm packages: a few files in dist/, and only those are read that are used. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { suiroEntry } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const dist = dirname(suiroEntry);

const FORWARDER = `<source>
  @type forward
  port 24224
</source>
<match **>
  @type forward
  transport tls
  <server>
    host 127.0.0.1
  </server>
  <buffer>
    @type file
    path buffer
  </buffer>
</match>
`;

const EVERYTHING = `<source>
  @type tail
  path *.log
  pos_file pos
  tag a
  <parse>
    @type regexp
    expression /^(?<message>\\h+)$/
  </parse>
</source>
<source>
  @type prometheus
</source>
<source>
  @type http
</source>
<match **>
  @type stdout
</match>
`;

/** The exit code and output of the product at `entry`, and the names of the files in its folder that were loaded. */
function run(entry: string, args: readonly string[], cwd: string) {
  const coverage = temporaryFolder();
  const environment = { ...process.env, NODE_V8_COVERAGE: coverage, FLUENT_CONF_INCLUDE_DIR: "" };
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args], {
    encoding: "utf8",
    cwd,
    env: environment,
  });
  const loaded = readdirSync(coverage)
    .flatMap((name) => JSON.parse(readFileSync(join(coverage, name), "utf8")).result as { url: string }[])
    .filter(({ url }) => url.startsWith("file:"))
    .map(({ url }) => fileURLToPath(url).slice(dirname(entry).length + 1));
  return { status, output: stdout + stderr, loaded: [...new Set(loaded)] };
}

function dryRun(entry: string, configuration: string) {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "fluent.conf"), configuration);
  return run(entry, ["--dry-run", "-c", "fluent.conf"], folder);
}

test("a forwarder reads few files at its start, and none of a plugin that it does not use", () => {
  const { status, output, loaded } = dryRun(suiroEntry, FORWARDER);
  assert.equal(status, 0, output);
  assert.ok(loaded.includes("core.js"), loaded.join(" "));
  assert.ok(loaded.length <= 9, loaded.join(" "));
  for (const name of [
    "tail.js",
    "file.js",
    "http.js",
    "chokidar.js",
    "prom-client.js",
    "x509.cjs.js",
    "parser-list.js",
    "kubernetes-api.js",
  ]) {
    assert.ok(!loaded.includes(name), `${name} was loaded`);
  }
});

test("--version reads nothing of the agent", () => {
  const { loaded, output } = run(suiroEntry, ["--version"], dist);
  assert.match(output, /^suiro /);
  assert.ok(!loaded.includes("core.js"), loaded.join(" "));
});

test("dist/ has in it what it uses of npm packages, and says whose it is", () => {
  const alone = join(temporaryFolder(), "dist");
  cpSync(dist, alone, { recursive: true });
  writeFileSync(join(alone, "package.json"), '{ "type": "module" }');
  const entry = join(alone, "main.js");
  const { status, output } = dryRun(entry, EVERYTHING);
  assert.equal(status, 0, output);
  const made = run(entry, ["cert", "ca", "authority"], temporaryFolder());
  assert.equal(made.status, 0, made.output);
  const licenses = readFileSync(join(dist, "LICENSES.txt"), "utf8");
  for (const name of [
    "@kubernetes/client-node",
    "@msgpack/msgpack",
    "@peculiar/x509",
    "chokidar",
    "commander",
    "oniguruma-to-es",
    "pino",
  ]) {
    assert.match(licenses, new RegExp(`^${name} \\d`, "m"));
  }
});

test("built files are one byte a character, and import no built-in module as a whole", () => {
  for (const name of readdirSync(dist).filter((file) => file.endsWith(".js"))) {
    const text = readFileSync(join(dist, name), "utf8");
    assert.doesNotMatch(text, /[^\0-\xff]/, `${name} has other characters than those of Latin-1`);
    const builtIn = [...text.matchAll(/^import .* from "(\S+)"/gm)].map(([, from]) => from as string).filter(isBuiltin);
    assert.deepEqual(builtIn, [], name);
  }
});
