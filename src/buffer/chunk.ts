/**
 * A chunk: the events of one (tag, time key, variables), gathered to be sent together. What outputs see of the buffer.
 */

import type { CompressionMethod } from "../event/event-stream.ts";
import type { BlockMemory } from "./block-memory.ts";

/** What makes a chunk: events with equal metadata go together. */
export interface ChunkMetadata {
  readonly tag: string | undefined;
  /** Start of the time slice in seconds, when `time` is a chunk key. */
  readonly timekey: number | undefined;
  /** Values of the record fields that are chunk keys, by key as configured; a missing field is null. */
  readonly variables: ReadonlyMap<string, string | null> | undefined;
  /** Counts up when one batch needed several chunks. */
  readonly sequence: number;
}

/** A chunk that is being sent. Its bytes do not change any more. */
export interface Chunk {
  /** 16 bytes, stable over retries and restarts: a receiver may know a chunk again by it. */
  readonly id: Buffer;
  readonly metadata: ChunkMetadata;
  /** Events. */
  readonly size: number;
  /** Stored bytes, compressed where `compression` says so. */
  readonly byteSize: number;
  readonly compression: "text" | CompressionMethod;
  /** The buffer's decompression_size_limit: what `readPlain` (compression.ts) gives at most. */
  readonly decompressionLimitBytes?: number;
  /** Seconds since 1970. */
  readonly createdAt: number;
  readonly modifiedAt: number;
  /** The stored bytes in order, when they are all in memory; the chunk owns them. */
  blocks(): readonly Buffer[] | undefined;
  /**
   * The stored bytes in order, from memory or streamed from disk in blocks; these come out of `memory` where that is given,
   * which may have them back. Throws BufferIoError.
   */
  read(memory?: BlockMemory): AsyncIterable<Buffer>;
}

/** The id as people and logs see it: 32 hexadecimal digits. */
export function chunkIdText(id: Buffer): string {
  return id.toString("hex");
}
