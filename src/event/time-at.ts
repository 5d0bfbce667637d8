/** Reads event times straight from msgpack bytes, without an object for each. */

import { decode } from "./msgpack.ts";
import { readUint16, readUint32 } from "./walker.ts";

/** Whole seconds of the time at `[start, end)`: EventTime in either form, or a number; 0 for what is no time. */
export function secondsAt(bytes: Buffer, start: number, end: number): number {
  const type = bytes[start] as number;
  if (type === 0xd7) return readUint32(bytes, start + 2);
  if (type === 0xce) return readUint32(bytes, start + 1);
  if (type === 0xc7) return readUint32(bytes, start + 3);
  if (type === 0xcd) return readUint16(bytes, start + 1);
  return type < 0x80 ? type : Math.floor(Number(decode(bytes.subarray(start, end)))) || 0;
}

/** Nanoseconds of the time at `start`; 0 for integers. */
export function nanosecondsAt(bytes: Buffer, start: number): number {
  const type = bytes[start] as number;
  if (type === 0xd7) return readUint32(bytes, start + 6);
  return type === 0xc7 ? readUint32(bytes, start + 7) : 0;
}
