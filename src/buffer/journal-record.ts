/**
 * The records of a journal. All integers are big-endian, `f64` is a double that holds an integer.
 *
 * | bytes | content                                    |
 * |-------|--------------------------------------------|
 * | 0     | `a7`: a record begins                      |
 * | 1-4   | u32 CRC-32 of all bytes behind it          |
 * | 5     | type                                       |
 * | 6-9   | u32 length of the body                     |
 * | 10-   | body                                       |
 *
 * | type    | body                                                                                          |
 * |---------|-----------------------------------------------------------------------------------------------|
 * | `start` | u8 version; rest: what the machine calls the time since its start                             |
 * | `base`  | empty: this segment says all that earlier ones said                                           |
 * | `chunk` | u32 number, 16 bytes id, f64 bytes and u32 events that it had before, rest: its meta file     |
 * | `meta`  | u32 number, u32 events and u32 modification time: what its meta file is about to say          |
 * | `group` | f64 sequence, f64 last synced one, u32 seconds, u32 steps, steps, u32 sources, sources        |
 * | `gone`  | u32 number, u8 1 when it was delivered                                                        |
 * | `closed` | u32 number: it takes no more, whatever its name says                                         |
 *
 * | part of a group | content                                                                                      |
 * |-----------------|----------------------------------------------------------------------------------------------|
 * | step            | u32 chunk, f64 start and u32 length of the range that grew, u32 its events, u32 its CRC-32    |
 * | source          | u8 kind, u32 CRC-32, f64 and f64 share, u8 count and u32s: its chunks, u8 length and name     |
 * | … of a file     | then f64 from, u32 length, f64 settled                                                       |
 */

import { crc32 } from "node:zlib";
import { ByteWriter } from "../event/byte-writer.ts";
import type { Share, Source } from "../event/origin.ts";

export const JOURNAL_VERSION = 1;

/** A range of a chunk's bytes, as far as one commit made it grow. */
export interface RecordedStep {
  readonly chunk: number;
  readonly start: number;
  readonly end: number;
  readonly size: number;
  readonly checksum: number;
}

export interface RecordedSource {
  readonly source: Source;
  readonly share: Share;
  /** Numbers of the chunks that its events went into. */
  readonly chunks: readonly number[];
}

/** What one commit wrote: all of it counts, or nothing. */
export interface GroupRecord {
  readonly type: "group";
  readonly sequence: number;
  /** Every group up to this one was on the disk by then; below 0 when nobody waits for that. */
  readonly synced: number;
  readonly atSeconds: number;
  readonly steps: readonly RecordedStep[];
  readonly sources: readonly RecordedSource[];
}

export type JournalRecord =
  | { readonly type: "start"; readonly version: number; readonly machineStart: string }
  | { readonly type: "base" }
  | {
      readonly type: "chunk";
      readonly chunk: number;
      readonly id: Buffer;
      readonly byteSize: number;
      readonly size: number;
      readonly meta: Buffer;
    }
  | { readonly type: "meta"; readonly chunk: number; readonly size: number; readonly modifiedAt: number }
  | GroupRecord
  | { readonly type: "gone"; readonly chunk: number; readonly isDelivered: boolean }
  | { readonly type: "closed"; readonly chunk: number };

const MARKER = 0xa7;
const HEADER_BYTES = 10;
const ID_BYTES = 16;
const TYPES = ["start", "base", "chunk", "meta", "group", "gone", "closed"] as const;

/** A record longer than this is none: the longest is a group of one turn of the event loop. */
const BODY_LIMIT_BYTES = 64 * 1024 * 1024;

/** The record's bytes, valid until the next call. */
export function encodeRecord(record: JournalRecord): Buffer {
  writer.truncate(0);
  writer.byte(MARKER);
  writer.uint32(0);
  writer.byte(TYPES.indexOf(record.type));
  writer.uint32(0);
  writeBody(record);
  const bytes = writer.view();
  bytes.writeUInt32BE(bytes.length - HEADER_BYTES, 6);
  bytes.writeUInt32BE(crc32(bytes.subarray(5)), 1);
  return bytes;
}

const writer = new ByteWriter(64 * 1024);

function writeBody(record: JournalRecord): void {
  if (record.type === "start") {
    writer.byte(record.version);
    writer.latin1(record.machineStart);
  } else if (record.type === "chunk") {
    writer.uint32(record.chunk);
    writer.copy(record.id);
    writer.float64(record.byteSize);
    writer.uint32(record.size);
    writer.copy(record.meta);
  } else if (record.type === "meta") {
    writer.uint32(record.chunk);
    writer.uint32(record.size);
    writer.uint32(record.modifiedAt);
  } else if (record.type === "gone") {
    writer.uint32(record.chunk);
    writer.byte(record.isDelivered ? 1 : 0);
  } else if (record.type === "closed") writer.uint32(record.chunk);
  else if (record.type === "group") writeGroup(record);
}

function writeGroup({ sequence, synced, atSeconds, steps, sources }: GroupRecord): void {
  writer.float64(sequence);
  writer.float64(synced);
  writer.uint32(atSeconds);
  writer.uint32(steps.length);
  for (const { chunk, start, end, size, checksum } of steps) {
    writer.uint32(chunk);
    writer.float64(start);
    writer.uint32(end - start);
    writer.uint32(size);
    writer.uint32(checksum);
  }
  writer.uint32(sources.length);
  for (const { source, share, chunks } of sources) {
    const name = source.kind === "chunk" ? source.id : source.file;
    writer.byte(source.kind === "chunk" ? 0 : 1);
    writer.uint32(source.checksum);
    writer.float64(share.from);
    writer.float64(share.to);
    const count = Math.min(chunks.length, 255);
    writer.byte(count);
    for (let index = 0; index < count; index++) writer.uint32(chunks[index] as number);
    writer.byte(name.length);
    writer.latin1(name);
    if (source.kind === "chunk") continue;
    writer.float64(source.from);
    writer.uint32(source.to - source.from);
    writer.float64(source.settled);
  }
}

/** The record at `position` and where it ends; undefined where there is no whole and sound one. */
export function decodeRecord(bytes: Buffer, position: number): { record: JournalRecord; end: number } | undefined {
  if (position + HEADER_BYTES > bytes.length || bytes[position] !== MARKER) return undefined;
  const length = bytes.readUInt32BE(position + 6);
  const end = position + HEADER_BYTES + length;
  if (length > BODY_LIMIT_BYTES || end > bytes.length) return undefined;
  if (crc32(bytes.subarray(position + 5, end)) !== bytes.readUInt32BE(position + 1)) return undefined;
  const type = TYPES[bytes[position + 5] as number];
  if (!type) return undefined;
  try {
    return { record: readBody(type, new BodyReader(bytes.subarray(position + HEADER_BYTES, end))), end };
  } catch (error) {
    if (error instanceof RangeError) return undefined; // Another version's body.
    throw error;
  }
}

/** Where the next byte stands that may begin a record. */
export function nextMarker(bytes: Buffer, from: number): number {
  return bytes.indexOf(MARKER, from);
}

function readBody(type: JournalRecord["type"], body: BodyReader): JournalRecord {
  if (type === "start") return { type, version: body.byte(), machineStart: body.rest().toString("latin1") };
  if (type === "base") return { type };
  if (type === "group") return readGroup(body);
  const chunk = body.uint32();
  if (type === "meta") return { type, chunk, size: body.uint32(), modifiedAt: body.uint32() };
  if (type === "gone") return { type, chunk, isDelivered: body.byte() === 1 };
  if (type === "closed") return { type, chunk };
  return { type, chunk, id: body.bytes(ID_BYTES), byteSize: body.float64(), size: body.uint32(), meta: body.rest() };
}

function readGroup(body: BodyReader): GroupRecord {
  const sequence = body.float64();
  const synced = body.float64();
  const atSeconds = body.uint32();
  const steps: RecordedStep[] = [];
  for (let left = body.uint32(); left > 0; left--) {
    const chunk = body.uint32();
    const start = body.float64();
    steps.push({ chunk, start, end: start + body.uint32(), size: body.uint32(), checksum: body.uint32() });
  }
  const sources: RecordedSource[] = [];
  for (let left = body.uint32(); left > 0; left--) sources.push(readSource(body));
  return { type: "group", sequence, synced, atSeconds, steps, sources };
}

function readSource(body: BodyReader): RecordedSource {
  const isChunk = body.byte() === 0;
  const checksum = body.uint32();
  const share = { from: body.float64(), to: body.float64() };
  const chunks = Array.from({ length: body.byte() }, () => body.uint32());
  const name = body.bytes(body.byte()).toString("latin1");
  if (isChunk) return { source: { kind: "chunk", id: name, checksum }, share, chunks };
  const from = body.float64();
  const to = from + body.uint32();
  return { source: { kind: "file", file: name, from, to, checksum, settled: body.float64() }, share, chunks };
}

/** Reads fields one behind the other. Throws RangeError at the end. */
class BodyReader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#advance(1));
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#advance(4));
  }

  /** Of an integer. */
  float64(): number {
    const value = this.#bytes.readDoubleBE(this.#advance(8));
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no integer`);
    return value;
  }

  bytes(length: number): Buffer {
    const start = this.#advance(length);
    if (start + length > this.#bytes.length) throw new RangeError("the record ends");
    return this.#bytes.subarray(start, start + length);
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#position);
  }

  #advance(count: number): number {
    const start = this.#position;
    this.#position += count;
    return start;
  }
}
