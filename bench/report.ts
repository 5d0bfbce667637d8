/** What the measurements say: medians with their spread, as a Markdown table and as JSON. */

import { execFileSync } from "node:child_process";
import { cpus, loadavg, release } from "node:os";
import type { Mode } from "./frames.ts";
import type { Measurement } from "./measurement.ts";

export interface Result {
  readonly mode: Mode;
  readonly subject: string;
  readonly runs: Measurement[];
  readonly failures: string[];
}

/** Where and how it was measured, in one line each. */
export function describeMachine(settings: Record<string, string | number>): Record<string, string | number> {
  const [cpu] = cpus();
  return {
    machine: `${cpus().length} × ${cpu?.model ?? "unknown CPU"}, Linux ${release()}`,
    node: process.version,
    commit: commit(),
    "load average": loadavg()[0]?.toFixed(1) ?? "",
    ...settings,
  };
}

export function markdown(results: readonly Result[], machine: Record<string, string | number>): string {
  const lines = [
    "| mode | subject | events/s | CPU µs/event | fluentd ÷ it (goal) | idle RSS MB | peak RSS MB | ack p50 ms | ack p99 ms | lost / twice |",
    "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ...results.map((result) => row(result, results)),
    "",
    ...Object.entries(machine).map(([name, value]) => `- ${name}: ${value}`),
    "- medians; ± is half the range between the least and the greatest run, in percent of the median",
    "- CPU is user and system time of the agent's whole process tree, from the first frame to the last arrival",
    "- lost and twice are net per event of the cycle: an event that was lost once and came twice once shows in neither",
  ];
  return `${lines.join("\n")}\n`;
}

function row(result: Result, results: readonly Result[]): string {
  const { mode, subject, runs, failures } = result;
  if (runs.length === 0) {
    const [why = "not run"] = failures;
    return `| ${mode.name} | ${subject} | ${why.trim().replaceAll("\n", " ")} ${"| ".repeat(8)}`.trimEnd();
  }
  const of = (read: (run: Measurement) => number) => median(runs.map(read));
  const cells = [
    mode.name,
    subject,
    Math.round(of((run) => run.eventsPerSecond)).toLocaleString("en"),
    `${of((run) => run.cpuMicrosecondsPerEvent).toFixed(2)} ± ${spread(runs.map((run) => run.cpuMicrosecondsPerEvent))} %`,
    ratio(result, results),
    megabytes(of((run) => run.idleBytes)),
    megabytes(of((run) => run.peakBytes)),
    of((run) => run.ackMs.p50).toFixed(1),
    of((run) => run.ackMs.p99).toFixed(1),
    `${sum(runs.map((run) => run.lost))} / ${sum(runs.map((run) => run.duplicates))}`,
  ];
  return `| ${cells.join(" | ")} |`;
}

/** How many times the CPU fluentd takes per event in the same mode. */
function ratio({ mode, subject, runs }: Result, results: readonly Result[]): string {
  const fluentd = results.find((other) => other.mode === mode && other.subject === "fluentd");
  if (!fluentd?.runs.length || subject === "fluentd") return "";
  const cpu = (measured: Measurement[]) => median(measured.map((run) => run.cpuMicrosecondsPerEvent));
  const goal = subject === "suiro" && mode.goal ? ` (${mode.goal})` : "";
  return `${(cpu(fluentd.runs) / cpu(runs)).toFixed(1)}×${goal}`;
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
}

function spread(values: number[]): string {
  return (((Math.max(...values) - Math.min(...values)) / 2 / median(values)) * 100).toFixed(0);
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}
