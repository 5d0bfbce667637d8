/** The plain bytes of a chunk, whatever its buffer's compression is. */

import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { Chunk } from "../buffer/chunk.ts";
import { UnrecoverableError } from "../errors.ts";

/**
 * The bytes as they were before compression, in blocks, in order; memory in use is one block of the stream. Throws
 * BufferIoError when the chunk cannot be read, UnrecoverableError when it is not what its compression says.
 */
export async function* plainBlocks(chunk: Chunk): AsyncIterable<Buffer> {
  if (chunk.compression === "text") {
    yield* storedBlocks(chunk);
    return;
  }
  if (chunk.compression !== "gzip") {
    throw new UnrecoverableError(`a chunk with compress ${chunk.compression} cannot be written as text`);
  }
  const source = Readable.from(storedBlocks(chunk), { objectMode: false });
  const plain = createGunzip();
  source.once("error", (error) => plain.destroy(error));
  try {
    for await (const block of source.pipe(plain)) yield block as Buffer;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code?.startsWith("Z_")) {
      throw new UnrecoverableError("the chunk is no valid gzip", { cause });
    }
    throw cause;
  } finally {
    source.destroy();
  }
}

/** The bytes as they are stored. */
export async function* storedBlocks(chunk: Chunk): AsyncIterable<Buffer> {
  const blocks = chunk.blocks();
  if (blocks) yield* blocks;
  else yield* chunk.read();
}
