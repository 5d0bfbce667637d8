/**
 * The `.meta` file beside each chunk file, byte for byte as fluentd writes it.
 *
 * | bytes  | content                                                                                   |
 * |--------|-------------------------------------------------------------------------------------------|
 * | 0-1    | `c1 00`                                                                                   |
 * | 2-5    | u32 BE: length of the map                                                                 |
 * | 6-     | msgpack map: timekey, tag, variables, seq, id (bin 16), s (events), c (created), m (modified) |
 *
 * What follows the map is left over from a longer one and means nothing: the file is rewritten in place. Files from
 * before fluentd 1.0 hold the bare map. Source: fluentd 1.18 buffer/file_chunk.rb; COMPAT 4.4.
 */

import { decodeRaw, encode } from "../event/msgpack.ts";
import { INCOMPLETE, skipValue } from "../event/walker.ts";
import type { ChunkMetadata } from "./chunk.ts";
import { keptChunkId } from "./chunk-id.ts";

/** Seconds since 1970 for `createdAt` and `modifiedAt`; the rest as in Chunk. */
export interface ChunkMeta {
  readonly metadata: ChunkMetadata;
  readonly id: Buffer;
  readonly size: number;
  readonly createdAt: number;
  readonly modifiedAt: number;
}

const HEADER_BYTES = 6;

export function encodeMeta({ metadata, id, size, createdAt, modifiedAt }: ChunkMeta): Buffer {
  const map = encode({
    timekey: metadata.timekey ?? null,
    tag: metadata.tag ?? null,
    variables: metadata.variables === undefined ? null : Object.fromEntries(metadata.variables),
    seq: metadata.sequence,
    id,
    s: size,
    c: createdAt,
    m: modifiedAt,
  });
  const header = Buffer.from([0xc1, 0x00, 0, 0, 0, 0]);
  header.writeUInt32BE(map.length, 2);
  return Buffer.concat([header, map]);
}

/** What a meta file may leave out. */
export type PartialChunkMeta = Pick<ChunkMeta, "metadata" | "size"> & {
  readonly [K in "id" | "createdAt" | "modifiedAt"]: ChunkMeta[K] | undefined;
};

/** Reads a meta file; undefined when it is none. */
export function decodeMeta(bytes: Buffer): PartialChunkMeta | undefined {
  try {
    const isFramed = bytes.length > HEADER_BYTES && bytes[0] === 0xc1 && bytes[1] === 0x00;
    const start = isFramed ? HEADER_BYTES : 0;
    const end = isFramed ? Math.min(bytes.length, start + bytes.readUInt32BE(2)) : bytes.length;
    const mapEnd = skipValue(bytes, start, end);
    if (mapEnd === INCOMPLETE) return undefined;
    const map = decodeRaw(bytes.subarray(start, mapEnd));
    if (typeof map !== "object" || map === null || Array.isArray(map)) return undefined;
    return fromMap(map as Record<string, unknown>);
  } catch {
    return undefined;
  }
}

function fromMap(map: Record<string, unknown>): PartialChunkMeta {
  const { variables } = map;
  return {
    metadata: {
      timekey: integer(map.timekey),
      tag: text(map.tag) ?? undefined,
      variables:
        typeof variables === "object" && variables !== null
          ? new Map(Object.entries(variables).map(([name, value]) => [name, text(value)]))
          : undefined,
      sequence: integer(map.seq) ?? 0,
    },
    id: map.id instanceof Uint8Array && map.id.length === 16 ? keptChunkId(map.id) : undefined,
    size: Math.max(0, integer(map.s) ?? 0),
    createdAt: integer(map.c),
    modifiedAt: integer(map.m),
  };
}

function integer(value: unknown): number | undefined {
  if (typeof value !== "number" && typeof value !== "bigint") return undefined;
  const whole = Math.floor(Number(value));
  return Number.isSafeInteger(whole) ? whole : undefined;
}

/** fluentd keeps the value of a chunk key with its type; in Suiro it is a text everywhere. */
function text(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : String(value);
}
