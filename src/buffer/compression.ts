/**
 * Compression of what a chunk stores: one gzip member, or one zstd frame, per append, one behind the other, as fluentd
 * stores it. Work runs on the thread pool. Source: fluentd 1.18 compressable.rb.
 */

import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { LimitError, MalformedError } from "../errors.ts";
import type { CompressionMethod } from "../event/event-stream.ts";
import type { Chunk } from "./chunk.ts";

/** Node has zstd from 22.15 on; the types of the oldest supported release do not know it. */
interface ZstdOfNewerNode {
  zstdCompress?(bytes: Buffer, callback: (error: Error | null, result: Buffer) => void): void;
  zstdDecompressSync?(
    bytes: Buffer,
    options: { info: true; maxOutputLength: number },
  ): { buffer: Buffer; engine: { bytesWritten: number } };
}

const { zstdCompress, zstdDecompressSync } = zlib as ZstdOfNewerNode;
const gzip = promisify(zlib.gzip as (bytes: Buffer, callback: (error: Error | null, result: Buffer) => void) => void);

/** Whether this runtime can compress and decompress with `method`. */
export function isCompressionAvailable(method: CompressionMethod): boolean {
  return method === "gzip" || zstdCompress !== undefined;
}

/** One member or frame that holds `bytes`. */
export function compress(method: CompressionMethod, bytes: Buffer): Promise<Buffer> {
  if (method === "gzip") return gzip(bytes);
  return promisify(zstdCompress as NonNullable<typeof zstdCompress>)(bytes);
}

/**
 * The plain bytes of a chunk, decompressed where it is stored compressed, in blocks. Throws LimitError past the
 * buffer's decompression_size_limit, MalformedError where the stored bytes are no gzip or zstd.
 */
export async function* readPlain(chunk: Chunk): AsyncGenerator<Buffer> {
  const limitBytes = chunk.decompressionLimitBytes ?? Number.POSITIVE_INFINITY;
  if (chunk.compression === "text") yield* chunk.read();
  else if (chunk.compression === "gzip") yield* gunzip(chunk, limitBytes);
  else yield* unzstd(chunk, limitBytes);
}

async function* gunzip(chunk: Chunk, limitBytes: number): AsyncGenerator<Buffer> {
  const stream = zlib.createGunzip();
  const feeding = feed(chunk, stream).catch((error) => void stream.destroy(error));
  let total = 0;
  try {
    for await (const block of stream as AsyncIterable<Buffer>) {
      total += block.length;
      if (total > limitBytes) throw tooLarge(chunk, limitBytes);
      yield block;
    }
  } catch (error) {
    throw asMalformed(chunk, error);
  } finally {
    stream.destroy();
    await feeding;
  }
}

async function feed(chunk: Chunk, stream: zlib.Gunzip): Promise<void> {
  for await (const block of chunk.read()) {
    if (stream.destroyed) return;
    if (!stream.write(block)) await new Promise((resolve) => stream.once("drain", resolve).once("close", resolve));
  }
  stream.end();
}

/** Frame by frame, since Node's own zstd decompression silently stops behind the first one. */
async function* unzstd(chunk: Chunk, limitBytes: number): AsyncGenerator<Buffer> {
  const parts: Buffer[] = [];
  for await (const block of chunk.read()) parts.push(block);
  let rest = Buffer.concat(parts);
  let left = limitBytes;
  while (rest.length > 0) {
    const { buffer, engine } = unzstdFrame(chunk, rest, left, limitBytes);
    left -= buffer.length;
    rest = rest.subarray(engine.bytesWritten);
    yield buffer;
  }
}

function unzstdFrame(chunk: Chunk, bytes: Buffer, left: number, limitBytes: number) {
  const decompress = zstdDecompressSync;
  if (!decompress) throw new MalformedError("this Node.js cannot read zstd; it needs 22.15 or newer");
  try {
    return decompress(bytes, { info: true, maxOutputLength: Math.min(left + 1, 2 ** 31) });
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(chunk, limitBytes);
    throw asMalformed(chunk, error);
  }
}

function tooLarge(chunk: Chunk, limitBytes: number): LimitError {
  return new LimitError(`chunk ${chunk.id.toString("hex")} is larger than ${limitBytes} bytes when decompressed`);
}

function asMalformed(chunk: Chunk, error: unknown): unknown {
  const code = (error as { code?: unknown }).code;
  if (typeof code !== "string" || !/^(Z_|ZSTD_|ERR_ZSTD)/.test(code)) return error;
  return new MalformedError(`chunk ${chunk.id.toString("hex")} is no valid ${chunk.compression}`, { cause: error });
}
