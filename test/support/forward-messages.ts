/** Messages of every mode, byte by byte, for tests of the receiving side. */

import { encode } from "../../src/event/msgpack.ts";

/** Some bytes of msgpack, or a value to encode. */
export type Part = Buffer | unknown;

const bytesOf = (part: Part): Buffer => (part instanceof Buffer ? part : encode(part));

/** An array of values that are encoded already, or not yet. */
export function array(...parts: readonly Part[]): Buffer {
  const header =
    parts.length < 16 ? Buffer.from([0x90 | parts.length]) : Buffer.from([0xdc, parts.length >> 8, parts.length & 255]);
  return Buffer.concat([header, ...parts.map(bytesOf)]);
}

/** EventTime, fixext8. */
export function eventTime(seconds: number, nanoseconds = 0): Buffer {
  const bytes = Buffer.from("d7000000000000000000", "hex");
  bytes.writeUInt32BE(seconds, 2);
  bytes.writeUInt32BE(nanoseconds, 6);
  return bytes;
}

/** EventTime, ext8. */
export function longEventTime(seconds: number, nanoseconds = 0): Buffer {
  return Buffer.concat([Buffer.from("c70800", "hex"), eventTime(seconds, nanoseconds).subarray(2)]);
}

/** `[time, record]`. */
export function entry(time: Part, record: Part): Buffer {
  return array(time, record);
}

/** bin8 to bin32. */
export function bin(bytes: Buffer): Buffer {
  return encode(new Uint8Array(bytes));
}

/** str32 of these bytes, as fluentd writes bodies. */
export function str32(bytes: Buffer): Buffer {
  const header = Buffer.alloc(5, 0xdb);
  header.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([header, bytes]);
}

const withOption = (option: Part | undefined) => (option === undefined ? [] : [option]);

export function message(tag: Part, time: Part, record: Part, option?: Part): Buffer {
  return array(tag, time, record, ...withOption(option));
}

export function forward(tag: Part, entries: readonly Buffer[], option?: Part): Buffer {
  return array(tag, array(...entries), ...withOption(option));
}

export function packed(tag: Part, entries: readonly Buffer[] | Buffer, option?: Part): Buffer {
  const body = Array.isArray(entries) ? Buffer.concat(entries as Buffer[]) : (entries as Buffer);
  return array(tag, str32(body), ...withOption(option));
}

/** `{ack: chunk}`. */
export function ack(chunk: Part): Buffer {
  return Buffer.concat([Buffer.from("81a361636b", "hex"), bytesOf(chunk)]);
}
