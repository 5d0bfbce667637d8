/** Finds fields in the bytes of a record, without decoding it. Positions are offsets into the given bytes. */

import { containerHeader, stringHeader } from "./msgpack-header.ts";
import { isMapType, readUint16, readUint32, skipValue } from "./walker.ts";

/** There is no such field, or no such form. */
export const ABSENT = -1;

/** Number of pairs of the map at `position`. */
export function mapSize(bytes: Buffer, position: number): number {
  const type = bytes[position] as number;
  if (type < 0x90) return type & 0x0f;
  return type === 0xde ? readUint16(bytes, position + 1) : readUint32(bytes, position + 1);
}

/** Position of the first key of the map at `position`. */
export function mapStart(bytes: Buffer, position: number): number {
  return position + containerHeader(bytes[position] as number);
}

/** Position of the first byte of the text of a str or bin at `position`; ABSENT for every other type. Its end is the value's. */
export function textStart(bytes: Buffer, position: number): number {
  const header = stringHeader(bytes[position] as number);
  return header === 0 ? ABSENT : position + header;
}

/** Whether the value at `position` is a bin. */
export function isBinary(bytes: Buffer, position: number): boolean {
  const type = bytes[position] as number;
  return type >= 0xc4 && type <= 0xc6;
}

/** Whether the key in `[position, end)` is the text `name`. */
export function isKey(bytes: Buffer, position: number, end: number, name: Buffer): boolean {
  const start = textStart(bytes, position);
  return start !== ABSENT && isSame(bytes, start, end, name, 0, name.length);
}

/** Whether these ranges hold the same bytes. Names are short: a call to the system would take longer than the loop. */
export function isSame(
  bytes: Buffer,
  start: number,
  end: number,
  other: Buffer,
  otherStart: number,
  otherEnd: number,
): boolean {
  if (end - start !== otherEnd - otherStart) return false;
  let at = start;
  for (let to = otherStart; at < end && bytes[at] === other[to]; to++) at++;
  return at === end;
}

/** Whether a name stands twice in the map at `position`, or may: of many fields nobody asks. */
export function mayHaveDoubles(bytes: Buffer, position: number): boolean {
  const size = mapSize(bytes, position);
  if (size > 32) return true;
  const places: number[] = [];
  let key = mapStart(bytes, position);
  for (let left = size; left > 0; left--) {
    const value = skipValue(bytes, key, bytes.length);
    for (let index = 0; index < places.length; index += 2) {
      if (isSameText(bytes, places[index] as number, places[index + 1] as number, key, value)) return true;
    }
    places.push(key, value);
    key = skipValue(bytes, value, bytes.length);
  }
  return false;
}

/** Whether the values in these ranges are one text, be it as str or as bin. */
function isSameText(bytes: Buffer, start: number, end: number, otherStart: number, otherEnd: number): boolean {
  const text = textStart(bytes, start);
  const other = textStart(bytes, otherStart);
  return text !== ABSENT && other !== ABSENT && isSame(bytes, text, end, bytes, other, otherEnd);
}

/** Position of the value of the field `name` in the record at `position`; of equal keys the last one counts. */
export function findField(bytes: Buffer, position: number, name: Buffer): number {
  if (!isMapType(bytes[position] as number)) return ABSENT;
  let found = ABSENT;
  let key = mapStart(bytes, position);
  for (let left = mapSize(bytes, position); left > 0; left--) {
    const value = skipValue(bytes, key, bytes.length);
    if (isKey(bytes, key, value, name)) found = value;
    key = skipValue(bytes, value, bytes.length);
  }
  return found;
}
