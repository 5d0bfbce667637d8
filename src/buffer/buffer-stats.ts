/** What a buffer holds, for metrics. Source: fluentd 1.18 buffer.rb `statistics`; COMPAT 6.5. */

import type { BufferChunk } from "./buffer-chunk.ts";

export interface BufferStats {
  readonly stageLength: number;
  readonly stageBytes: number;
  readonly queueLength: number;
  /** Queued and being sent. */
  readonly queueBytes: number;
  readonly totalBytes: number;
  /** Percent of total_limit_size, one decimal. */
  readonly availableSpaceRatio: number;
  /** Bytes in memory. */
  readonly retainedBytes: number;
  /** Seconds; undefined without the chunk key time. */
  readonly oldestTimekey: number | undefined;
  readonly newestTimekey: number | undefined;
}

export interface BufferContent {
  readonly staged: Iterable<BufferChunk>;
  readonly queued: readonly BufferChunk[];
  readonly totalBytes: number;
  readonly totalLimitBytes: number;
  readonly retainedBytes: number;
}

export function bufferStats({
  staged,
  queued,
  totalBytes,
  totalLimitBytes,
  retainedBytes,
}: BufferContent): BufferStats {
  let stageLength = 0;
  let stageBytes = 0;
  let oldestTimekey: number | undefined;
  let newestTimekey: number | undefined;
  for (const chunk of staged) {
    stageLength += 1;
    stageBytes += chunk.byteSize;
  }
  for (const { metadata } of [...staged, ...queued]) {
    const { timekey } = metadata;
    if (timekey === undefined) continue;
    oldestTimekey = Math.min(oldestTimekey ?? timekey, timekey);
    newestTimekey = Math.max(newestTimekey ?? timekey, timekey);
  }
  return {
    stageLength,
    stageBytes,
    queueLength: queued.length,
    queueBytes: totalBytes - stageBytes,
    totalBytes,
    availableSpaceRatio: Math.round((1 - totalBytes / totalLimitBytes) * 1000) / 10,
    retainedBytes,
    oldestTimekey,
    newestTimekey,
  };
}
