/**
 * What every buffered output accepts beside its own parameters: the sections `<buffer>` and `<secondary>`, and the flat
 * names of v0.12, which count only where no `<buffer>` stands. A buffered output spreads both into its table.
 * Source: fluentd 1.18 plugin_helper/compat_parameters.rb and plugin/output.rb; COMPAT 4.1.
 */

import { bool, enumeration, float, integer, size, string, time } from "../config/literals.ts";
import { type ConfigOf, raw, section } from "../config/parameters.ts";

export const bufferedParameters = {
  buffer_type: string.optional("Older name of <buffer> @type."),
  buffer_path: string.optional("Older name of <buffer> path."),
  num_threads: integer.optional("Older name of <buffer> flush_thread_count."),
  flush_interval: time.optional("Older place of <buffer> flush_interval; sets flush_mode interval."),
  try_flush_interval: float.optional("Older name of <buffer> flush_thread_interval."),
  queued_chunk_flush_interval: float.optional("Older name of <buffer> flush_thread_burst_interval."),
  disable_retry_limit: bool.optional("Older name of <buffer> retry_forever."),
  retry_limit: integer.optional("Older name of <buffer> retry_max_times."),
  max_retry_wait: time.optional("Older name of <buffer> retry_max_interval."),
  buffer_chunk_limit: size.optional("Older name of <buffer> chunk_limit_size."),
  buffer_queue_limit: integer.optional("Older name of <buffer> queue_limit_length."),
  buffer_queue_full_action: enumeration("exception", "throw_exception", "block", "drop_oldest_chunk").optional(
    "Older name of <buffer> overflow_action.",
  ),
  flush_at_shutdown: bool.optional("Older place of <buffer> flush_at_shutdown."),
  time_slice_format: string.optional("Older way to set the chunk key time: timekey is its finest of %S, %M, %H, %d."),
  time_slice_wait: time.optional("Older name of <buffer> timekey_wait."),
  timezone: string.optional("Older name of <buffer> timekey_zone."),
  utc: bool.optional("Older name of <buffer> timekey_use_utc."),
  localtime: bool.optional("Older opposite of <buffer> timekey_use_utc."),
  slow_flush_log_threshold: float.default("Seconds above which one flush is logged as slow.", 20),
};

/** The elements themselves: the buffered output reads them. */
export const bufferedSections = { buffer: raw, secondary: raw };

const bufferedTable = section(bufferedParameters, bufferedSections);

/** What the configuration of every buffered output holds. */
export type BufferedConfig = ConfigOf<typeof bufferedTable>;
