/**
 * `@type prometheus` and the monitors that come with it: every counter of every plugin as `suiro_NAME_total`.
 * Source: fluent-plugin-prometheus 2.3, its parameters.
 */

import { integer, string, time } from "../config/literals.ts";
import { type ConfigOf, raw, refused, section } from "../config/parameters.ts";
import type { InputDefinition, PluginContext } from "../plugin.ts";
import { ReportInput } from "./report-input.ts";

const table = section({
  bind: string.default("Address to listen on.", "127.0.0.1"),
  port: integer.default("Port to listen on.", 24231),
  metrics_path: string.default("Path of the metrics.", "/metrics"),
  aggregated_metrics_path: string.default("Path of the metrics of all workers: there is one.", "/aggregated_metrics"),
  content_encoding: refused("metrics are sent as they are"),
});

export const prometheusInput: InputDefinition<ConfigOf<typeof table>> = {
  kind: "input",
  type: "prometheus",
  table,
  create({ bind, port, metricsPath, aggregatedMetricsPath }, context) {
    const report = () => ({ type: "text/plain; version=0.0.4; charset=utf-8", body: metrics(context) });
    return new ReportInput(
      { bind, port, reports: [metricsPath, aggregatedMetricsPath].map((path) => [path, report] as const) },
      context,
    );
  },
};

function metrics(context: PluginContext): string {
  const lines = new Map<string, string[]>();
  for (const { id, type, kind, counters } of context.plugins()) {
    for (const { name, reason, value } of counters.entries()) {
      const labels = { plugin_id: id, plugin_category: kind, type, ...(reason && { reason }) };
      const text = Object.entries(labels).map(([key, label]) => `${key}=${JSON.stringify(label)}`);
      const metric = `suiro_${name}_total`;
      lines.set(metric, [...(lines.get(metric) ?? []), `${metric}{${text.join(",")}} ${value}`]);
    }
  }
  return [...lines].map(([name, values]) => `# TYPE ${name} counter\n${values.join("\n")}\n`).join("");
}

const monitorTable = section(
  { interval: time.default("Accepted; counters are read when they are asked for.", 5) },
  {
    labels: raw,
  },
);

/** Their figures stand among those of `prometheus`, without labels of their own. */
export const prometheusMonitorInputs = [
  "prometheus_monitor",
  "prometheus_output_monitor",
  "prometheus_tail_monitor",
].map(
  (type): InputDefinition<ConfigOf<typeof monitorTable>> => ({
    kind: "input",
    type,
    table: monitorTable,
    create: () => ({ start: async () => {}, stop: async () => {} }),
  }),
);
