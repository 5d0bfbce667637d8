/**
 * Every command of README.md and docs/ is run, page by page, from a fresh folder, in a network of its own, where docker
 * and kubectl have stand-ins; every configuration there is one that Suiro and fluentd take.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { rows } from "../../bench/rows.ts";
import { type Block, documentationPages } from "../support/documentation-page.ts";
import { fluentdEnvironment, withoutFluentd } from "../support/fluentd.ts";
import { suiroEntry } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const LANGUAGES = ["sh", "sh service", "sh elsewhere", "fluentd", "yaml", "text"];

/** Which test has the commands that need a cloud or an hour. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "docs/gke-fixed-egress.md": "test/infra/egress/guide.test.ts",
  "docs/ja/gke-fixed-egress.md": "test/e2e/documentation.test.ts",
  "docs/performance.md": "test/e2e/documentation.test.ts",
};

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
if (!canUnshare && process.env.CI) throw new Error("the documentation must be run in CI: unshare --net --pid failed");
const skip = withoutFluentd || (canUnshare ? false : "this user may not make a network namespace");

/** What the operating system says, rather than Suiro. */
const SYSTEM_ERROR = /^(?:connect )?E[A-Z]+$/;

const isRun = ({ language }: Block) => language === "sh" || language === "sh service";

const pages = documentationPages();
for (const { path, blocks, indented } of pages) {
  test(`${path} says of each block what it is, and names scripts and files that exist`, () => {
    assert.deepEqual(indented, [], "lines that are code by their indentation alone");
    for (const block of blocks) {
      const place = `${path}:${block.line}`;
      assert.ok(LANGUAGES.includes(block.language), `${place}: ${block.language || "a fence without a language"}`);
      if (block.language === "yaml") parse(block.text);
      if (block.language === "sh elsewhere") assert.ok(existsSync(ELSEWHERE[path] ?? ""), `${place}: nobody runs it`);
      if (block.language.startsWith("sh")) checkNames(place, block);
    }
  });
  if (!blocks.some(isRun)) continue;
  test(`the commands of ${path} work as written`, { skip }, () => {
    const folder = checkout();
    writeFileSync(join(folder, "page.sh"), scriptOf(blocks.filter(isRun)));
    const { status, stdout, stderr } = spawnSync(
      "unshare",
      ["--net", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "page.sh"],
      {
        cwd: folder,
        encoding: "utf8",
        timeout: 100_000, // what hangs is to be seen
        killSignal: "SIGKILL",
        env: {
          ...fluentdEnvironment(),
          PATH: `${join(folder, "bin")}${delimiter}${process.env.PATH}`,
          HOME: folder,
          XDG_RUNTIME_DIR: folder, // agents of other tests are not this page's
        },
      },
    );
    assert.equal(status, 0, `${path}:\n${stdout}\n${stderr}`);
  });
}

test("the Japanese guide has the commands of the English one", () => {
  const commandsOf = (path: string) =>
    blocksOf(path, "sh elsewhere").map(({ text }) => text.replaceAll(/[ \t]*(?:^|[ \t])#.*$/gm, "").trim());
  assert.deepEqual(commandsOf("docs/ja/gke-fixed-egress.md"), commandsOf("docs/gke-fixed-egress.md"));
});

test("the benchmark has the options and rows that docs/performance.md gives it", () => {
  const known = [...readFileSync("bench/main.ts", "utf8").matchAll(/^ {2}(--[\w-]+)/gm)].map(([, name]) => name);
  const lines = blocksOf("docs/performance.md", "sh elsewhere").flatMap(({ text }) => text.trim().split("\n"));
  for (const line of lines) {
    for (const option of line.match(/ --\w[\w-]*/g) ?? []) assert.ok(known.includes(option.trim()), line);
    for (const part of /--only (\S+)/.exec(line)?.[1]?.split(",") ?? []) {
      assert.ok(
        ["suiro", "suiro-written"].includes(part) || rows.some(({ name }) => name.includes(part)),
        `${line}: there is no row ${part}`,
      );
    }
  }
  assert.ok(lines.length >= 5);
});

test("the configurations of the pages are taken by Suiro, and by fluentd", () => {
  const folder = temporaryFolder();
  const configurations = pages.flatMap(({ path, blocks }) =>
    blocks
      .filter(({ language }) => language === "fluentd")
      .map(({ line, text }) => ({ place: `${path}:${line}`, text })),
  );
  assert.ok(configurations.length >= 3);
  for (const { place, text } of configurations) {
    const file = join(folder, "fluent.conf");
    writeFileSync(file, text.replaceAll("receiver.example", "127.0.0.1").replaceAll(" /var/lib/", ` ${folder}/`));
    const ours = spawnSync(process.execPath, [suiroEntry, "check", "-c", file], { encoding: "utf8" });
    assert.match(ours.stdout, /: the configuration is good$/m, `${place}: ${ours.stdout}`);
    if (withoutFluentd) continue;
    const fluentd = join(fluentdEnvironment().GEM_HOME as string, "bin/fluentd");
    const theirs = spawnSync("ruby", [fluentd, "--dry-run", "-c", file], {
      encoding: "utf8",
      env: fluentdEnvironment(),
    });
    assert.equal(theirs.status, 0, `${place}: ${theirs.stdout}`);
  }
});

test("commands within sentences exist, with the options that they are given", () => {
  const helps = new Map<string, string>();
  const helpOf = (command: string[]) => {
    const key = command.join(" ");
    const known =
      helps.get(key) ?? spawnSync(process.execPath, [suiroEntry, ...command, "--help"], { encoding: "utf8" }).stdout;
    helps.set(key, known);
    return known;
  };
  const wrong: string[] = [];
  for (const { path, quoted } of pages) {
    for (const code of quoted) {
      const [program, ...words] = code.split(" ");
      if (program === "npm" && words[0] === "run" && !scripts.includes(words[1] as string))
        wrong.push(`${path}: ${code}`);
      if (program !== "suiro" || words.length === 0) continue;
      const command = words[0]?.startsWith("-") ? [] : words.slice(0, words[0] === "buffer" && words[1] ? 2 : 1);
      const help = helpOf(command);
      const options = words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.replace(/=.*/, ""));
      if (!help.startsWith(`Usage: suiro ${command.join(" ")}`)) wrong.push(`${path}: ${code}`);
      for (const option of options) if (!help.includes(option)) wrong.push(`${path}: ${code}: ${option}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(helps.size >= 8);
});

test("the messages that troubleshooting starts from are Suiro's words", () => {
  const sources = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const words = sources.map((name) => readFileSync(join("src", name), "utf8")).join("\n");
  const rows = readFileSync("docs/troubleshooting.md", "utf8").match(/^\| `[^|]*/gm) ?? [];
  const quoted = rows.flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, code]) => code as string));
  const parts = quoted
    .flatMap((code) => code.split(/…|"|'x'|: (?=E[A-Z]+$)/))
    .map((part) => part.trim())
    .filter((part) => /[a-z]{2} /.test(part) && !SYSTEM_ERROR.test(part));
  assert.deepEqual(
    parts.filter((part) => !words.includes(part)),
    [],
  );
  assert.ok(parts.length >= 10);
});

function blocksOf(path: string, language: string): Block[] {
  const found = pages.find((page) => page.path === path)?.blocks.filter((block) => block.language === language) ?? [];
  assert.ok(found.length > 0, path);
  return found;
}

function checkNames(place: string, { text }: Block): void {
  const { status, stderr } = spawnSync("bash", ["-n", "-c", text], { encoding: "utf8" });
  assert.equal(status, 0, `${place}: ${stderr}`);
  for (const [, name] of text.matchAll(/\bnpm run (?:--silent )?([\w-]+)/g)) {
    assert.ok(scripts.includes(name as string), `${place}: package.json has no script ${name}`);
  }
  for (const [, path] of text.matchAll(/(?:^|[\s=])((?:examples|infra|scripts)\/[\w./-]+)/g)) {
    const isMade = /\/(certificates|secret)(\/|$)/.test(path as string);
    assert.ok(isMade || existsSync(path as string), `${place}: there is no ${path}`);
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
  for (const name of ["docker", "kubectl"]) {
    symlinkSync(join(root, "test/e2e/stand-ins", `${name}.sh`), join(folder, "bin", name));
  }
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
  for (const { line, section, language, text } of blocks) {
    if (section !== current)
      lines.push("for service in $services; do kill $service; wait $service || true; done", "services=");
    current = section;
    lines.push(`echo "--- line ${line}" >&2`);
    if (language === "sh") lines.push(text);
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
