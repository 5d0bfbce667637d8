/**
 * Compression of what a chunk stores: one gzip member, or one zstd frame, per append, one behind the other, as fluentd
 * stores it. Work runs on the thread pool. Source: fluentd 1.18 compressable.rb.
 */

import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { LimitError, MalformedError } from "../errors.ts";
import type { CompressionMethod } from "../event/event-stream.ts";
import { GZIP_TRAILER_BYTES, gzipHeaderBytes } from "../event/gzip-member.ts";
import type { Chunk } from "./chunk.ts";

type Compress = (bytes: Buffer, callback: (error: Error | null, result: Buffer) => void) => void;

/** With `info` the result says how many bytes of the input it took: where the next member begins. */
type DecompressOne = (
  bytes: Buffer,
  options: { info: true; maxOutputLength: number },
  callback: (error: Error | null, result: { buffer: Buffer; engine: { bytesWritten: number } }) => void,
) => void;

/** Node has zstd from 22.15 on; the types of the oldest supported release do not know it. */
const { zstdCompress, zstdDecompress } = zlib as { zstdCompress?: Compress; zstdDecompress?: DecompressOne };
const gzip = promisify(zlib.gzip as Compress);
const inflateRaw = promisify(zlib.inflateRaw as unknown as DecompressOne);

/** Node refuses a larger limit. */
const LARGEST_OUTPUT = 2 ** 31;

/** Whether this runtime can compress and decompress with `method`. */
export function isCompressionAvailable(method: CompressionMethod): boolean {
  return method === "gzip" || zstdCompress !== undefined;
}

/** One member or frame that holds `bytes`. */
export function compress(method: CompressionMethod, bytes: Buffer): Promise<Buffer> {
  if (method === "gzip") return gzip(bytes);
  return promisify(zstdCompress as Compress)(bytes);
}

/** One gzip member or zstd frame: its stored length, and what it holds. */
export interface Member {
  readonly byteSize: number;
  readonly plain: Buffer;
}

/** The first member in `bytes`; "torn" when it does not end there, "foreign" when it is none or passes the limit. */
export async function decompressMember(
  method: CompressionMethod,
  bytes: Buffer,
  limitBytes: number,
): Promise<Member | "torn" | "foreign"> {
  const options = { info: true, maxOutputLength: Math.min(limitBytes, LARGEST_OUTPUT) } as const;
  try {
    if (method === "zstd") {
      const { buffer, engine } = await promisify(zstdDecompress as DecompressOne)(bytes, options);
      return { byteSize: engine.bytesWritten, plain: buffer };
    }
    const start = gzipHeaderBytes(bytes);
    if (typeof start === "string") return start;
    const { buffer, engine } = await inflateRaw(bytes.subarray(start), options);
    const byteSize = start + engine.bytesWritten + GZIP_TRAILER_BYTES;
    return byteSize <= bytes.length ? { byteSize, plain: buffer } : "torn";
  } catch (error) {
    return isUnexpectedEnd(error) ? "torn" : "foreign";
  }
}

function isUnexpectedEnd(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return (
    code === "Z_BUF_ERROR" || (typeof message === "string" && /unexpected end|truncated|src.*wrong/i.test(message))
  );
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
  let left = limitBytes;
  for (let rest = Buffer.concat(parts); rest.length > 0; ) {
    const frame = await decompressMember("zstd", rest, Math.min(left + 1, LARGEST_OUTPUT));
    if (typeof frame === "string") throw new MalformedError(`chunk ${chunk.id.toString("hex")} is no valid zstd`);
    left -= frame.plain.length;
    if (left < 0) throw tooLarge(chunk, limitBytes);
    rest = rest.subarray(frame.byteSize);
    yield frame.plain;
  }
}

function tooLarge(chunk: Chunk, limitBytes: number): LimitError {
  return new LimitError(`chunk ${chunk.id.toString("hex")} is larger than ${limitBytes} bytes when decompressed`);
}

function asMalformed(chunk: Chunk, error: unknown): unknown {
  const code = (error as { code?: unknown }).code;
  if (typeof code !== "string" || !/^Z_/.test(code)) return error;
  return new MalformedError(`chunk ${chunk.id.toString("hex")} is no valid ${chunk.compression}`, { cause: error });
}
