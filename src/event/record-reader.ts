/**
 * Reads single values out of an event's bytes, without decoding the record: the time, and fields by their path.
 * Texts are what Ruby's `to_s` gives, since fluentd puts them into chunk keys and file names.
 */

import { EventTime } from "./event-time.ts";
import { decode } from "./msgpack.ts";
import { INCOMPLETE, isMapType, readUint16, readUint32, skipValue } from "./walker.ts";

/** Names of fields, from the outermost in, as UTF-8 bytes; a number is an index into an array. */
export type FieldPath = readonly (Buffer | number)[];

export const MISSING = -1;

/** The position of the value at `path` in the value that starts at `position`, or MISSING. */
export function findField(bytes: Buffer, position: number, end: number, path: FieldPath): number {
  let at = position;
  for (const step of path) {
    at = typeof step === "number" ? findElement(bytes, at, end, step) : findKey(bytes, at, end, step);
    if (at === MISSING) return MISSING;
  }
  return at;
}

/** The text of the value that starts at `position`; null for nil. */
export function readText(bytes: Buffer, position: number, end: number): string | null {
  const text = stringBounds(bytes, position);
  if (text) return bytes.toString("utf8", text.start, text.end);
  const type = bytes[position];
  if (type === 0xca) return rubyFloat(bytes.readFloatBE(position + 1));
  if (type === 0xcb) return rubyFloat(bytes.readDoubleBE(position + 1));
  const next = skipValue(bytes, position, end);
  const value = next === INCOMPLETE ? null : decode(bytes.subarray(position, next));
  return value === null ? null : rubyInspect(value);
}

/** Whole seconds of the event time that starts at `position`. */
export function readSeconds(bytes: Buffer, position: number, end: number): number {
  const type = bytes[position] as number;
  if (type === 0xd7) return readUint32(bytes, position + 2);
  if (type === 0xce) return readUint32(bytes, position + 1);
  const value = decode(bytes.subarray(position, end));
  return value instanceof EventTime ? value.seconds : Math.floor(Number(value)) || 0;
}

function findKey(bytes: Buffer, position: number, end: number, name: Buffer): number {
  const type = bytes[position] as number;
  if (!isMapType(type)) return MISSING;
  let { count, at } = container(bytes, position, type, 0x80, 0xde);
  for (; count > 0; count--) {
    const key = stringBounds(bytes, at);
    const value = key ? key.end : skipValue(bytes, at, end);
    if (key && key.end - key.start === name.length && name.compare(bytes, key.start, key.end) === 0) return value;
    at = value === INCOMPLETE ? INCOMPLETE : skipValue(bytes, value, end);
    if (at === INCOMPLETE) return MISSING;
  }
  return MISSING;
}

function findElement(bytes: Buffer, position: number, end: number, index: number): number {
  const type = bytes[position] as number;
  if (!((type >= 0x90 && type < 0xa0) || type === 0xdc || type === 0xdd)) return MISSING;
  const { count, at: first } = container(bytes, position, type, 0x90, 0xdc);
  const wanted = index < 0 ? count + index : index;
  if (wanted < 0 || wanted >= count) return MISSING;
  let at = first;
  for (let skipped = 0; skipped < wanted && at !== INCOMPLETE; skipped++) at = skipValue(bytes, at, end);
  return at === INCOMPLETE ? MISSING : at;
}

function container(bytes: Buffer, position: number, type: number, fix: number, wide16: number) {
  if (type < wide16) return { count: type - fix, at: position + 1 };
  if (type === wide16) return { count: readUint16(bytes, position + 1), at: position + 3 };
  return { count: readUint32(bytes, position + 1), at: position + 5 };
}

/** Where the bytes of a str or bin value lie; undefined for any other value. */
function stringBounds(bytes: Buffer, position: number): { start: number; end: number } | undefined {
  const type = bytes[position] as number;
  if (type >= 0xa0 && type < 0xc0) return { start: position + 1, end: position + 1 + (type & 0x1f) };
  switch (type) {
    case 0xc4: // bin8
    case 0xd9: // str8
      return { start: position + 2, end: position + 2 + (bytes[position + 1] as number) };
    case 0xc5: // bin16
    case 0xda: // str16
      return { start: position + 3, end: position + 3 + readUint16(bytes, position + 1) };
    case 0xc6: // bin32
    case 0xdb: // str32
      return { start: position + 5, end: position + 5 + readUint32(bytes, position + 1) };
    default:
      return undefined;
  }
}

/** Ruby's `inspect` of a decoded value that is no text: for numbers and containers the same as `to_s`. */
function rubyInspect(value: unknown): string {
  if (value === null || value === undefined) return "nil";
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") return Number.isInteger(value) ? integerOrFloat(value) : rubyFloat(value);
  if (value instanceof EventTime) return String(value.seconds);
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString("utf8"));
  if (Array.isArray(value)) return `[${value.map(rubyInspect).join(", ")}]`;
  if (typeof value === "object") {
    const pairs = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}=>${rubyInspect(item)}`);
    return `{${pairs.join(", ")}}`;
  }
  return String(value);
}

/** msgpack integers beyond 2^53 come as bigint: a larger number without a fraction was a float. */
function integerOrFloat(value: number): string {
  return Number.isSafeInteger(value) ? String(value) : rubyFloat(value);
}

/** `1.0e+20`, `1.0e-05`: Ruby 3.1 turns to exponents from 1e15 up and below 1e-4. */
function rubyFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude >= 1e15 || magnitude < 1e-4)) {
    const [digits = "", exponent = ""] = value.toExponential().split("e");
    const padded = exponent.slice(1).padStart(2, "0");
    return `${digits.includes(".") ? digits : `${digits}.0`}e${exponent[0]}${padded}`;
  }
  return Number.isInteger(value) ? `${value}.0` : String(value);
}
