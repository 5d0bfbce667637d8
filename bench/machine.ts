/** Where and with what a run was made. */

import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";
import { median } from "./result.ts";

const NODE_STARTS = 5;

/** In one line each; `settings` are added. */
export function describeMachine(
  root: string,
  settings: Record<string, string | number>,
): Record<string, string | number> {
  const [cpu] = cpus();
  return {
    machine: `${cpus().length} × ${cpu?.model ?? "unknown CPU"}, Linux ${release()}`,
    node: process.version,
    "start of node -e 0": `${median(Array.from({ length: NODE_STARTS }, nodeStartMs)).toFixed(0)} ms`,
    fluentd: fluentdVersion(root),
    commit: commit(root),
    "load average": loadavg()[0]?.toFixed(1) ?? "",
    ...settings,
  };
}

function nodeStartMs(): number {
  const startedAt = performance.now();
  spawnSync(process.execPath, ["-e", "0"]);
  return performance.now() - startedAt;
}

function fluentdVersion(root: string): string {
  try {
    const gems = readdirSync(join(root, ".fluentd", "gems"));
    return gems.find((name) => /^fluentd-\d/.test(name))?.slice("fluentd-".length) ?? "unknown";
  } catch {
    return "the system's, if any";
  }
}

function commit(root: string): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}
