/** CPU time and memory of a process and all its children, from Linux's /proc. */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

export interface ProcessUsage {
  /** User and system time, in milliseconds; its grain is one clock tick, 10 ms as a rule. */
  readonly cpuMs: number;
  readonly residentBytes: number;
  /** The most that was resident at any time since the start. */
  readonly peakBytes: number;
}

const tickMs = 1000 / Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

export function readUsage(pid: number): ProcessUsage {
  let cpuMs = 0;
  let residentBytes = 0;
  let peakBytes = 0;
  for (const member of processTree(pid)) {
    const status = readFileSync(`/proc/${member}/status`, "latin1");
    cpuMs += cpuTicks(readStat(member)) * tickMs;
    residentBytes += kilobytes(status, "VmRSS") * 1024;
    peakBytes += kilobytes(status, "VmHWM") * 1024;
  }
  return { cpuMs, residentBytes, peakBytes };
}

function processTree(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      parents.set(Number(name), Number(readStat(Number(name))[1]));
    } catch {
      // It ended while we looked.
    }
  }
  const tree = [root];
  for (const member of tree) for (const [pid, parent] of parents) if (parent === member) tree.push(pid);
  return tree;
}

/** The fields of /proc/PID/stat from the state on; the name before them may hold spaces. */
function readStat(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** utime, stime, and the same of children that have ended: fields 14 to 17 of proc(5). */
function cpuTicks(stat: string[]): number {
  return stat.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
}

function kilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
}
