/**
 * Reads single values out of a record's bytes, without decoding the record: fields by their path, and their texts.
 * Texts are what Ruby's `to_s` gives, since fluentd puts them into chunk keys and file names.
 */

import { EventTime } from "./event-time.ts";
import { decode } from "./msgpack.ts";
import { arrayLength, containerHeader, isArrayType } from "./msgpack-header.ts";
import { ABSENT, findField, textStart } from "./record-fields.ts";
import { INCOMPLETE, skipValue } from "./walker.ts";

/** Names of fields, from the outermost in, as UTF-8 bytes; a number is an index into an array. */
export type FieldPath = readonly (Buffer | number)[];

/** The position of the value at `path` in the whole value at `position`, or ABSENT; of equal keys the last one counts. */
export function findPath(bytes: Buffer, position: number, path: FieldPath): number {
  let at = position;
  for (const step of path) {
    at = typeof step === "number" ? findElement(bytes, at, step) : findField(bytes, at, step);
    if (at === ABSENT) return ABSENT;
  }
  return at;
}

/** The text of the value that starts at `position`; null for nil. */
export function readText(bytes: Buffer, position: number, end: number): string | null {
  const next = skipValue(bytes, position, end);
  const text = textStart(bytes, position);
  if (text !== ABSENT) return bytes.toString("utf8", text, next);
  const type = bytes[position];
  if (type === 0xca) return rubyFloat(bytes.readFloatBE(position + 1));
  if (type === 0xcb) return rubyFloat(bytes.readDoubleBE(position + 1));
  const value = next === INCOMPLETE ? null : decode(bytes.subarray(position, next));
  return value === null ? null : rubyInspect(value);
}

function findElement(bytes: Buffer, position: number, index: number): number {
  const type = bytes[position] as number;
  if (!isArrayType(type)) return ABSENT;
  const count = arrayLength(bytes, position);
  const wanted = index < 0 ? count + index : index;
  if (wanted < 0 || wanted >= count) return ABSENT;
  let at = position + containerHeader(type);
  for (let skipped = 0; skipped < wanted; skipped++) at = skipValue(bytes, at, bytes.length);
  return at;
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
