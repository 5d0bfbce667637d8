/** What the measurements say, as a Markdown table. */

import { besides, cpuOf, medianOf, type Result, spread } from "./result.ts";

const COLUMNS = [
  "row",
  "subject",
  "CPU µs/event",
  "goal",
  "fluentd ÷ it",
  "events/s",
  "ack p50 / p99 / p99.9 ms",
  "start ms (CPU)",
  "idle / peak RSS MB",
  "lost / twice",
];

export function markdown(results: readonly Result[], machine: Record<string, string | number>): string {
  const lines = [
    `| ${COLUMNS.join(" | ")} |`,
    `|---|---|${"--:|".repeat(COLUMNS.length - 2)}`,
    ...results.map((result) => `| ${cells(result, results).join(" | ")} |`),
    "",
    ...Object.entries(machine).map(([name, value]) => `- ${name}: ${value}`),
    "- medians; ± is half the range between the least and the greatest run, in percent of the median",
    "- CPU is user and system time of the agent's whole process tree, from the first frame to the last arrival",
    "- with the receiver away, events/s is the rate at which the buffer drains once the receiver is back",
    "- lost and twice are net per event of the cycle: an event that was lost once and came twice once shows in neither",
  ];
  return `${lines.join("\n")}\n`;
}

function cells(result: Result, results: readonly Result[]): string[] {
  const { row, subject, runs, failures } = result;
  if (runs.length === 0) return [row.name, subject, (failures[0] ?? "not run").trim().replaceAll("\n", " ")];
  const of = (read: Parameters<typeof medianOf>[1]) => medianOf(result, read);
  return [
    row.name,
    subject,
    `${cpuOf(result).toFixed(2)} ± ${spread(runs.map((run) => run.cpuMicrosecondsPerEvent)).toFixed(0)} %`,
    subject === "suiro" && row.goal !== undefined ? row.goal.toFixed(2) : "",
    ratio(result, results),
    Math.round(of((run) => run.eventsPerSecond)).toLocaleString("en"),
    ackTimes(result),
    `${of((run) => run.startMs).toFixed(0)} (${of((run) => run.startCpuMs).toFixed(0)})`,
    `${megabytes(of((run) => run.idleBytes))} / ${megabytes(of((run) => run.peakBytes))}`,
    `${sum(runs.map((run) => run.lost))} / ${sum(runs.map((run) => run.duplicates))}`,
  ];
}

/** How many times the CPU fluentd takes per event in the same row. */
function ratio(result: Result, results: readonly Result[]): string {
  const fluentd = besides(results, result, "fluentd");
  return fluentd && fluentd !== result ? `${(cpuOf(fluentd) / cpuOf(result)).toFixed(1)}×` : "";
}

function ackTimes(result: Result): string {
  if (!result.runs.every((run) => run.ackMs)) return "";
  const parts = (["p50", "p99", "p999"] as const).map((part) => medianOf(result, (run) => run.ackMs?.[part] as number));
  return parts.map((value) => value.toFixed(1)).join(" / ");
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
