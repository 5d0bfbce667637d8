// Runs the tests: node --test over the compiled files in build/test.
//   node scripts/test.mjs [PATH-PART …]     only files whose path contains one of the parts
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { installFluentd } from "./fluentd.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const options = process.argv.slice(2).filter((argument) => argument.startsWith("--"));

const files = readdirSync(join(root, "build", "test"), { recursive: true })
  .filter((name) => name.endsWith(".test.js"))
  .map((name) => relative(root, join(root, "build", "test", name)))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(" ")}`);
  process.exit(1);
}

// Ruby prints texts by the locale; what it is compared with knows UTF-8 only.
const environment = { ...process.env, LC_ALL: "C.UTF-8" };
if (files.some((name) => /\/(interop|infra)\/|documentation/.test(name))) {
  const { home, reason } = installFluentd();
  if (home) environment.SUIRO_TEST_FLUENTD = home;
  else environment.SUIRO_TEST_NO_FLUENTD = reason;
  if (!home && process.env.CI) {
    console.error(`The interop tests must run in CI, but ${reason}.`);
    process.exit(1);
  }
}

const result = spawnSync(
  process.execPath,
  [
    "--enable-source-maps",
    "--test",
    "--test-timeout=600000",
    `--test-concurrency=${availableParallelism() + 1}`,
    ...options,
    ...files,
  ],
  {
    cwd: root,
    stdio: "inherit",
    env: environment,
  },
);
process.exit(result.status ?? 1);
