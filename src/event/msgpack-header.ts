/** What the first bytes of a msgpack value say about its content. Positions are offsets into the given bytes. */

import { readUint16, readUint32 } from "./walker.ts";

/** Bytes before the content of a str or bin that starts with the byte `type`; 0 when it is neither. */
export function stringHeader(type: number): number {
  if (type >= 0xa0 && type < 0xc0) return 1;
  if (type === 0xd9 || type === 0xc4) return 2;
  if (type === 0xda || type === 0xc5) return 3;
  return type === 0xdb || type === 0xc6 ? 5 : 0;
}

/** Bytes before the elements of an array or map. */
export function containerHeader(type: number): number {
  if (type < 0xa0) return 1;
  return type === 0xdc || type === 0xde ? 3 : 5;
}

export function isArrayType(type: number): boolean {
  return (type >= 0x90 && type < 0xa0) || type === 0xdc || type === 0xdd;
}

/** Declared elements of the array at `position`. */
export function arrayLength(bytes: Buffer, position: number): number {
  const type = bytes[position] as number;
  if (type < 0xa0) return type & 0x0f;
  return type === 0xdc ? readUint16(bytes, position + 1) : readUint32(bytes, position + 1);
}
