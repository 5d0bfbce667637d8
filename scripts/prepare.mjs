// Makes a fresh checkout ready: installs the npm packages, checks types and builds, each only where it is out of date.
// Plain JavaScript without dependencies, since it runs before anything is installed.
//   node scripts/prepare.mjs [--tests] [--force]      --tests: also compile tests and benchmarks into build/
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const withTests = process.argv.includes("--tests");
const force = process.argv.includes("--force");

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Suiro needs Node.js 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

const compiler = join(root, "node_modules/typescript/bin/tsc");
const installed = join(root, "node_modules/.package-lock.json");
if (!existsSync(compiler) || isOlder(installed, newest([join(root, "package-lock.json")]))) {
  console.error("Installing npm packages …");
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  const now = new Date();
  utimesSync(installed, now, now);
}

build(
  "dist",
  ["src", "tsconfig.dist.json", "scripts/bundle.mjs"],
  [[compiler, "-p", "tsconfig.dist.json"], ["scripts/bundle.mjs"]],
);
if (withTests) build("build", ["src", "test", "bench", "infra"], [[compiler, "-p", "tsconfig.json"]]);

/** Has Node.js run each of `programs`, which make `target`, unless its stamp is newer than every source. */
function build(target, sources, programs) {
  const stamp = join(root, target, ".built");
  const paths = ["tsconfig.json", "package-lock.json", ...sources].map((source) => join(root, source));
  if (!force && !isOlder(stamp, newest(paths.filter(existsSync)))) return;
  console.error(`Building ${target}/ …`);
  for (const program of programs) run(process.execPath, program);
  mkdirSync(join(root, target), { recursive: true });
  writeFileSync(stamp, "");
}

function isOlder(file, time) {
  return !existsSync(file) || statSync(file).mtimeMs < time;
}

/** The latest change of files and whole folders, in milliseconds. */
function newest(paths) {
  let latest = 0;
  for (const path of paths) {
    const stat = statSync(path);
    latest = Math.max(latest, stat.mtimeMs);
    if (stat.isDirectory()) latest = Math.max(latest, newest(readdirSync(path).map((name) => join(path, name))));
  }
  return latest;
}

function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2], shell: process.platform === "win32" });
  if (result.status !== 0) {
    console.error(`${command} ${args.join(" ")} failed${result.error ? `: ${result.error.message}` : ""}`);
    process.exit(result.status ?? 1);
  }
}
