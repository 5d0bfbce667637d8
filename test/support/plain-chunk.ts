/** Chunks that live in memory, for tests of what sends them. */

import { randomBytes } from "node:crypto";
import type { Chunk } from "../../src/buffer/chunk.ts";
import { type Event, EventStream } from "../../src/event/event-stream.ts";

export interface PlainChunkOptions {
  readonly tag?: string;
  readonly compression?: Chunk["compression"];
  /** As if the bytes were on disk: they come in blocks of this size. */
  readonly streamedBy?: number;
  readonly id?: Buffer;
}

/** A chunk of these bytes. */
export function chunkOfBytes(bytes: Buffer, size: number, options: PlainChunkOptions = {}): Chunk {
  const { tag = "test.tag", compression = "text", streamedBy, id = randomBytes(16) } = options;
  return {
    id,
    metadata: { tag, timekey: undefined, variables: undefined, sequence: 0 },
    size,
    byteSize: bytes.length,
    compression,
    createdAt: 1700000000,
    modifiedAt: 1700000000,
    blocks: () => (streamedBy === undefined ? [bytes] : undefined),
    async *read() {
      const step = streamedBy ?? bytes.length;
      for (let start = 0; start < bytes.length; start += step) yield bytes.subarray(start, start + step);
    },
  };
}

/** A chunk of these events. */
export function chunkOf(events: readonly Event[], options: PlainChunkOptions = {}): Chunk {
  const stream = EventStream.fromEvents(events);
  return chunkOfBytes(stream.packed, stream.size, options);
}
