/**
 * The catalogue: every metric of Suiro's own, with its unit in its name, its labels and what it means. docs/metrics.md is
 * made of it, and dashboards are checked against it. Values are read when somebody asks.
 */

import { BUCKETS, COUNTERS, type CounterName, HISTOGRAMS, type Histogram, type HistogramName } from "../counters.ts";
import type { PluginSummary } from "../plugin.ts";
import { certificatesOf } from "../tls/certificate-expiry.ts";
import type { MetricFamily, MetricType, Sample } from "./exposition.ts";

/** What the metrics are read from. */
export interface CatalogueSource {
  readonly plugins: readonly PluginSummary[];
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Every sample has them, too. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface CatalogueEntry {
  readonly name: string;
  readonly type: MetricType;
  /** "bytes", "events", "seconds" … as the name has it. */
  readonly unit: string;
  readonly labels: readonly string[];
  readonly help: string;
  collect(source: CatalogueSource): Iterable<Sample>;
}

/** Of every metric that is about a plugin. */
const PLUGIN_LABELS = ["plugin_id", "plugin_category", "type"];

/** Counters that fluentd has in other units than Prometheus wants. */
const IN_SECONDS: Partial<Record<CounterName, readonly [name: string, factor: number]>> = {
  flush_milliseconds: ["write_seconds", 1 / 1000],
};

const REASON = /, by reason\.$/;

/** Every metric, in the order of the documentation. */
export const CATALOGUE: readonly CatalogueEntry[] = [
  ...(Object.keys(COUNTERS) as CounterName[]).map(counterEntry),
  ...(Object.keys(HISTOGRAMS) as HistogramName[]).map(histogramEntry),
  ...bufferEntries(),
  ...nodeEntries(),
  ...fileEntries(),
  {
    name: "suiro_certificate_expiry_timestamp_seconds",
    type: "gauge",
    unit: "seconds",
    labels: [...PLUGIN_LABELS, "path", "subject"],
    help: "Time at which a certificate that the plugin reads from a file becomes invalid, in seconds since 1970.",
    *collect({ plugins }) {
      for (const plugin of plugins) {
        for (const { path, subject, expiresMs } of certificatesOf(plugin.element)) {
          yield { labels: { ...labelsOf(plugin), path, subject }, value: expiresMs / 1000 };
        }
      }
    },
  },
  {
    name: "suiro_plugin_running",
    type: "gauge",
    unit: "",
    labels: PLUGIN_LABELS,
    help: "1 while the plugin runs. Plugins inside others are not listed.",
    *collect({ plugins }) {
      for (const plugin of plugins) {
        if (plugin.owner === undefined) yield { labels: labelsOf(plugin), value: Number(plugin.isRunning) };
      }
    },
  },
  ...processEntries(),
];

/** The families that have values now. */
export function catalogueFamilies(source: CatalogueSource): MetricFamily[] {
  return CATALOGUE.flatMap(({ name, type, help, collect }) => {
    const samples = [...collect(source)].map((sample) => ({
      ...sample,
      labels: { ...sample.labels, ...source.labels },
    }));
    return samples.length === 0 ? [] : [{ name, type, help, samples }];
  });
}

function counterEntry(name: CounterName): CatalogueEntry {
  const help = COUNTERS[name];
  const [shownName, factor] = IN_SECONDS[name] ?? [name, 1];
  return {
    name: `suiro_${shownName}_total`,
    type: "counter",
    unit: unitOf(shownName),
    labels: REASON.test(help) ? [...PLUGIN_LABELS, "reason"] : PLUGIN_LABELS,
    help,
    *collect({ plugins }) {
      for (const plugin of plugins) {
        for (const entry of plugin.counters.entries()) {
          if (entry.name !== name) continue;
          const reason = entry.reason === "" ? {} : { reason: entry.reason };
          yield { labels: { ...labelsOf(plugin), ...reason }, value: entry.value * factor };
        }
      }
    },
  };
}

function histogramEntry(name: HistogramName): CatalogueEntry {
  const metric = `suiro_${name}`;
  return {
    name: metric,
    type: "histogram",
    unit: "seconds",
    labels: [...PLUGIN_LABELS, "le"],
    help: HISTOGRAMS[name],
    *collect({ plugins }) {
      for (const plugin of plugins) {
        const histogram = plugin.counters.histograms().get(name);
        if (histogram) yield* bucketSamples(metric, labelsOf(plugin), histogram);
      }
    },
  };
}

function* bucketSamples(name: string, labels: Sample["labels"], { counts, sum }: Histogram): Iterable<Sample> {
  let below = 0;
  for (const [index, count] of counts.entries()) {
    below += count;
    yield { metricName: `${name}_bucket`, labels: { ...labels, le: BUCKETS[index] ?? "+Inf" }, value: below };
  }
  yield { metricName: `${name}_sum`, labels, value: sum };
  yield { metricName: `${name}_count`, labels, value: below };
}

/** A gauge of each plugin: `read` gives undefined where there is nothing to tell. */
function gauge(
  name: string,
  help: string,
  labels: readonly string[],
  read: (plugin: PluginSummary, nowMs: number) => Iterable<Sample>,
): CatalogueEntry {
  return {
    name,
    type: "gauge",
    unit: unitOf(name),
    labels: [...PLUGIN_LABELS, ...labels],
    help,
    *collect({ plugins, nowMs }) {
      for (const plugin of plugins) {
        const own = labelsOf(plugin);
        for (const sample of read(plugin, nowMs)) yield { ...sample, labels: { ...own, ...sample.labels } };
      }
    },
  };
}

const plain = (value: number | undefined): Sample[] => (value === undefined ? [] : [{ labels: {}, value }]);

function bufferEntries(): CatalogueEntry[] {
  const of = (plugin: PluginSummary) => plugin.report().buffer;
  return [
    gauge("suiro_buffer_events", "Events that the buffer holds.", [], (plugin) => plain(of(plugin)?.events)),
    gauge("suiro_buffer_bytes", "Bytes that the buffer holds, by state of their chunk.", ["state"], (plugin) => {
      const buffer = of(plugin);
      if (!buffer) return [];
      return [
        { labels: { state: "stage" }, value: buffer.stageBytes },
        { labels: { state: "queue" }, value: buffer.queueBytes },
      ];
    }),
    gauge(
      "suiro_buffer_chunks",
      "Chunks that the buffer holds, by state; those aside are queued, too, and refused by their receiver.",
      ["state"],
      (plugin) => {
        const buffer = of(plugin);
        if (!buffer) return [];
        return [
          { labels: { state: "stage" }, value: buffer.stageLength },
          { labels: { state: "queue" }, value: buffer.queueLength },
          { labels: { state: "aside" }, value: buffer.asideLength },
          { labels: { state: "awaiting_ack" }, value: buffer.awaitingAck },
        ];
      },
    ),
    gauge(
      "suiro_account_events",
      "Events since the buffer's folder was first used, by state: received = delivered + held + dropped.",
      ["state"],
      (plugin) => {
        const { account } = plugin.report();
        if (!account) return [];
        const dropped = Object.values(account.dropped).reduce((sum, count) => sum + count, 0);
        const { received, delivered, held } = account;
        return Object.entries({ received, delivered, held, dropped }).map(([state, value]) => ({
          labels: { state },
          value,
        }));
      },
    ),
    gauge("suiro_buffer_limit_bytes", "What the buffer may hold at most, total_limit_size.", [], (plugin) =>
      plain(of(plugin)?.totalLimitBytes),
    ),
    gauge("suiro_buffer_memory_bytes", "Bytes of chunks that are in memory.", [], (plugin) =>
      plain(of(plugin)?.retainedBytes),
    ),
    gauge("suiro_retry_steps", "Failures in a row; 0 while delivery goes well.", [], (plugin) => {
      const buffer = of(plugin);
      return plain(buffer && (buffer.retry ? buffer.retry.steps + 1 : 0));
    }),
    gauge("suiro_retry_wait_seconds", "Seconds until the next try; 0 while none is awaited.", [], (plugin, nowMs) => {
      const buffer = of(plugin);
      return plain(buffer && (buffer.retry ? Math.max(0, buffer.retry.nextTimeMs - nowMs) / 1000 : 0));
    }),
    gauge(
      "suiro_last_delivery_timestamp_seconds",
      "Time at which the destination last took a chunk, in seconds since 1970.",
      [],
      (plugin) => plain(scaled(of(plugin)?.lastDeliveryMs, 1 / 1000)),
    ),
  ];
}

function nodeEntries(): CatalogueEntry[] {
  const nodes = (read: (node: NodeState) => number | undefined) => (plugin: PluginSummary) =>
    (plugin.report().nodes ?? []).flatMap((node) => {
      const labels = { node: node.name, host: node.host, port: node.port, standby: String(node.standby) };
      const value = read(node);
      return value === undefined ? [] : [{ labels, value }];
    });
  const labels = ["node", "host", "port", "standby"];
  return [
    gauge(
      "suiro_node_available",
      "1 while the receiver gets chunks.",
      labels,
      nodes((n) => Number(n.isAvailable)),
    ),
    gauge(
      "suiro_node_last_ack_age_seconds",
      "Seconds since the receiver acknowledged a chunk.",
      labels,
      nodes((n) => n.lastAckAgeSeconds),
    ),
  ];
}

type NodeState = NonNullable<ReturnType<PluginSummary["report"]>["nodes"]>[number];
type FileState = NonNullable<ReturnType<PluginSummary["report"]>["files"]>[number];

function fileEntries(): CatalogueEntry[] {
  const files = (read: (file: FileState) => number | undefined) => (plugin: PluginSummary) =>
    (plugin.report().files ?? []).flatMap((file) => {
      const value = read(file);
      return value === undefined ? [] : [{ labels: { path: file.path }, value }];
    });
  return [
    gauge(
      "suiro_tail_position_bytes",
      "Bytes of the file that are handed over.",
      ["path"],
      files((f) => f.position),
    ),
    gauge(
      "suiro_tail_lag_bytes",
      "Bytes of the file that are there and not handed over.",
      ["path"],
      files((f) => Math.max(0, f.byteSize - f.position)),
    ),
    gauge(
      "suiro_tail_lag_seconds",
      "Seconds since the first byte that is not handed over was seen; 0 at the end of the file.",
      ["path"],
      files((f) => f.lagSeconds),
    ),
  ];
}

/** With the names that Prometheus's own clients use. */
function processEntries(): CatalogueEntry[] {
  const one = (name: string, type: MetricType, unit: string, help: string, value: () => number): CatalogueEntry => {
    return { name, type, unit, labels: [], help, collect: () => [{ labels: {}, value: value() }] };
  };
  const cpuSeconds = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  return [
    one("process_cpu_seconds_total", "counter", "seconds", "CPU time of the process.", cpuSeconds),
    one("process_resident_memory_bytes", "gauge", "bytes", "Resident memory.", () => process.memoryUsage.rss()),
    {
      ...one("process_start_time_seconds", "gauge", "seconds", "Start of the process, in seconds since 1970.", () => 0),
      collect: ({ nowMs }) => [{ labels: {}, value: Math.round(nowMs / 1000 - process.uptime()) }],
    },
  ];
}

function unitOf(name: string): string {
  return /_(bytes|seconds|events|chunks)$/.exec(name)?.[1] ?? "";
}

function labelsOf({ id, kind, type }: PluginSummary): Record<string, string> {
  return { plugin_id: id, plugin_category: kind, type };
}

function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}
