/**
 * The buffer parameters of v0.12, written straight into `<match>`: turned into the `<buffer>` section that they mean.
 * Source: fluentd 1.18 plugin_helper/compat_parameters.rb; COMPAT 4.1.
 */

import { ConfigElement, type ConfigParameter } from "../config/element.ts";
import { parseBool } from "../config/literals.ts";
import { ConfigError } from "../errors.ts";

/** New names of the flat ones. */
const NEW_NAMES: Readonly<Record<string, string>> = {
  buffer_type: "@type",
  buffer_path: "path",
  num_threads: "flush_thread_count",
  flush_interval: "flush_interval",
  try_flush_interval: "flush_thread_interval",
  queued_chunk_flush_interval: "flush_thread_burst_interval",
  disable_retry_limit: "retry_forever",
  retry_limit: "retry_max_times",
  max_retry_wait: "retry_max_interval",
  buffer_chunk_limit: "chunk_limit_size",
  buffer_queue_limit: "queue_limit_length",
  buffer_queue_full_action: "overflow_action",
  flush_at_shutdown: "flush_at_shutdown",
  time_slice_wait: "timekey_wait",
  timezone: "timekey_zone",
};

/** Seconds of the finest part of a `time_slice_format`. */
const SLICES = [
  ["%S", 1],
  ["%M", 60],
  ["%H", 3600],
  ["%d", 86400],
] as const;

/** The flat parameters that stand in `element`. */
export function flatBufferParameters(element: ConfigElement): ConfigParameter[] {
  return element.parameters.filter(({ key }) => key in NEW_NAMES || key === "time_slice_format");
}

/** A `<buffer>` section that says what the flat parameters of `element` say. Throws ConfigError. */
export function flatBufferElement(element: ConfigElement): ConfigElement {
  const parameters: ConfigParameter[] = [];
  for (const parameter of flatBufferParameters(element)) {
    const key = NEW_NAMES[parameter.key];
    if (!key) continue;
    const isException = key === "overflow_action" && parameter.value === "exception";
    parameters.push({ ...parameter, key, ...(isException ? { value: "throw_exception" } : {}) });
  }
  const slice = element.parameter("time_slice_format");
  if (slice) parameters.push({ ...slice, key: "timekey", value: String(sliceSeconds(slice)) }, ...useUtc(element));
  return new ConfigElement("buffer", slice ? "time" : "", element.position, parameters);
}

function sliceSeconds({ value, position }: ConfigParameter): number {
  const slice = SLICES.find(([part]) => value.includes(part));
  if (!slice) throw new ConfigError("time_slice_format only with %Y or %m is too long", position);
  return slice[1];
}

function useUtc(element: ConfigElement): ConfigParameter[] {
  const utc = element.parameter("utc");
  const local = element.parameter("localtime");
  if (utc && local) {
    throw new ConfigError("both of utc and localtime are specified, use only one of them", local.position);
  }
  const given = utc ?? local;
  if (!given) return [];
  const isUtc = (parseBool(given.value) ?? false) === (given === utc);
  return [{ ...given, key: "timekey_use_utc", value: String(isUtc) }];
}
