/**
 * Every command of README.md and docs/ is run, page by page, from a fresh folder, in a network of its own.
 *
 * | Fence           | What is done with it                                                                   |
 * |-----------------|----------------------------------------------------------------------------------------|
 * | ```sh           | runs to its end, which must be good                                                    |
 * | ```sh service   | keeps running to the end of its section; what follows starts when its workers run      |
 * | ```sh elsewhere | needs a cloud, a cluster or a container engine: must be shell, and name what there is   |
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { test } from "node:test";
import { fluentdEnvironment, withoutFluentd } from "../support/fluentd.ts";
import { suiroEntry } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

type Place = "here" | "service" | "elsewhere";

interface Block {
  readonly line: number;
  /** The heading that it stands under, by its number. */
  readonly section: number;
  readonly place: Place;
  readonly text: string;
}

/** Scripts of package.json that other tests run, or that are the gate itself. */
const RUN_BY_OTHERS = new Set([
  "start",
  "test",
  "build",
  "lint",
  "types",
  "docs",
  "bench",
  "conformance",
  "fuzz",
  "soak",
]);

const root = resolve(".");
const scripts = Object.keys(JSON.parse(readFileSync("package.json", "utf8")).scripts);
const canUnshare = spawnSync("unshare", ["--net", "--pid", "--fork", "true"]).status === 0;
const skip = withoutFluentd || (canUnshare ? false : "this user may not make a network namespace");

const pages = [
  "README.md",
  "README.ja.md",
  ...readdirSync("docs", { recursive: true, encoding: "utf8" }).map((name) => join("docs", name)),
];
for (const page of pages.filter((name) => name.endsWith(".md") && existsSync(name))) {
  const blocks = blocksOf(readFileSync(page, "utf8"));
  if (blocks.length === 0) continue;
  test(`the commands of ${page} are shell, and name scripts and files that exist`, () => {
    for (const block of blocks) checkNames(page, block);
  });
  if (blocks.every(({ place }) => place === "elsewhere")) continue;
  test(`the commands of ${page} work as written`, { skip }, () => {
    const folder = checkout();
    writeFileSync(join(folder, "page.sh"), scriptOf(blocks));
    const { status, stdout, stderr } = spawnSync(
      "unshare",
      ["--net", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "page.sh"],
      {
        cwd: folder,
        encoding: "utf8",
        timeout: 100_000, // what hangs is to be seen
        killSignal: "SIGKILL",
        env: { ...fluentdEnvironment(), PATH: `${join(folder, "bin")}${delimiter}${process.env.PATH}`, HOME: folder },
      },
    );
    assert.equal(status, 0, `${page}:\n${stdout}\n${stderr}`);
  });
}

function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  for (const match of text.matchAll(/^( *)```sh(?: (service|elsewhere))?\n([\s\S]*?)^ *```$/gm)) {
    const place = (match[2] ?? "here") as Place;
    const before = text.slice(0, match.index).split("\n");
    const section = before.filter((line) => /^##+ /.test(line)).length;
    blocks.push({
      line: before.length,
      section,
      place,
      text: (match[3] as string).replaceAll(new RegExp(`^${match[1]}`, "gm"), ""),
    });
  }
  return blocks;
}

function checkNames(page: string, { line, text }: Block): void {
  const { status, stderr } = spawnSync("bash", ["-n", "-c", text], { encoding: "utf8" });
  assert.equal(status, 0, `${page}:${line}: ${stderr}`);
  for (const [, name] of text.matchAll(/\bnpm run (?:--silent )?([\w-]+)/g)) {
    assert.ok(scripts.includes(name as string), `${page}:${line}: package.json has no script ${name}`);
  }
  for (const [, path] of text.matchAll(/(?:^|[\s=])((?:examples|infra|scripts)\/[\w./-]+)/g)) {
    const isMade = /\/(certificates|secret)(\/|$)/.test(path as string);
    assert.ok(isMade || existsSync(path as string), `${page}:${line}: there is no ${path}`);
  }
}

/** A folder that looks like a checkout, and the commands that `npm link` and the fluentd gem put on the path. */
function checkout(): string {
  const folder = temporaryFolder();
  for (const name of readdirSync(root)) {
    if (![".git", "build", "coverage", "suiro-demo"].includes(name)) symlinkSync(join(root, name), join(folder, name));
  }
  spawnSync("mkdir", [join(folder, "bin")]);
  const command = (name: string, script: string) =>
    writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  command("suiro", `exec '${process.execPath}' '${suiroEntry}' "$@"`);
  command("fluentd", `exec ruby "$GEM_HOME/bin/fluentd" "$@"`);
  command("npm", npmScript());
  return folder;
}

/** `npm run NAME` without what is prepared already, and without what other tests run. */
function npmScript(): string {
  const runners = Object.entries(JSON.parse(readFileSync("package.json", "utf8")).scripts as Record<string, string>)
    .filter(([name]) => !RUN_BY_OTHERS.has(name) && !/^(pre|post)/.test(name))
    .map(([name, script]) => `  ${name}) [ "$1" != -- ] || shift; exec ${script} "$@" ;;`);
  return [
    'if [ "$1" = run ]; then shift; fi',
    "name=$1; shift",
    'case "$name" in',
    `  ${[...RUN_BY_OTHERS, "link"].join("|")}) exit 0 ;;`,
    ...runners,
    '  *) echo "no script $name" >&2; exit 1 ;;',
    "esac",
  ].join("\n");
}

function scriptOf(blocks: readonly Block[]): string {
  const lines = ["set -euo pipefail", "ip link set lo up", "services="];
  let current = 0;
  for (const { line, section, place, text } of blocks) {
    if (place === "elsewhere") continue;
    if (section !== current)
      lines.push("for service in $services; do kill $service; wait $service || true; done", "services=");
    current = section;
    lines.push(`echo "--- line ${line}" >&2`);
    if (place === "here") lines.push(text);
    else lines.push(...serviceLines(`service-${line}.log`, text));
  }
  return lines.join("\n");
}

/** Starts a block that goes on, and waits until it runs; its log is shown where it ends before that. */
function serviceLines(log: string, text: string): string[] {
  return [
    `( ${text}) > ${log} 2>&1 & services="$services $!"`,
    `until grep -q 'worker is now running' ${log}; do`,
    `  kill -0 $! || { cat ${log} >&2; exit 1; }; sleep 0.1`,
    "done",
  ];
}
