/**
 * What telegraf's input `fluentd` makes of an endpoint: a GET with a limit of time, status 200, JSON into typed fields
 * without regard to the case of their names, one measurement for each plugin that has a number. A field of another type
 * than is expected spoils the whole answer. Source: telegraf of August 2026,
 * plugins/inputs/fluentd/fluentd.go.
 */

const TEXTS = ["plugin_id", "type", "plugin_category"] as const;
const NUMBERS = [
  "retry_count",
  "buffer_queue_length",
  "buffer_total_queued_size",
  "rollback_count",
  "emit_records",
  "emit_size",
  "emit_count",
  "write_count",
  "slow_flush_count",
  "flush_time_count",
  "buffer_stage_length",
  "buffer_stage_byte_size",
  "buffer_queue_byte_size",
  "buffer_available_buffer_space_ratios",
];
const RESPONSE_TIMEOUT_MS = 4000;

export interface TelegrafMetric {
  readonly tags: Readonly<Record<"plugin_id" | "plugin_category" | "plugin_type", string>>;
  readonly fields: Readonly<Record<string, number>>;
}

/** Throws where telegraf would log an error and gather nothing. */
export async function gatherAsTelegraf(endpoint: string, exclude: readonly string[] = []): Promise<TelegrafMetric[]> {
  const response = await fetch(endpoint, {
    headers: { "User-Agent": "Go-http-client/1.1", "Accept-Encoding": "gzip" },
    signal: AbortSignal.timeout(RESPONSE_TIMEOUT_MS),
  });
  const body = await response.text();
  if (response.status !== 200) throw new Error("http status ok not met");
  const root = objectOf(JSON.parse(body), "the answer");
  const plugins = root.plugins ?? [];
  if (!Array.isArray(plugins)) throw new Error("problem with parsing: plugins is no array");
  return plugins.map(metricOf).filter(({ tags, fields }) => {
    return !exclude.includes(tags.plugin_type) && Object.keys(fields).length > 0;
  });
}

function metricOf(plugin: unknown): TelegrafMetric {
  const values = objectOf(plugin ?? {}, "a plugin");
  const [id, type, category] = TEXTS.map((name) => valueOf(values, name, "string") ?? "");
  const fields = NUMBERS.flatMap((name) => {
    const value = valueOf(values, name, "number");
    return value === undefined ? [] : [[name, value]];
  });
  const tags = { plugin_id: id, plugin_category: category, plugin_type: type } as TelegrafMetric["tags"];
  return { tags, fields: Object.fromEntries(fields) };
}

/** Go takes `Retry_Count` for `retry_count`, too; the last one of several wins. */
function valueOf(values: Record<string, unknown>, name: string, type: "string" | "number"): unknown {
  let found: unknown;
  for (const [key, value] of Object.entries(values)) {
    if (key.toLowerCase() !== name || value === null) continue;
    if (typeof value !== type) throw new Error(`problem with parsing: ${key} is ${JSON.stringify(value)}`);
    found = value;
  }
  return found;
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error(`problem with parsing: ${what} is ${JSON.stringify(value)}`);
  }
  return value as Record<string, unknown>;
}
