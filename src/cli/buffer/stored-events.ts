/** The events of a stored chunk: counted, or one by one, or as JSON lines. */

import type { Chunk } from "../../buffer/chunk.ts";
import { readPlain } from "../../buffer/compression.ts";
import { type EntriesFound, findEntries } from "../../buffer/torn-tail.ts";
import { ByteWriter } from "../../event/byte-writer.ts";
import { writeJson } from "../../event/json.ts";
import { containerHeader } from "../../event/msgpack-header.ts";
import { INCOMPLETE, isMapType, isTimeAt, readUint32, skip, skipValue } from "../../event/walker.ts";
import type { StoredChunk } from "./stored-chunks.ts";

/** What one member of a compressed chunk may hold. */
const MEMBER_LIMIT_BYTES = 1024 * 1024 * 1024;

/** Counts whole events, and says what stands behind them. */
export function countEvents(stored: StoredChunk): Promise<EntriesFound> {
  return findEntries(stored.read(), stored.compression, MEMBER_LIMIT_BYTES);
}

/** Decompressed, in blocks. Throws MalformedError. */
export function plainBytes(stored: StoredChunk): AsyncIterable<Buffer> {
  return readPlain({
    id: stored.id,
    metadata: { tag: stored.tag, timekey: undefined, variables: undefined, sequence: 0 },
    size: stored.size ?? 0,
    byteSize: stored.byteSize,
    compression: stored.compression,
    createdAt: 0,
    modifiedAt: 0,
    blocks: () => undefined,
    read: () => stored.read(),
  } satisfies Chunk);
}

/**
 * A JSON line for each value: `{"tag":…,"time":…,"record":…}`, or `{"tag":…,"invalid":…}` for what is no event. A chunk
 * that holds text, as out_file's do, gives `{"tag":…,"text":…}` for each line.
 */
export async function* jsonLines(stored: StoredChunk): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  let isText: boolean | undefined;
  for await (const block of plainBytes(stored)) {
    rest = rest.length === 0 ? block : Buffer.concat([rest, block]);
    isText ??= rest[0] !== 0x92 && stored.state !== "quarantined";
    const lines = isText ? textLines(rest) : entryLines(rest);
    for (const line of lines.found) yield withTag(stored.tag, line);
    rest = Buffer.from(rest.subarray(lines.end));
  }
  if (rest.length === 0) return;
  if (isText) yield withTag(stored.tag, `"text":${JSON.stringify(rest.toString())}`);
  else yield withTag(stored.tag, `"torn":${rest.length}`);
}

interface Lines {
  readonly found: string[];
  /** Behind the last whole one. */
  readonly end: number;
}

function entryLines(bytes: Buffer): Lines {
  const found: string[] = [];
  let position = 0;
  while (position < bytes.length) {
    const next = skipValue(bytes, position, bytes.length);
    if (next === INCOMPLETE) break;
    found.push(entryLine(bytes, position, next));
    position = next;
  }
  return { found, end: position };
}

function textLines(bytes: Buffer): Lines {
  const found: string[] = [];
  let position = 0;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, position)) {
    found.push(`"text":${JSON.stringify(bytes.toString("utf8", position, end))}`);
    position = end + 1;
  }
  return { found, end: position };
}

function entryLine(bytes: Buffer, start: number, end: number): string {
  const time = start + containerHeader(bytes[start] as number);
  if (bytes[start] !== 0x92 || !isTimeAt(bytes, time)) return `"invalid":${json(bytes, start, end)}`;
  const record = skip(bytes, time, end);
  if (!isMapType(bytes[record] as number)) return `"invalid":${json(bytes, start, end)}`;
  return `"time":${timeText(bytes, time, record)},"record":${json(bytes, record, end)}`;
}

/** ISO 8601 with all nanoseconds; an integer stays one. */
function timeText(bytes: Buffer, start: number, end: number): string {
  const header = bytes[start] === 0xd7 ? 2 : bytes[start] === 0xc7 ? 3 : 0;
  if (header === 0) return json(bytes, start, end);
  const seconds = new Date(readUint32(bytes, start + header) * 1000).toISOString().slice(0, 19);
  return `"${seconds}.${String(readUint32(bytes, start + header + 4)).padStart(9, "0")}Z"`;
}

function json(bytes: Buffer, start: number, end: number): string {
  const writer = new ByteWriter((end - start) * 2);
  writeJson(writer, bytes, start, end);
  return writer.view().toString();
}

function withTag(tag: string | undefined, rest: string): string {
  return `{"tag":${tag === undefined ? "null" : JSON.stringify(tag)},${rest}}\n`;
}
