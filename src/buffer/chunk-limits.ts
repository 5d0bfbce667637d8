/** How much one chunk takes. Source: fluentd 1.18 buffer.rb `chunk_size_over?`, `chunk_size_full?`. */

import type { BufferChunk } from "./buffer-chunk.ts";

export interface ChunkLimits {
  readonly chunkLimitBytes: number;
  readonly chunkLimitRecords: number | undefined;
  /** A share of the limits from which a chunk counts as full. */
  readonly chunkFullThreshold: number;
}

/** Whether so much more fits. */
export function hasRoom(chunk: BufferChunk, bytes: number, size: number, limits: ChunkLimits): boolean {
  const { chunkLimitBytes, chunkLimitRecords } = limits;
  if (chunk.byteSize + bytes > chunkLimitBytes) return false;
  return chunkLimitRecords === undefined || chunk.size + size <= chunkLimitRecords;
}

export function isFull(chunk: BufferChunk, limits: ChunkLimits): boolean {
  const { chunkLimitBytes, chunkLimitRecords, chunkFullThreshold } = limits;
  if (chunk.byteSize >= chunkLimitBytes * chunkFullThreshold) return true;
  return chunkLimitRecords !== undefined && chunk.size >= chunkLimitRecords * chunkFullThreshold;
}
