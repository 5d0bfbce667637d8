/** `@type prometheus` as a filter: counts events into metrics and lets them pass. Source: fluent-plugin-prometheus 2.3. */

import { EventMetrics } from "../metrics/event-metrics.ts";
import { type MetricsConfig, metricsTable } from "../metrics/metric-sections.ts";
import type { FilterDefinition } from "../plugin.ts";

export const prometheusFilter: FilterDefinition<MetricsConfig> = {
  kind: "filter",
  type: "prometheus",
  table: metricsTable,
  create(config, context) {
    const metrics = new EventMetrics(config, context);
    return {
      isPerEvent: true,
      start: () => metrics.start(),
      stop: () => metrics.stop(),
      filter: (tag, events) => metrics.observe(tag, events)?.then(() => events) ?? events,
    };
  },
};
