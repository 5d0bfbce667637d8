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
  return start !== ABSENT && end - start === name.length && name.compare(bytes, start, end) === 0;
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
