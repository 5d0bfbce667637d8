/** The text of `suiro top`: pure, so that it can be looked at without a terminal. */

import type { AgentStatus, PluginStatus } from "../metrics/status.ts";

type Rate = (plugin: PluginStatus, count: (plugin: PluginStatus) => number) => string;

const UNITS = ["", "k", "M", "G", "T"];

/** `before` is an earlier state, for rates; without it they are not known yet. No line is longer than `width`. */
export function topLines(status: AgentStatus, before: AgentStatus | undefined, width: number): string[] {
  const elapsedSeconds = before ? (status.timeMs - before.timeMs) / 1000 : 0;
  const earlier = new Map(before?.plugins.map((plugin) => [plugin.id, plugin]));
  const rate: Rate = (plugin, count) => {
    const last = earlier.get(plugin.id);
    return last && elapsedSeconds > 0 ? short(Math.max(0, count(plugin) - count(last)) / elapsedSeconds) : "-";
  };
  const cpu = before && elapsedSeconds > 0 ? (status.cpuSeconds - before.cpuSeconds) / elapsedSeconds : 0;
  const { version, pid, uptimeSeconds, memoryBytes } = status;
  const head =
    `suiro ${version}  pid ${pid}  up ${duration(uptimeSeconds)}  ` +
    `cpu ${Math.round(cpu * 100)}%  memory ${short(memoryBytes)}B`;
  const of = (kind: PluginStatus["kind"]) => status.plugins.filter((plugin) => plugin.kind === kind);
  return [
    head,
    "",
    ...table(
      ["INPUT", "TYPE", "IN/S", "OUT/S", "RECEIVED", "DROPPED"],
      of("input").map((plugin) => inputRow(plugin, rate)),
    ),
    "",
    ...table(
      ["FILTER", "TYPE", "IN", "OUT/S", "PASSED"],
      of("filter").map((plugin) => filterRow(plugin, rate)),
    ),
    "",
    ...table(
      ["OUTPUT", "TYPE", "IN", "IN/S", "OUT/S", "DELIVERED", "DROPPED", "BUFFERED", "FULL", "RETRY", "RECEIVERS"],
      of("output").map((plugin) => outputRow(plugin, rate, status.timeMs)),
    ),
    ...lagging(status.plugins),
  ].map((line) => line.slice(0, width));
}

function inputRow(plugin: PluginStatus, rate: Rate): string[] {
  return [
    named(plugin),
    plugin.type,
    rate(plugin, ({ received }) => received),
    rate(plugin, ({ emitted }) => emitted),
    short(plugin.received),
    short(dropped(plugin)),
  ];
}

function filterRow(plugin: PluginStatus, rate: Rate): string[] {
  return [named(plugin), plugin.type, where(plugin), rate(plugin, ({ emitted }) => emitted), short(plugin.emitted)];
}

function outputRow(plugin: PluginStatus, rate: Rate, nowMs: number): string[] {
  const { buffer, nodes, emitted, delivered, targets } = plugin;
  const retry =
    buffer && buffer.retries > 0 ? Math.max(0, Math.ceil(((buffer.nextRetryMs ?? 0) - nowMs) / 1000)) : undefined;
  const up = nodes?.filter(({ isAvailable }) => isAvailable).length;
  return [
    named(plugin),
    plugin.type,
    where(plugin),
    rate(plugin, (counts) => counts.emitted),
    targets.length > 0 ? `→ ${targets.join(" ")}` : rate(plugin, (counts) => counts.delivered),
    targets.length > 0 ? short(emitted) : short(delivered),
    short(dropped(plugin)),
    buffer ? `${short(buffer.events)} / ${short(buffer.bytes)}B` : "-",
    buffer ? `${Math.round((100 * buffer.bytes) / buffer.limitBytes)}%` : "-",
    retry === undefined ? "-" : `${buffer?.retries} in ${retry}s`,
    nodes ? `${up}/${nodes.length} up` : "-",
  ];
}

function lagging(plugins: readonly PluginStatus[]): string[] {
  const files = plugins.flatMap(({ files = [] }) => files).filter(({ lagBytes }) => lagBytes > 0);
  if (files.length === 0) return [];
  const rows = files.map(({ path, lagBytes, lagSeconds }) => [path, `${short(lagBytes)}B`, duration(lagSeconds)]);
  return ["", ...table(["FILE THAT LAGS", "BEHIND", "SINCE"], rows)];
}

function named({ id, isRunning, owner }: PluginStatus): string {
  return `${owner === undefined ? "" : "  "}${id}${isRunning || owner !== undefined ? "" : " (stopped)"}`;
}

function where({ level, pattern }: PluginStatus): string {
  return `${level === "@ROOT" ? "" : `${level} `}${pattern || "**"}`;
}

function dropped(plugin: PluginStatus): number {
  return Object.values(plugin.dropped).reduce((sum, count) => sum + count, 0);
}

/** `1.2k`: three digits at most. */
export function short(value: number): string {
  let scaled = value;
  let unit = 0;
  while (scaled >= 999.5 && unit < UNITS.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  const digits = scaled < 9.95 && !Number.isInteger(scaled) ? scaled.toFixed(1) : String(Math.round(scaled));
  return `${digits}${UNITS[unit]}`;
}

export function duration(seconds: number): string {
  if (seconds < 100) return `${Math.round(seconds)}s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)}m`;
  if (seconds < 360_000) return `${Math.round(seconds / 3600)}h`;
  return `${Math.round(seconds / 86_400)}d`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [`${head[0]}: none`];
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] as number))
      .join("  ")
      .trimEnd(),
  );
}
