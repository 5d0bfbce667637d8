/** The table of `<buffer>`. Source: fluentd 1.18 plugin/output.rb, buffer.rb, buf_file.rb; COMPAT 4.1. */

import { bool, enumeration, float, integer, octal, size, string, time } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";

export const bufferTable = section({
  chunk_limit_size: size.optional("Bytes of one chunk; 8 MiB in memory and 256 MiB in files unless given."),
  total_limit_size: size.optional("Bytes of all chunks; 512 MiB in memory and 64 GiB in files unless given."),
  queue_limit_length: integer.optional("Chunks; sets total_limit_size to chunk_limit_size times this."),
  chunk_limit_records: integer.optional("Events of one chunk."),
  chunk_full_threshold: float.default("Share of the chunk limits from which a chunk is queued at once.", 0.95),
  queued_chunks_limit_size: integer.optional("Queued chunks above which no further ones are queued by time."),
  compress: enumeration("text", "gzip", "zstd").optional("How chunks are stored."),
  decompression_size_limit: size.default("Bytes that one chunk may have when decompressed.", 256 * 1024 ** 2),
  disable_chunk_backup: bool.default("Throw chunks away that cannot be delivered, instead of keeping a backup.", false),

  timekey: time.optional("Seconds of one slice, for the chunk key time."),
  timekey_wait: time.default("Seconds to wait for late events before a slice is flushed.", 600),
  timekey_use_utc: bool.default("Slices begin at midnight UTC.", false),
  timekey_zone: string.optional("Zone whose midnight slices begin at, such as +0900 or Asia/Tokyo; else local."),

  flush_at_shutdown: bool.optional("Deliver everything before the process ends; default true in memory only."),
  flush_mode: enumeration("default", "lazy", "interval", "immediate").default("When chunks are queued.", "default"),
  flush_interval: time.default("Seconds from a chunk's first event to its flush, in flush_mode interval.", 60),
  flush_thread_count: integer.default("Chunks that are written at the same time.", 1),
  flush_thread_interval: float.default("Seconds between checks for due chunks, at most.", 1),
  flush_thread_burst_interval: float.default("Accepted; the next queued chunk follows at once.", 1),
  delayed_commit_timeout: time.optional("Seconds to wait for the receiver's word on a chunk that was sent."),
  overflow_action: enumeration("throw_exception", "block", "drop_oldest_chunk").default(
    "What happens to an append when total_limit_size is reached.",
    "throw_exception",
  ),

  retry_forever: bool.default("Never give up.", false),
  retry_timeout: time.default("Seconds after which retrying ends.", 72 * 3600),
  retry_max_times: integer.optional("Retries after which retrying ends."),
  retry_secondary_threshold: float.default("Share of the retry limit after which <secondary> is used.", 0.8),
  retry_type: enumeration("exponential_backoff", "periodic").default("How waits grow.", "exponential_backoff"),
  retry_wait: time.default("Seconds before the first retry.", 1),
  retry_exponential_backoff_base: float.default("Each wait is the one before times this.", 2),
  retry_max_interval: time.optional("Seconds that a wait never exceeds."),
  retry_randomize: bool.default("Change each wait by up to 12.5 %.", true),

  quarantine_attempts: integer.default(
    "Suiro's own. Times that a receiver refuses a chunk, while it acknowledges others in between, after which the chunk " +
      "goes to <secondary> or to the quarantine; 0 is never.",
    10,
  ),
  quarantine_wait: time.default("Suiro's own. Seconds from the first refusal until then, at least.", 3600),
  quarantine_path: string.optional(
    "Suiro's own. Folder for chunks that their receiver refuses for good, to be looked at and sent again with " +
      "`suiro buffer`. Without it a folder named `quarantine` in root_dir, in FLUENT_BACKUP_DIR, or beside the chunks; " +
      "of a memory buffer in /tmp/fluent.",
  ),
  quarantine_size_limit: size.default(
    "Suiro's own. Bytes in that folder; when it is full such chunks stay in the buffer.",
    1024 ** 3,
  ),

  path: string.optional("Folder, or file name pattern, of the chunk files."),
  path_suffix: string.default("End of chunk file names.", ".log"),
  file_permission: octal.optional("Mode of chunk files."),
  dir_permission: octal.optional("Mode of folders that are made."),
});

export type BufferParameters = ConfigOf<typeof bufferTable>;
