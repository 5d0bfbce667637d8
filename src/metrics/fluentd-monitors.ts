/**
 * The metrics of `prometheus_output_monitor`, `prometheus_monitor` and `prometheus_tail_monitor`, with their names, types,
 * labels and texts, so that dashboards and alerts for fluentd go on working.
 * Source: fluent-plugin-prometheus 2.3 in_prometheus_output_monitor.rb, in_prometheus_monitor.rb, in_prometheus_tail_monitor.rb.
 */

import type { FileReport, PluginSummary } from "../plugin.ts";
import type { MetricFamily, Sample } from "./exposition.ts";
import { inFluentdOrder, type Statistics, statisticsOf } from "./fluentd-statistics.ts";

export type Labels = Readonly<Record<string, string>>;

type Row = readonly [metric: string, help: string, statistic: string];

/** `counter` where `gauge_all false` makes it one. */
const OUTPUT_ROWS: readonly (readonly [...Row, type: "gauge" | "counter"])[] = [
  ["buffer_total_bytes", "Current total size of stage and queue buffers.", "buffer_total_queued_size", "gauge"],
  ["buffer_stage_length", "Current length of stage buffers.", "buffer_stage_length", "gauge"],
  ["buffer_stage_byte_size", "Current total size of stage buffers.", "buffer_stage_byte_size", "gauge"],
  ["buffer_queue_length", "Current length of queue buffers.", "buffer_queue_length", "gauge"],
  ["buffer_queue_byte_size", "Current total size of queue buffers.", "buffer_queue_byte_size", "gauge"],
  ["buffer_available_space_ratio", "Ratio of available space in buffer.", "buffer_available_buffer_space_ratios", "gauge"],
  ["buffer_newest_timekey", "Newest timekey in buffer.", "buffer_newest_timekey", "gauge"],
  ["buffer_oldest_timekey", "Oldest timekey in buffer.", "buffer_oldest_timekey", "gauge"],
  ["retry_count", "Current retry counts.", "retry_count", "counter"],
  ["num_errors", "Current number of errors.", "retry_count", "counter"],
  ["emit_count", "Current emit counts.", "emit_count", "counter"],
  ["emit_records", "Current emit records.", "emit_records", "counter"],
  ["write_count", "Current write counts.", "write_count", "counter"],
  ["rollback_count", "Current rollback counts.", "rollback_count", "gauge"],
  ["flush_time_count", "Total flush time.", "flush_time_count", "counter"],
  ["slow_flush_count", "Current slow flush counts.", "slow_flush_count", "counter"],
]; // biome-ignore format: a table

const MONITOR_ROWS: readonly Row[] = [
  ["buffer_newest_timekey", "Newest timekey in buffer.", "buffer_newest_timekey"],
  ["buffer_oldest_timekey", "Oldest timekey in buffer.", "buffer_oldest_timekey"],
  ["buffer_queue_length", "Current buffer queue length.", "buffer_queue_length"],
  ["buffer_total_bytes", "Current total size of queued buffers.", "buffer_total_queued_size"],
  ["retry_count", "Current retry counts.", "retry_count"],
];

type FileRow = readonly [metric: string, help: string, value: (file: FileReport, statistics: Statistics) => number];

const of = (name: string) => (_file: FileReport, statistics: Statistics) => Number(statistics[name] ?? 0);
const TAIL_ROWS: readonly FileRow[] = [
  ["position", "Current position of file.", ({ position }) => position],
  ["inode", "Current inode of file.", ({ inode }) => Number(inode)],
  ["closed", "Number of files closed.", of("closed_file_count")],
  ["opened", "Number of files opened.", of("opened_file_count")],
  ["rotated", "Number of files rotated.", of("rotated_file_count")],
  ["throttled", "Number of times files got throttled.", of("throttled_log_count")],
];

const OPTIONS = { withConfig: false, withRetry: true };

/** `fluentd_output_status_*` of every output. */
export function outputMonitor(plugins: readonly PluginSummary[], base: Labels, gaugesOnly: boolean): MetricFamily[] {
  const outputs = inFluentdOrder(plugins).filter(({ kind }) => kind === "output");
  const seen = outputs.map((output) => ({
    labels: { ...base, plugin_id: output.id, type: output.type },
    statistics: statisticsOf(output, OPTIONS),
    retry: output.report().buffer?.retry,
  }));
  const waits = seen.flatMap(({ labels, statistics, retry }) => {
    if (!statistics.retry) return [];
    return [{ labels, value: retry ? (retry.nextTimeMs - retry.startMs) / 1000 : 0 }];
  });
  return [
    ...OUTPUT_ROWS.map(([metric, help, statistic, type]) => ({
      name: `fluentd_output_status_${metric}`,
      type: gaugesOnly ? "gauge" : type,
      help,
      samples: seen.flatMap(({ labels, statistics }) => sample(labels, statistics[statistic])),
    })),
    { name: "fluentd_output_status_retry_wait", type: "gauge", help: "Current retry wait", samples: waits },
  ];
}

/** `fluentd_status_*` of every plugin. */
export function pluginMonitor(plugins: readonly PluginSummary[], base: Labels): MetricFamily[] {
  const seen = inFluentdOrder(plugins).map((plugin) => ({
    labels: { ...base, plugin_id: plugin.id, plugin_category: plugin.kind, type: plugin.type },
    statistics: statisticsOf(plugin, OPTIONS),
  }));
  return MONITOR_ROWS.map(([metric, help, statistic]) => ({
    name: `fluentd_status_${metric}`,
    type: "gauge",
    help,
    samples: seen.flatMap(({ labels, statistics }) => sample(labels, statistics[statistic])),
  }));
}

/** `fluentd_tail_file_*` of every file that is followed. */
export function tailMonitor(plugins: readonly PluginSummary[], base: Labels): MetricFamily[] {
  const files = plugins
    .filter(({ type, kind }) => type === "tail" && kind === "input")
    .flatMap((plugin) => {
      const statistics = statisticsOf(plugin, OPTIONS);
      return (plugin.report().files ?? []).map((file) => ({
        file,
        statistics,
        labels: { ...base, plugin_id: plugin.id, type: plugin.type, path: file.path },
      }));
    });
  return TAIL_ROWS.map(([metric, help, value]) => ({
    name: `fluentd_tail_file_${metric}`,
    type: "gauge",
    help,
    samples: files.map(({ file, statistics, labels }) => ({ labels, value: value(file, statistics) })),
  }));
}

function sample(labels: Labels, value: unknown): Sample[] {
  return typeof value === "number" ? [{ labels, value }] : [];
}
