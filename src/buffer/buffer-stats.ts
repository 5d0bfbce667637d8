/** What a buffer holds, for metrics. Source: fluentd 1.18 buffer.rb `statistics`; COMPAT 6.5. */

import type { BufferChunk } from "./buffer-chunk.ts";

export interface BufferStats {
  readonly stageLength: number;
  readonly stageBytes: number;
  readonly queueLength: number;
  /** Of the queued ones, those that their receiver refuses and that let others go first. */
  readonly asideLength: number;
  /** Queued and being sent. */
  readonly queueBytes: number;
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
}

export interface BufferContent {
  readonly staged: Iterable<BufferChunk>;
  readonly queued: readonly BufferChunk[];
  readonly aside: ReadonlySet<BufferChunk>;
  /** Being sent. */
  readonly taken: Iterable<BufferChunk>;
  readonly totalBytes: number;
  readonly totalLimitBytes: number;
  readonly retainedBytes: number;
  readonly folder: string | undefined;
}

export function bufferStats({
  staged,
  queued,
  aside,
  taken,
  totalBytes,
  totalLimitBytes,
  retainedBytes,
  folder,
}: BufferContent): BufferStats {
  let stageLength = 0;
  let stageBytes = 0;
  let events = 0;
  const timekeys = new Set<number>();
  for (const chunk of staged) {
    stageLength += 1;
    stageBytes += chunk.byteSize;
  }
  for (const { metadata, size } of [...staged, ...queued, ...aside, ...taken]) {
    events += size;
    if (metadata.timekey !== undefined) timekeys.add(metadata.timekey);
  }
  return {
    stageLength,
    stageBytes,
    queueLength: queued.length + aside.size,
    asideLength: aside.size,
    queueBytes: totalBytes - stageBytes,
    totalBytes,
    totalLimitBytes,
    events,
    availableSpaceRatio: Math.round((1 - totalBytes / totalLimitBytes) * 1000) / 10,
    retainedBytes,
    timekeys: [...timekeys].sort((left, right) => left - right),
    folder,
  };
}
