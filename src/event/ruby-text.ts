/**
 * Values as Ruby prints them, from msgpack bytes: what fluentd's text formatters write where a value is no string.
 * Source: Ruby 3.1 `to_s` and `inspect`.
 */

import { floatText } from "../config/ruby/float-text.ts";
import { bytesText, inspectBytes, inspectText, NAMED_CONTROLS } from "../config/ruby/text.ts";
import { RubyTime } from "../config/ruby/time.ts";
import { ByteWriter, stopBytes } from "./byte-writer.ts";
import { writeJsonAt } from "./json.ts";
import { arrayLength, containerHeader, isArrayType, stringHeader } from "./msgpack-header.ts";
import { ABSENT, isBinary, mapSize, mapStart, textStart } from "./record-fields.ts";
import type { TextJoin } from "./text-join.ts";
import { nanosecondsAt, secondsAt } from "./time-at.ts";
import { isMapType, isTimeAt, skipValue } from "./walker.ts";

/** Adds `to_s` of the value at `position`; texts keep what they are, letters or bytes. */
export function joinRubyText(join: TextJoin, bytes: Buffer, position: number): void {
  const start = textStart(bytes, position);
  if (start !== ABSENT) {
    join.add(bytes.subarray(start, skipValue(bytes, position, bytes.length)), isBinary(bytes, position));
    return;
  }
  const text = new ByteWriter(64);
  writeRubyText(text, bytes, position);
  join.add(text.view(), false);
}

/**
 * `to_s` of the value at `position`: text as it is, nil as nothing, an event time as its seconds, hashes and arrays as
 * `inspect` shows them. Returns the position behind it.
 */
export function writeRubyText(target: ByteWriter, bytes: Buffer, position: number): number {
  const type = bytes[position] as number;
  if (type === 0xc0) return position + 1;
  if (isExtension(type)) return writeJsonAt(target, bytes, position);
  const header = stringHeader(type);
  if (header === 0) return writeInspect(target, bytes, position);
  const end = skipValue(bytes, position, bytes.length);
  target.copy(bytes, position + header, end);
  return end;
}

/** `inspect` of the value at `position`; returns the position behind it. */
export function writeInspect(target: ByteWriter, bytes: Buffer, position: number): number {
  const type = bytes[position] as number;
  const header = stringHeader(type);
  if (header > 0) return writeQuoted(target, bytes, position, header);
  if (isMapType(type)) return writeHash(target, bytes, position);
  if (isArrayType(type)) return writeArray(target, bytes, position);
  if (type === 0xca || type === 0xcb) return writeFloat(target, bytes, position);
  if (isExtension(type) && isTimeAt(bytes, position)) return writeTime(target, bytes, position);
  if (type !== 0xc0) return writeJsonAt(target, bytes, position);
  target.text("nil");
  return position + 1;
}

function writeHash(target: ByteWriter, bytes: Buffer, position: number): number {
  let next = mapStart(bytes, position);
  target.text("{");
  for (let index = 0, count = mapSize(bytes, position); index < count; index++) {
    if (index > 0) target.text(", ");
    next = writeInspect(target, bytes, next);
    target.text("=>");
    next = writeInspect(target, bytes, next);
  }
  target.text("}");
  return next;
}

function writeArray(target: ByteWriter, bytes: Buffer, position: number): number {
  const count = arrayLength(bytes, position);
  let next = position + containerHeader(bytes[position] as number);
  target.text("[");
  for (let index = 0; index < count; index++) {
    if (index > 0) target.text(", ");
    next = writeInspect(target, bytes, next);
  }
  target.text("]");
  return next;
}

function writeFloat(target: ByteWriter, bytes: Buffer, position: number): number {
  const isDouble = bytes[position] === 0xcb;
  target.text(floatText(isDouble ? bytes.readDoubleBE(position + 1) : bytes.readFloatBE(position + 1)));
  return position + (isDouble ? 9 : 5);
}

/** Of the forms that an event time may have. */
const isExtension = (type: number) => type === 0xd7 || type === 0xc7;

function writeTime(target: ByteWriter, bytes: Buffer, position: number): number {
  const end = skipValue(bytes, position, bytes.length);
  target.text(new RubyTime(secondsAt(bytes, position, end), nanosecondsAt(bytes, position)).shown);
  return end;
}

/** How signs of ASCII show in texts and in bytes. */
const ESCAPES = new Map(
  Object.entries({ '"': '\\"', "\\": "\\\\", ...NAMED_CONTROLS }).map(([sign, shown]) => [sign.charCodeAt(0), shown]),
);
/** Letters of ASCII show as they are, but for `#`, which may begin an interpolation. */
const NOT_PLAIN = stopBytes((byte) => byte < 0x20 || byte > 0x7e || ESCAPES.has(byte) || byte === 0x23);

/** The str or bin at `position`, whose content is behind a header of so many bytes, in double quotes. */
function writeQuoted(target: ByteWriter, bytes: Buffer, position: number, header: number): number {
  const end = skipValue(bytes, position, bytes.length);
  target.text('"');
  let at = target.copyUntil(NOT_PLAIN, bytes, position + header, end);
  while (at < end) {
    const escape = ESCAPES.get(bytes[at] as number);
    if (escape === undefined) {
      const rest = bytesText(bytes, at, end);
      target.text((isBinary(bytes, position) ? inspectBytes(rest) : inspectText(rest)).slice(1));
      return end;
    }
    target.text(escape);
    at = target.copyUntil(NOT_PLAIN, bytes, at + 1, end);
  }
  target.text('"');
  return end;
}
