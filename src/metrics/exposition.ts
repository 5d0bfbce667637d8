/**
 * Metrics as Prometheus reads them, and metrics that `<metric>` sections define. The only importer of prom-client, which
 * is loaded when the first of both is wanted.
 *
 * The metrics of `<metric>` sections belong to the process, as in fluentd: sections of one name count into one metric,
 * and a reload goes on counting where the definition has stayed the same.
 */

import type { Metric, MetricObjectWithValues, MetricValue, Registry } from "prom-client";
import { SuiroError } from "../errors.ts";

export type MetricType = "counter" | "gauge" | "histogram" | "summary";

export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** Where it is not the metric's own: `NAME_bucket`, `NAME_sum`, `NAME_count`. */
  readonly metricName?: string;
}

/** A metric and its values at one moment. */
export interface MetricFamily {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly samples: readonly Sample[];
}

export const TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** What a `<metric>` section says about the metric itself. */
export interface MetricDefinition {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram, and the texts that they are shown as. */
  readonly buckets?: ReadonlyMap<number, string>;
}

/** A label set of a metric, ready to take values. */
export type Series = (value: number) => void;

/** A metric that `<metric>` sections share. */
export interface SharedMetric {
  readonly definition: MetricDefinition;
  /** Label sets by their values: those that the client holds. */
  readonly series: Map<string, Series>;
  /** Those of `<initlabels>`. */
  readonly initial: Set<string>;
  /** How many sections use it; without any it is not shown. */
  users: number;
  readonly client: Metric;
}

/** Gives families when somebody asks: the monitors of fluent-plugin-prometheus. */
export type Collector = () => readonly MetricFamily[];

type Client = typeof import("prom-client");

let loading: Promise<Client> | undefined;
let client: Client | undefined;

/** To be awaited before anything else here is called. */
export async function loadExposition(): Promise<void> {
  loading ??= import("prom-client").then((module) => (module.default ?? module) as Client);
  client = await loading;
}

const shared = new Map<string, SharedMetric>();
const collectors = new Set<Collector>();

/** Shows what `collector` gives, until the returned function is called. */
export function addCollector(collector: Collector): () => void {
  collectors.add(collector);
  return () => void collectors.delete(collector);
}

/** The metric of this name. One with another definition that nobody uses any more makes way. Throws SuiroError. */
export function useMetric(definition: MetricDefinition): SharedMetric {
  const known = shared.get(definition.name);
  const isSame = known && shape(known.definition) === shape(definition);
  if (known && !isSame && known.users > 0) {
    throw new SuiroError("CONFIG", `metric ${definition.name} is in use with another definition`);
  }
  const metric = known && isSame ? known : createShared(definition);
  metric.users += 1;
  shared.set(definition.name, metric);
  return metric;
}

/** Shows the metric with these label values, at 0, before the first event. */
export function initialise(metric: SharedMetric, values: readonly string[]): void {
  if (metric.initial.has(seriesKey(values))) return;
  metric.initial.add(seriesKey(values));
  const { Counter, Gauge, Histogram } = loaded();
  const { client: shown } = metric;
  if (shown instanceof Histogram) shown.zero(labelsWith(metric, values));
  else if (shown instanceof Counter || shown instanceof Gauge) shown.inc(labelsWith(metric, values), 0);
  seriesOf(metric, values);
}

/** The series of these label values, which are in the order of the definition's labels. */
export function seriesOf(metric: SharedMetric, values: readonly string[]): Series {
  const key = seriesKey(values);
  const known = metric.series.get(key);
  if (known) return known;
  const series = seriesWith(metric, labelsWith(metric, values));
  metric.series.set(key, series);
  return series;
}

function labelsWith({ definition }: SharedMetric, values: readonly string[]): Record<string, string> {
  return Object.fromEntries(definition.labels.map((label, index) => [label, values[index] as string]));
}

export function seriesKey(values: readonly string[]): string {
  return values.join("\0");
}

/** The text of these families, of the metrics in use, and of the collectors. Families of one name become one. */
export async function render(families: Iterable<MetricFamily>): Promise<string> {
  const byName = new Map<string, MetricFamily>();
  const collected = [...collectors].flatMap((collect) => collect());
  for (const family of [...(await userFamilies()), ...collected, ...families]) {
    const known = byName.get(family.name);
    byName.set(family.name, known ? { ...known, samples: [...known.samples, ...family.samples] } : family);
  }
  const registry: Registry = new (loaded().Registry)();
  for (const family of byName.values()) registry.registerMetric(asMetric(family));
  return registry.metrics();
}

async function userFamilies(): Promise<MetricFamily[]> {
  const used = [...shared.values()].filter(({ users }) => users > 0);
  return Promise.all(
    used.map(async ({ definition: { name, type, help, buckets }, client: metric }) => {
      const { values } = (await metric.get()) as MetricObjectWithValues<MetricValue<string>>;
      const samples = (values as Sample[]).map((sample) => {
        const text = buckets?.get(sample.labels.le as number);
        return text === undefined ? sample : { ...sample, labels: { ...sample.labels, le: text } };
      });
      return { name, type, help, samples };
    }),
  );
}

/** What a registry asks a metric for, without the machinery of one that is counted up. */
function asMetric({ name, type, help, samples }: MetricFamily): Metric {
  const answer = { name, type, help, values: samples, aggregator: "sum" };
  return { name, type, help, get: async () => answer } as unknown as Metric;
}

function createShared(definition: MetricDefinition): SharedMetric {
  const { name, type, help, labels, buckets } = definition;
  const { Counter, Gauge, Histogram, Summary } = loaded();
  const common = { name, help, labelNames: [...labels], registers: [] };
  const metric =
    type === "counter"
      ? new Counter(common)
      : type === "gauge"
        ? new Gauge(common)
        : type === "summary"
          ? new Summary({ ...common, percentiles: [] })
          : new Histogram({ ...common, ...(buckets && { buckets: [...buckets.keys()] }) });
  return { definition, series: new Map(), initial: new Set(), users: 0, client: metric as Metric };
}

function seriesWith({ definition, client: metric }: SharedMetric, labels: Record<string, string>): Series {
  const { Counter, Gauge, Histogram, Summary } = loaded();
  if (metric instanceof Counter) {
    const counter = metric.labels(labels);
    return (value) => counter.inc(value);
  }
  if (metric instanceof Gauge) {
    const gauge = metric.labels(labels);
    return (value) => gauge.set(value);
  }
  if (metric instanceof Histogram || metric instanceof Summary) {
    const distribution = metric.labels(labels);
    return (value) => distribution.observe(value);
  }
  throw new SuiroError("CONFIG", `metric ${definition.name} has no type that takes values`);
}

function shape({ name, type, help, labels, buckets }: MetricDefinition): string {
  return JSON.stringify([name, type, help, labels, buckets && [...buckets]]);
}

function loaded(): Client {
  if (!client) throw new Error("loadExposition was not awaited");
  return client;
}
