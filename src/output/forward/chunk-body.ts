/**
 * A chunk as the body of a message: as it is stored where that is what the receiver shall get, else compressed or
 * decompressed on the way. The length must be known before the first byte is sent.
 *
 * | stored     | `compress text`        | `compress gzip`, `zstd`                             |
 * |------------|------------------------|-----------------------------------------------------|
 * | text       | as it is               | compressed, up to MAX_COMPRESSED_BYTES; else as it is |
 * | compressed | decompressed           | as it is, under its own name                        |
 *
 * Source: fluentd 1.18 out_forward.rb, `chunk.open(compressed: @compress)`.
 */

import type { BlockMemory } from "../../buffer/block-memory.ts";
import type { Chunk } from "../../buffer/chunk.ts";
import { compress as compressBytes, readPlain } from "../../buffer/compression.ts";
import type { OutgoingMessage } from "../../forward-protocol/outgoing-message.ts";

export type Compression = Chunk["compression"];
export type ChunkBody = Pick<OutgoingMessage, "byteSize" | "compressed" | "blocks" | "release">;

/** A larger chunk that is stored plain goes out plain, which every receiver takes too, rather than through memory. */
const MAX_COMPRESSED_BYTES = 64 * 1024 * 1024;

/** Decompressed bytes that are kept between measuring and sending; a larger chunk is decompressed twice instead. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

/**
 * What is read from disk as it is goes through `memory`. Throws BufferIoError, and MalformedError or LimitError for stored
 * bytes that cannot be decompressed.
 */
export async function chunkBody(chunk: Chunk, compress: Compression, memory: BlockMemory): Promise<ChunkBody> {
  const isStoredPlain = chunk.compression === "text";
  if (compress === "text" && !isStoredPlain) return plainBody(chunk);
  if (compress !== "text" && isStoredPlain && chunk.byteSize <= MAX_COMPRESSED_BYTES) {
    const bytes = await compressBytes(compress, await gather(chunk));
    return { byteSize: bytes.length, compressed: compress, blocks: () => [bytes] };
  }
  const blocks = () => chunk.blocks() ?? chunk.read(memory);
  const release = (block: Buffer) => memory.give(block);
  return { byteSize: chunk.byteSize, compressed: chunk.compression, blocks, release };
}

async function plainBody(chunk: Chunk): Promise<ChunkBody> {
  const kept: Buffer[] = [];
  let byteSize = 0;
  for await (const block of readPlain(chunk)) {
    byteSize += block.length;
    if (byteSize <= MAX_KEPT_BYTES) kept.push(block);
    else kept.length = 0;
  }
  const blocks = byteSize <= MAX_KEPT_BYTES ? () => kept : () => readPlain(chunk);
  return { byteSize, compressed: "text", blocks };
}

async function gather(chunk: Chunk): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const block of chunk.read()) parts.push(block);
  return Buffer.concat(parts);
}
