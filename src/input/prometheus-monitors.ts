/**
 * `prometheus_output_monitor`, `prometheus_monitor` and `prometheus_tail_monitor`: while one runs, its metrics stand among
 * those of `prometheus`. They are read at each scrape, where fluentd shows them as they were up to `interval` ago.
 */

import { bool } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { addCollector, type MetricFamily } from "../metrics/exposition.ts";
import { type Labels, outputMonitor, pluginMonitor, tailMonitor } from "../metrics/fluentd-monitors.ts";
import { workerPlace } from "../metrics/label-template.ts";
import { fixedLabels, monitorParameters, monitorSections } from "../metrics/metric-sections.ts";
import type { Input, InputDefinition, PluginContext, PluginSummary } from "../plugin.ts";

const table = section(monitorParameters, monitorSections);
const outputTable = section(
  {
    ...monitorParameters,
    gauge_all: bool.default("Every metric is a gauge, as ever; false makes those that only grow counters.", true),
  },
  monitorSections,
);

/** Ready when it is made; while it runs, what `read` gives is shown. */
function monitor(
  type: string,
  config: ConfigOf<typeof table>,
  context: PluginContext,
  read: (plugins: readonly PluginSummary[], labels: Labels) => MetricFamily[],
): Input {
  const around = { hostname: context.process.hostname, worker: workerPlace(context.system) };
  const labels = fixedLabels(config.labels, type, around, config.element.position);
  let remove = () => {};
  return {
    async start() {
      remove = addCollector(() => read(context.plugins(), labels));
    },
    async stop() {
      remove();
    },
  };
}

export const prometheusOutputMonitorInput: InputDefinition<ConfigOf<typeof outputTable>> = {
  kind: "input",
  type: "prometheus_output_monitor",
  table: outputTable,
  create: (config, context) =>
    monitor("prometheus_output_monitor", config, context, (plugins, labels) =>
      outputMonitor(plugins, labels, config.gaugeAll),
    ),
};

export const prometheusMonitorInput: InputDefinition<ConfigOf<typeof table>> = {
  kind: "input",
  type: "prometheus_monitor",
  table,
  create: (config, context) => monitor("prometheus_monitor", config, context, pluginMonitor),
};

export const prometheusTailMonitorInput: InputDefinition<ConfigOf<typeof table>> = {
  kind: "input",
  type: "prometheus_tail_monitor",
  table,
  create: (config, context) => monitor("prometheus_tail_monitor", config, context, tailMonitor),
};
