/**
 * What fluentd tells of its plugins, under its names: for `monitor_agent` and the monitors of fluent-plugin-prometheus.
 * Source: fluentd 1.18 in_monitor_agent.rb `get_monitor_info`, `statistics` of input, filter, output, tail, forward.
 */

import { localTime } from "../logger.ts";
import type { BufferReport, PluginReport, PluginSummary } from "../plugin.ts";

/** Outputs that are Fluent::Plugin::MultiOutput: fluentd tells little of them. */
const MULTI_OUTPUTS: ReadonlySet<string> = new Set(["copy", "roundrobin"]);

/** In `variables`: every one that there is. */
export const ALL_VARIABLES = "*";

export type Statistic = string | number | boolean | null | readonly number[] | Readonly<Record<string, unknown>>;
export type Statistics = Record<string, Statistic>;

export interface StatisticsOptions {
  readonly withConfig: boolean;
  readonly withRetry: boolean;
  /** Names of instance variables. Suiro has those that are a statistic or the retry. */
  readonly variables?: readonly string[] | undefined;
}

export function statisticsOf(plugin: PluginSummary, options: StatisticsOptions): Statistics {
  const { id, kind, type } = plugin;
  const report = plugin.report();
  const isSingleOutput = kind === "output" && !MULTI_OUTPUTS.has(type);
  const own: Statistics = {
    ...(report.buffer && oldBufferFields(report.buffer)),
    retry_count: kind === "output" ? plugin.counters.get("retries") : null,
    ...(kind !== "output" || isSingleOutput ? ownStatistics(plugin, report) : {}),
  };
  const retry = isSingleOutput ? retryFields(report.buffer?.retry) : undefined;
  return {
    plugin_id: id,
    plugin_category: kind,
    type,
    ...(options.withConfig && { config: plugin.parameters() }),
    output_plugin: isSingleOutput,
    ...own,
    ...(options.withRetry && retry && { retry }),
    ...(options.variables && { instance_variables: variablesOf(options.variables, own, retry) }),
  };
}

/** In fluentd's order: inputs, outputs and filters of the root, then outputs and filters of each label. */
export function inFluentdOrder(plugins: readonly PluginSummary[]): PluginSummary[] {
  const levels = [...new Set(["@ROOT", ...plugins.map(({ level }) => level)])];
  return levels.flatMap((level) =>
    (["input", "output", "filter"] as const).flatMap((kind) =>
      plugins
        .filter((plugin) => plugin.level === level && plugin.kind === kind && plugin.owner === undefined)
        .flatMap((plugin) => withInner(plugin, plugins)),
    ),
  );
}

/** A plugin and those that stand inside it, outermost first. */
function withInner(plugin: PluginSummary, plugins: readonly PluginSummary[]): PluginSummary[] {
  const inner = plugins.filter(({ owner }) => owner === plugin.id);
  return [plugin, ...inner.flatMap((other) => withInner(other, plugins))];
}

/** Names from before fluentd 1.6, which dashboards still read. */
function oldBufferFields({ queueLength, timekeys, totalBytes }: BufferReport): Statistics {
  return {
    buffer_queue_length: queueLength,
    buffer_timekeys: timekeys,
    buffer_total_queued_size: totalBytes,
  };
}

function ownStatistics({ kind, type, counters }: PluginSummary, { buffer, nodes }: PluginReport): Statistics {
  const counted = {
    emit_records: counters.get("emitted_events"),
    emit_size: counters.get(kind === "input" ? "received_bytes" : "emitted_bytes"),
  };
  if (kind === "filter") return counted;
  if (kind === "input") return type === "tail" ? { ...counted, ...tailStatistics(counters) } : counted;
  return {
    ...counted,
    emit_count: counters.get("emits"),
    write_count: counters.get("flush_attempts"),
    rollback_count: counters.get("takebacks"),
    slow_flush_count: counters.get("slow_flushes"),
    flush_time_count: counters.get("flush_milliseconds"),
    ...(buffer && bufferStatistics(buffer)),
    ...(nodes && {
      healthy_nodes_count: nodes.filter(({ isAvailable }) => isAvailable).length,
      registered_nodes_count: nodes.length,
    }),
  };
}

function bufferStatistics(buffer: BufferReport): Statistics {
  const [oldest] = buffer.timekeys;
  const newest = buffer.timekeys.at(-1);
  return {
    buffer_stage_length: buffer.stageLength,
    buffer_stage_byte_size: buffer.stageBytes,
    buffer_queue_byte_size: buffer.queueBytes,
    buffer_available_buffer_space_ratios: buffer.availableSpaceRatio,
    ...(oldest !== undefined && { buffer_oldest_timekey: oldest }),
    ...(newest !== undefined && { buffer_newest_timekey: newest }),
  };
}

function tailStatistics(counters: PluginSummary["counters"]): Statistics {
  return {
    opened_file_count: counters.get("files_opened"),
    closed_file_count: counters.get("files_closed"),
    rotated_file_count: counters.get("files_rotated"),
    throttled_log_count: counters.get("files_throttled"),
  };
}

function retryFields(retry: BufferReport["retry"]): Readonly<Record<string, unknown>> {
  if (!retry) return {};
  return {
    start: localTime(new Date(retry.startMs)),
    steps: retry.steps,
    next_time: localTime(new Date(retry.nextTimeMs)),
  };
}

function variablesOf(names: readonly string[], own: Statistics, retry: unknown): Readonly<Record<string, unknown>> {
  const known: Record<string, unknown> = { ...own, num_errors: own.retry_count, retry };
  const wanted = names.includes(ALL_VARIABLES) ? Object.keys(known) : names;
  return Object.fromEntries(wanted.filter((name) => known[name] !== undefined).map((name) => [name, known[name]]));
}
