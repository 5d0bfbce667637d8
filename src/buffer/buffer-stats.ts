/** What a buffer holds, for metrics. Source: fluentd 1.18 buffer.rb `statistics`; COMPAT 6.5. */

import type { BufferChunk } from "./buffer-chunk.ts";
import type { ChunkQueue } from "./chunk-queue.ts";

export interface BufferStats {
  readonly stageLength: number;
  readonly stageBytes: number;
  readonly queueLength: number;
  /** Of the queued ones, those that their receiver refuses and that let others go first. */
  readonly asideLength: number;
  /** Queued and being sent. */
  readonly queueBytes: number;
  /** Events in the chunks that wait in the queue. */
  readonly queueEvents: number;
  readonly totalBytes: number;
  readonly totalLimitBytes: number;
  /** Events in chunks that are not purged. */
  readonly events: number;
  /** Percent of total_limit_size, one decimal. */
  readonly availableSpaceRatio: number;
  /** Bytes in memory. */
  readonly retainedBytes: number;
  /** Of the chunk key time, in seconds: each once, the oldest first. */
  readonly timekeys: readonly number[];
  /** Where the chunks lie; undefined for a memory buffer. */
  readonly folder: string | undefined;
  /** Why the disk takes no events now. */
  readonly diskFailure: string | undefined;
}

export interface BufferContent {
  readonly staged: Iterable<BufferChunk>;
  readonly queue: ChunkQueue;
  readonly totalBytes: number;
  readonly totalLimitBytes: number;
  readonly retainedBytes: number;
  readonly folder: string | undefined;
  readonly diskFailure: string | undefined;
}

export function bufferStats({
  staged,
  queue,
  totalBytes,
  totalLimitBytes,
  retainedBytes,
  folder,
  diskFailure,
}: BufferContent): BufferStats {
  let stageLength = 0;
  let stageBytes = 0;
  let events = 0;
  const timekeys = new Set<number>();
  for (const chunk of staged) {
    stageLength += 1;
    stageBytes += chunk.byteSize;
  }
  for (const { metadata, size } of [...staged, ...queue]) {
    events += size;
    if (metadata.timekey !== undefined) timekeys.add(metadata.timekey);
  }
  return {
    stageLength,
    stageBytes,
    queueLength: queue.length + queue.aside.size,
    asideLength: queue.aside.size,
    queueBytes: totalBytes - stageBytes,
    queueEvents: queue.queued.reduce((sum, { size }) => sum + size, 0),
    totalBytes,
    totalLimitBytes,
    events,
    availableSpaceRatio: Math.round((1 - totalBytes / totalLimitBytes) * 1000) / 10,
    retainedBytes,
    timekeys: [...timekeys].sort((left, right) => left - right),
    folder,
    diskFailure,
  };
}
