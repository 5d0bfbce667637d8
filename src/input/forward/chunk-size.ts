/** `chunk_size_limit` and `chunk_size_warn_limit`. Source: fluentd 1.18 in_forward `on_message`. */

import type { Counters } from "../../counters.ts";
import type { Logger } from "../../logger.ts";

export interface ChunkSizeRules {
  /** A larger message is dropped, and not acked. */
  readonly chunkSizeLimit: number | undefined;
  readonly chunkSizeWarnLimit: number | undefined;
}

/** Whether a message of `byteSize` bytes is to be dropped; says so, and where it is only large. */
export function isTooLarge(
  byteSize: number,
  { chunkSizeLimit: limit, chunkSizeWarnLimit: warnLimit }: ChunkSizeRules,
  tag: string | undefined,
  { host, logger, counters }: { readonly host: string; readonly logger: Logger; readonly counters: Counters },
): boolean {
  if (limit !== undefined && byteSize > limit) {
    const message = "Input chunk size is larger than 'chunk_size_limit', dropped:";
    logger.warn(message, { tag, host, limit, size: byteSize });
    counters.add("protocol_errors", 1, "chunk_size_limit");
    return true;
  }
  if (warnLimit !== undefined && byteSize > warnLimit) {
    const message = "Input chunk size is larger than 'chunk_size_warn_limit':";
    logger.warn(message, { tag, host, limit: warnLimit, size: byteSize });
  }
  return false;
}
