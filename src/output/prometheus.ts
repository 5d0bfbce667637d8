/** `@type prometheus` as an output: counts events into metrics, and they end there. Source: fluent-plugin-prometheus 2.3. */

import { EventMetrics } from "../metrics/event-metrics.ts";
import { type MetricsConfig, metricsTable } from "../metrics/metric-sections.ts";
import type { OutputDefinition } from "../plugin.ts";

export const prometheusOutput: OutputDefinition<MetricsConfig> = {
  kind: "output",
  type: "prometheus",
  table: metricsTable,
  create(config, context) {
    const metrics = new EventMetrics(config, context);
    return {
      start: () => metrics.start(),
      stop: () => metrics.stop(),
      async emit(tag, events) {
        await metrics.observe(tag, events);
        context.counters.add("delivered_events", events.size);
      },
    };
  },
};
