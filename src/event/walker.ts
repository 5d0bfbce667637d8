/**
 * Walks msgpack bytes without decoding them: boundaries, counts and shapes. About 25 times cheaper than decode and
 * encode, which is why the data path moves bytes and never objects.
 *
 * Limits: depth MAX_DEPTH; a declared element count never exceeds the bytes that are left.
 * Source: msgpack specification; Forward protocol v1, "Entry".
 */

import { LimitError, MalformedError } from "../errors.ts";

/** Containers inside containers. A record of real logs has fewer than ten; decoders behind us recurse. */
export const MAX_DEPTH = 64;

/** The value does not end before `end`. */
export const INCOMPLETE = -1;

const pending = new Int32Array(MAX_DEPTH + 1);

/**
 * Returns the position behind the value that starts at `position`, or INCOMPLETE when it would pass `end`.
 * Throws MalformedError at the byte c1, LimitError past `nestingLimit`, which is MAX_DEPTH at most.
 */
export function skipValue(bytes: Uint8Array, position: number, end: number, nestingLimit = MAX_DEPTH): number {
  let depth = 0;
  let remaining = 1;
  for (;;) {
    if (position >= end) return INCOMPLETE;
    const type = bytes[position] as number;
    const size = SIZES[type] as number;
    let children = 0;
    if (size > 0) position += size;
    else if (type === STR8 && position + 1 < end) position += 2 + (bytes[position + 1] as number);
    else if (type < 0xa0) {
      children = type < 0x90 ? (type & 0x0f) * 2 : type & 0x0f;
      position += 1;
    } else if (type < 0xdc) {
      const next = skipScalar(bytes, position, end, type);
      if (next === INCOMPLETE) return INCOMPLETE;
      position = next;
    } else {
      const wide = (type & 1) === 1; // dc array16, dd array32, de map16, df map32
      if (position + (wide ? 5 : 3) > end) return INCOMPLETE;
      children = wide ? readUint32(bytes, position + 1) : readUint16(bytes, position + 1);
      if (type >= 0xde) children *= 2;
      position += wide ? 5 : 3;
    }
    if (children > 0) {
      if (children > end - position) return INCOMPLETE;
      if (depth >= nestingLimit) throw new LimitError(`msgpack is nested deeper than ${nestingLimit} levels`);
      pending[depth++] = remaining;
      remaining = children;
    } else {
      while (--remaining === 0) {
        if (depth === 0) return position <= end ? position : INCOMPLETE;
        remaining = pending[--depth] as number;
      }
    }
  }
}

/** What most lines of logs are. */
const STR8 = 0xd9;
/**
 * Bytes of a value of each type that says by itself how long it is; 0 for the others. One look into a table instead of
 * several comparisons, whose outcome nobody foresees, takes a fifth off the walk.
 */
const SIZES = Uint8Array.from({ length: 256 }, (_, type) => {
  if (type < 0x80 || type >= 0xe0) return 1;
  if (type >= 0xa0 && type < 0xc0) return 1 + (type & 0x1f);
  const isSized = type >= 0xc0 && type <= 0xd8 && type !== 0xc1 && !(type >= 0xc4 && type <= 0xc9);
  return isSized ? skipScalar(new Uint8Array(0), 0, 0, type) : 0;
});

/** `skipValue` where the value is known to be whole. Throws MalformedError where it is not. */
export function skip(bytes: Uint8Array, position: number, end: number): number {
  const next = skipValue(bytes, position, end);
  if (next === INCOMPLETE) throw new MalformedError(`msgpack ends within a value at byte ${position} of ${end}`);
  return next;
}

/**
 * The scalars c0 to db: nil, booleans, bin, ext, floats, integers, str8 to str32. Returns the position behind the
 * scalar, which may lie past `end`; INCOMPLETE only when its length is not there yet.
 */
export function skipScalar(bytes: Uint8Array, position: number, end: number, type: number): number {
  switch (type) {
    case 0xc0: // nil
    case 0xc2: // false
    case 0xc3: // true
      return position + 1;
    case 0xcc: // uint8
    case 0xd0: // int8
      return position + 2;
    case 0xcd: // uint16
    case 0xd1: // int16
      return position + 3;
    case 0xce: // uint32
    case 0xd2: // int32
    case 0xca: // float32
      return position + 5;
    case 0xcf: // uint64
    case 0xd3: // int64
    case 0xcb: // float64
      return position + 9;
    case 0xd4: // fixext1
    case 0xd5: // fixext2
    case 0xd6: // fixext4
    case 0xd7: // fixext8
    case 0xd8: // fixext16
      return position + 2 + (1 << (type - 0xd4));
    case 0xc4: // bin8
    case 0xd9: // str8
      return position + 1 < end ? position + 2 + (bytes[position + 1] as number) : INCOMPLETE;
    case 0xc5: // bin16
    case 0xda: // str16
      return position + 2 < end ? position + 3 + readUint16(bytes, position + 1) : INCOMPLETE;
    case 0xc6: // bin32
    case 0xdb: // str32
      return position + 4 < end ? position + 5 + readUint32(bytes, position + 1) : INCOMPLETE;
    case 0xc7: // ext8
      return position + 1 < end ? position + 3 + (bytes[position + 1] as number) : INCOMPLETE;
    case 0xc8: // ext16
      return position + 2 < end ? position + 4 + readUint16(bytes, position + 1) : INCOMPLETE;
    case 0xc9: // ext32
      return position + 4 < end ? position + 6 + readUint32(bytes, position + 1) : INCOMPLETE;
    default: // c1
      throw new MalformedError("msgpack has the byte c1, which the format never uses");
  }
}

export function readUint16(bytes: Uint8Array, position: number): number {
  return ((bytes[position] as number) << 8) | (bytes[position + 1] as number);
}

export function readUint32(bytes: Uint8Array, position: number): number {
  return (readUint16(bytes, position) * 0x10000 + readUint16(bytes, position + 2)) >>> 0;
}

/** Whether a msgpack map starts with this byte. */
export function isMapType(type: number): boolean {
  return (type >= 0x80 && type < 0x90) || type === 0xde || type === 0xdf;
}

/** Whether a msgpack integer, or an EventTime in either form, starts at `position`. Nothing else is a valid time. */
export function isTimeAt(bytes: Uint8Array, position: number): boolean {
  const type = bytes[position] as number;
  if (type === 0xd7) return bytes[position + 1] === 0;
  if (type === 0xc7) return bytes[position + 1] === 8 && bytes[position + 2] === 0;
  return type < 0x80 || type >= 0xe0 || (type >= 0xcc && type <= 0xcf) || (type >= 0xd0 && type <= 0xd3);
}

/** What a walk over concatenated entries found. */
export interface EntriesWalk {
  /** Whole values found. */
  readonly count: number;
  /** Position behind the last whole value; less than `end` when the last one is torn. */
  readonly end: number;
  /** True when every value is a plain `[time, map]` whose time is an EventTime or an integer other than 0. */
  readonly plain: boolean;
}

/**
 * Walks `bytes[start, end)` as entries `[time, record]`, one behind the other, and stops behind `most` of them.
 * Throws MalformedError or LimitError; a torn last entry is no error but shows in the result.
 */
export function walkEntries(
  bytes: Uint8Array,
  start: number,
  end: number,
  most = Number.POSITIVE_INFINITY,
  nestingLimit = MAX_DEPTH,
): EntriesWalk {
  let position = start;
  let count = 0;
  let plain = true;
  while (position < end && count < most) {
    let next: number;
    if (bytes[position] === 0x92 && bytes[position + 1] === 0xd7 && bytes[position + 2] === 0x00) {
      const record = position + 11;
      if (record < end && !isMapType(bytes[record] as number)) plain = false;
      next = skipValue(bytes, record, end, nestingLimit - 1);
    } else {
      next = skipValue(bytes, position, end, nestingLimit);
      if (next !== INCOMPLETE && plain) plain = isPlainEntry(bytes, position, next);
    }
    if (next === INCOMPLETE) break;
    position = next;
    count += 1;
  }
  return { count, end: position, plain };
}

function isPlainEntry(bytes: Uint8Array, start: number, end: number): boolean {
  if (bytes[start] !== 0x92 || !isTimeAt(bytes, start + 1) || bytes[start + 1] === 0) return false;
  const record = skipValue(bytes, start + 1, end);
  return record !== INCOMPLETE && isMapType(bytes[record] as number);
}
