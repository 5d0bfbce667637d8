/**
 * Counts events into the metrics of `<metric>` sections: the work of the filter and the output `prometheus`.
 * Source: fluent-plugin-prometheus 2.3 prometheus.rb `instrument`.
 */

import type { EventStream } from "../event/event-stream.ts";
import { decode } from "../event/msgpack.ts";
import { ABSENT } from "../event/record-fields.ts";
import { findPath } from "../event/record-reader.ts";
import { skipValue } from "../event/walker.ts";
import type { FailedEvent, PluginContext } from "../plugin.ts";
import { initialise, loadExposition, type SharedMetric, seriesKey, seriesOf, useMetric } from "./exposition.ts";
import { type LabelledEvent, workerPlace } from "./label-template.ts";
import { type MetricRule, type MetricsConfig, metricRules } from "./metric-sections.ts";

const DROPPED_LABEL_SETS = {
  name: "fluentd_prometheus_dropped_label_sets_total",
  type: "counter",
  help: "The total number of records dropped because the metric reached max_series_per_metric.",
  labels: ["name"],
} as const;

interface UsedMetric {
  readonly rule: MetricRule;
  readonly metric: SharedMetric;
}

export class EventMetrics {
  readonly #context: PluginContext;
  readonly #rules: readonly MetricRule[];
  readonly #quietMs: number;
  readonly #loggedAt = new Map<string, number>();
  #used: readonly UsedMetric[] = [];
  #dropped: SharedMetric | undefined;

  /** Throws ConfigError. */
  constructor(config: MetricsConfig, context: PluginContext) {
    this.#context = context;
    this.#quietMs = config.ignoreErrorLogInterval * 1000;
    this.#rules = metricRules(config, {
      hostname: context.process.hostname,
      worker: workerPlace(context.system),
      unknown: (placeholder) => this.#warn(placeholder, `unknown placeholder \`${placeholder}\` found`),
    });
  }

  async start(): Promise<void> {
    await loadExposition();
    this.#used = this.#rules.map((rule) => ({ rule, metric: useMetric(rule.definition) }));
    for (const { rule, metric } of this.#used) {
      for (const values of rule.initial) initialise(metric, values);
    }
  }

  async stop(): Promise<void> {
    for (const { metric } of this.#used) metric.users -= 1;
    if (this.#dropped) this.#dropped.users -= 1;
    this.#used = [];
    this.#dropped = undefined;
  }

  /** Counts every event. Those that a metric cannot take go to `@ERROR`; the promise is there only then. */
  observe(tag: string, events: EventStream): Promise<void> | undefined {
    const { packed } = events;
    const failures: FailedEvent[] = [];
    for (const { start, recordStart, end } of events.entries()) {
      const event = { tag, packed, recordStart };
      for (const used of this.#used) {
        try {
          this.#count(used, event);
        } catch (error) {
          const cause = error instanceof Error ? error : new Error(String(error));
          const { name } = used.rule.definition;
          this.#warn(`${name} ${cause.message}`, "prometheus: failed to instrument a metric.", {
            error: cause,
            tag,
            name,
          });
          failures.push({ entry: Buffer.from(packed.subarray(start, end)), error: cause });
        }
      }
    }
    return failures.length === 0 ? undefined : this.#context.emitErrors(tag, failures);
  }

  #count({ rule, metric }: UsedMetric, event: LabelledEvent): void {
    const value = rule.key === undefined ? 1 : numberAt(event, rule);
    if (value === undefined) return;
    if (rule.definition.type === "counter" && value < 0) throw new Error("increment must be a non-negative number");
    const values = rule.labels.map((label) => label.value(event));
    const isFull = rule.maxSeries > 0 && metric.series.size >= rule.maxSeries;
    if (isFull && !metric.series.has(seriesKey(values))) return this.#refuse(rule);
    seriesOf(metric, values)(value);
  }

  /** A label set too many is meant to be left out: it is counted, and no error. */
  #refuse({ definition: { name }, maxSeries }: MetricRule): void {
    this.#dropped ??= useMetric(DROPPED_LABEL_SETS);
    seriesOf(this.#dropped, [name])(1);
    const message = "prometheus: dropped a label set because the metric reached max_series_per_metric.";
    this.#warn(`limit ${name}`, message, { name, max_series_per_metric: maxSeries });
  }

  #warn(key: string, message: string, fields?: Record<string, unknown>): void {
    const now = this.#context.clock.monotonic();
    const last = this.#loggedAt.get(key);
    if (last !== undefined && now - last < this.#quietMs) return;
    this.#loggedAt.set(key, now);
    this.#context.logger.warn(message, fields);
  }
}

/** The number at the rule's key; undefined where there is none to count. Throws when it is something else. */
function numberAt({ packed, recordStart }: LabelledEvent, { key, definition }: MetricRule): number | undefined {
  const at = findPath(packed, recordStart, key ?? []);
  if (at === ABSENT || packed[at] === 0xc0) return undefined;
  const value = decode(packed.subarray(at, skipValue(packed, at, packed.length)));
  if (value === false && definition.type !== "counter") return undefined;
  if (typeof value !== "number" && typeof value !== "bigint") throw new Error("value must be a number");
  return Number(value);
}
