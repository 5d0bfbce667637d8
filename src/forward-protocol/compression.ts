/**
 * Decompression of bodies that strangers send, with written limits on what may come out.
 *
 * fluentd compresses each append by itself, so a body is a row of gzip members or zstd frames. Node reads all members
 * of gzip, but of zstd only the first frame and says nothing (nodejs/node#64741): frames are read one by one.
 * Source: Forward protocol v1, "CompressedPackedForward"; fluentd 1.18 plugin/compressable.rb.
 */

import { promisify } from "node:util";
import zlib, { crc32 } from "node:zlib";
import { LimitError, MalformedError } from "../errors.ts";
import type { CompressionMethod } from "../event/event-stream.ts";
import { GZIP_TRAILER_BYTES, gzipHeaderBytes } from "../event/gzip-member.ts";
import type { MessageLimits } from "./message-limits.ts";

export type DecompressionLimits = Pick<MessageLimits, "decompressionSizeLimit" | "decompressionRatioLimit">;

/** Below this the ratio is not asked: a short run of equal lines compresses beyond any ratio. */
const RATIO_FLOOR_BYTES = 16 * 1024 * 1024;
/** What is decompressed at once, on the event loop: about 4 ms of work. More goes to zlib's threads. */
const SYNC_OUTPUT_BYTES = 1024 * 1024;
/** Of a gzip member: header, an empty block, trailer. */
const GZIP_LEAST_BYTES = 20;
/** Flags of a header that zlib judges: a checksum of the header, and those that mean nothing. */
const JUDGED_FLAGS = 0xe2;
const OUTPUT_PIECE_BYTES = 16 * 1024;
/** Log lines compress to a tenth; what tells more is read piece by piece. */
const BELIEVED_RATIO = 64;
/** More than this is measured first. */
const UNMEASURED_BYTES = 16 * 1024 * 1024;
/** Each frame of zstd costs a context of its own, about 40 µs; more of them go to the threads, too. */
const SYNC_FRAMES = 16;
/** Bodies that are decompressed on the threads at one time, in the whole process: each may take the limit twice. */
const TURNS = 2;
/** Longer input is not even tried at once. */
const SYNC_INPUT_BYTES = 128 * 1024;

/** What a body holds. */
export interface Plain {
  readonly bytes: Buffer;
  /** CRC-32 of `bytes`, where it was summed up. */
  readonly checksum?: number;
}

interface InfoOptions {
  readonly info: true;
  readonly maxOutputLength: number;
  readonly chunkSize?: number;
}
/** With `info` the result says how many bytes of the input it took. */
interface Part {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}
interface ZlibWithZstd {
  zstdDecompressSync(bytes: Buffer, options: InfoOptions): Part;
  zstdDecompress(bytes: Buffer, options: InfoOptions, done: (error: Error | null, frame: Part) => void): void;
}
const inflateRawSync = zlib.inflateRawSync as unknown as (bytes: Buffer, options: InfoOptions) => Part;

const gunzip = promisify<zlib.InputType, zlib.ZlibOptions, Buffer>(zlib.gunzip);
const zstd = "zstdDecompress" in zlib ? (zlib as unknown as ZlibWithZstd) : undefined;
const zstdDecompress = zstd && promisify(zstd.zstdDecompress);

/** Whether this Node.js can read the method: zstd came with 22.15 and 23.8. */
export function canDecompress(method: CompressionMethod): boolean {
  return method === "gzip" || zstd !== undefined;
}

/**
 * What `bytes` hold, at once where it is little, else as a promise. At most `decompressionSizeLimit` bytes come out, and
 * beyond RATIO_FLOOR_BYTES at most `decompressionRatioLimit` times their own.
 * Throws, or rejects with, LimitError beyond that and MalformedError where the bytes are no such stream.
 */
export function decompress(
  method: CompressionMethod,
  bytes: Buffer,
  { decompressionSizeLimit, decompressionRatioLimit }: DecompressionLimits,
): Plain | Promise<Plain> {
  const limit = Math.min(decompressionSizeLimit, Math.max(RATIO_FLOOR_BYTES, bytes.length * decompressionRatioLimit));
  if (bytes.length === 0) return { bytes }; // no member or frame, and so no entries
  if (bytes.length <= SYNC_INPUT_BYTES) {
    try {
      const most = Math.min(limit, SYNC_OUTPUT_BYTES);
      return method === "zstd" ? { bytes: zstdFramesSync(bytes, most) } : gunzipMembersSync(bytes, most);
    } catch (error) {
      if (!isTooLarge(error) || (limit <= SYNC_OUTPUT_BYTES && method === "gzip"))
        throw explained(error, method, limit);
    }
  }
  const work = () => (method === "zstd" ? zstdFrames(bytes, limit) : gunzipMembers(bytes, limit));
  return inTurn(work).then(
    (plain) => ({ bytes: plain }),
    (error) => Promise.reject(explained(error, method, limit)),
  );
}

/**
 * The first member is summed up here, and not once more by zlib: most bodies have one, and whoever stores what it holds
 * wants the sum, too.
 */
function gunzipMembersSync(bytes: Buffer, most: number): Plain {
  const start = gzipHeaderBytes(bytes);
  if (typeof start === "string" || ((bytes[3] as number) & JUDGED_FLAGS) !== 0) {
    return { bytes: zlib.gunzipSync(bytes, { maxOutputLength: most }) };
  }
  const options = { info: true, maxOutputLength: most, chunkSize: outputMemory(bytes, most) } as const;
  const { buffer, engine } = inflateRawSync(bytes.subarray(start), options);
  const trailer = start + engine.bytesWritten;
  const end = trailer + GZIP_TRAILER_BYTES;
  const checksum = crc32(buffer);
  const isSound =
    end <= bytes.length &&
    bytes.readUInt32LE(trailer) === checksum &&
    bytes.readUInt32LE(trailer + 4) === buffer.length;
  if (!isSound) throw new MalformedError("the body is not valid gzip: its end is missing, or says something else");
  if (end === bytes.length || bytes[end] === 0) return { bytes: buffer, checksum }; // zeros may fill a body up
  const rest = zlib.gunzipSync(bytes.subarray(end), { maxOutputLength: Math.max(most - buffer.length, 1) });
  if (buffer.length + rest.length > most) throw tooLarge();
  return { bytes: Buffer.concat([buffer, rest]) };
}

/**
 * Memory for the output in one piece, where the body tells its size: with Node's pieces of 16 KiB, which are joined
 * later, 200 KB take 1.6 times as long. The size comes from a stranger, and stands modulo 2^32 for the last member only.
 */
function outputMemory(bytes: Buffer, most: number): number {
  const told = bytes.length < GZIP_LEAST_BYTES ? 0 : bytes.readUInt32LE(bytes.length - 4);
  return Math.max(OUTPUT_PIECE_BYTES, Math.min(told + 1, most, bytes.length * BELIEVED_RATIO));
}

const waiting: (() => void)[] = [];
let running = 0;

/** Runs `work` when fewer than TURNS others run, in the order of the calls. */
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running === TURNS) await new Promise<void>((resolve) => waiting.push(resolve));
  else running += 1;
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}

/** What is large is measured before it is collected: a bomb shall not hold all that the limit allows. */
async function gunzipMembers(bytes: Buffer, limit: number): Promise<Buffer> {
  const most = Math.min(limit, UNMEASURED_BYTES);
  try {
    return await gunzip(bytes, { maxOutputLength: most });
  } catch (error) {
    if (!isTooLarge(error) || most === limit) throw error;
  }
  let total = 0;
  const stream = zlib.createGunzip();
  stream.end(bytes);
  for await (const block of stream) {
    total += (block as Buffer).length;
    if (total > limit) throw tooLarge(); // which ends the stream, too
  }
  return gunzip(bytes, { maxOutputLength: limit });
}

function zstdFramesSync(bytes: Buffer, limit: number): Buffer {
  if (!zstd) throw withoutZstd();
  const frames: Buffer[] = [];
  let room = limit;
  for (let position = 0; position < bytes.length; ) {
    const options = { info: true, maxOutputLength: Math.max(room, 1) } as const;
    const { buffer, engine } = zstd.zstdDecompressSync(bytes.subarray(position), options);
    position += frameLength(engine.bytesWritten);
    room = roomAfter(room, buffer);
    if (frames.push(buffer) > SYNC_FRAMES) throw tooLarge();
  }
  return frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames);
}

async function zstdFrames(bytes: Buffer, limit: number): Promise<Buffer> {
  if (!zstdDecompress) throw withoutZstd();
  const frames: Buffer[] = [];
  let room = limit;
  for (let position = 0; position < bytes.length; ) {
    const options = { info: true, maxOutputLength: Math.max(room, 1) } as const;
    const { buffer, engine } = await zstdDecompress(bytes.subarray(position), options);
    position += frameLength(engine.bytesWritten);
    room = roomAfter(room, buffer);
    frames.push(buffer);
  }
  return Buffer.concat(frames);
}

function frameLength(consumed: number): number {
  if (consumed <= 0) throw new MalformedError("a zstd frame takes no bytes");
  return consumed;
}

function roomAfter(room: number, frame: Buffer): number {
  if (frame.length > room) throw tooLarge();
  return room - frame.length;
}

function tooLarge(): Error {
  return Object.assign(new RangeError("too large"), { code: TOO_LARGE });
}

const TOO_LARGE = "ERR_BUFFER_TOO_LARGE";
const isTooLarge = (error: unknown) => (error as { code?: unknown }).code === TOO_LARGE;

function withoutZstd(): MalformedError {
  return new MalformedError(
    `this Node.js (${process.versions.node}) cannot read zstd: run 22.15 or newer, or let the sender use gzip`,
  );
}

function explained(error: unknown, method: CompressionMethod, limit: number): Error {
  if (error instanceof MalformedError) return error;
  if (isTooLarge(error)) return new LimitError(`the ${method} body holds more than ${limit} bytes`);
  return new MalformedError(`the body is not valid ${method}`, { cause: error });
}
