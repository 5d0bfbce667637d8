/**
 * Values as Ruby prints them, from msgpack bytes: what fluentd's text formatters write where a value is no string.
 * Source: Ruby 3.1 `to_s` and `inspect`.
 */

import { floatText } from "../config/ruby/float-text.ts";
import { ByteWriter } from "./byte-writer.ts";
import { writeJson } from "./json.ts";
import { arrayLength, containerHeader, isArrayType } from "./msgpack-header.ts";
import { ABSENT, isBinary, mapSize, mapStart, textStart } from "./record-fields.ts";
import type { TextJoin } from "./text-join.ts";
import { isMapType, skipValue } from "./walker.ts";

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

/** `to_s` of the value at `position`: text as it is, nil as nothing, hashes and arrays as `inspect` shows them. */
export function writeRubyText(target: ByteWriter, bytes: Buffer, position: number): void {
  const start = textStart(bytes, position);
  if (start !== ABSENT) target.copy(bytes, start, skipValue(bytes, position, bytes.length));
  else if (bytes[position] !== 0xc0) writeInspect(target, bytes, position);
}

/** `inspect` of the value at `position`; returns the position behind it. */
export function writeInspect(target: ByteWriter, bytes: Buffer, position: number): number {
  const type = bytes[position] as number;
  const end = skipValue(bytes, position, bytes.length);
  const start = textStart(bytes, position);
  if (start !== ABSENT) target.copy(inspectText(bytes.subarray(start, end), isBinary(bytes, position)));
  else if (isMapType(type)) writeHash(target, bytes, position);
  else if (isArrayType(type)) writeArray(target, bytes, position);
  else if (type === 0xc0) target.text("nil");
  else if (type === 0xca) target.text(floatText(bytes.readFloatBE(position + 1)));
  else if (type === 0xcb) target.text(floatText(bytes.readDoubleBE(position + 1)));
  else writeJson(target, bytes, position, end);
  return end;
}

function writeHash(target: ByteWriter, bytes: Buffer, position: number): void {
  let next = mapStart(bytes, position);
  target.text("{");
  for (let index = 0, count = mapSize(bytes, position); index < count; index++) {
    if (index > 0) target.text(", ");
    next = writeInspect(target, bytes, next);
    target.text("=>");
    next = writeInspect(target, bytes, next);
  }
  target.text("}");
}

function writeArray(target: ByteWriter, bytes: Buffer, position: number): void {
  const count = arrayLength(bytes, position);
  let next = position + containerHeader(bytes[position] as number);
  target.text("[");
  for (let index = 0; index < count; index++) {
    if (index > 0) target.text(", ");
    next = writeInspect(target, bytes, next);
  }
  target.text("]");
}

const NAMED: Record<string, string> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\f": "\\f",
  "\v": "\\v",
  "\b": "\\b",
  "\x07": "\\a",
  "\x1b": "\\e",
};

/** A string in double quotes. Bytes that are no letters show as `\xFF`, controls as `\u0085`. */
function inspectText(bytes: Buffer, areBytes: boolean): Buffer {
  if (areBytes) return Buffer.from(`"${escapeBytes(bytes.toString("latin1"))}"`);
  const text = bytes.toString();
  if (!Buffer.from(text).equals(bytes)) return Buffer.from(`"${inspectBytes(bytes)}"`);
  return Buffer.from(`"${escapeText(text)}"`);
}

function escapeText(text: string): string {
  return text.replace(/["\\\p{Cc}\u2028\u2029]|#(?=[{$@])/gu, (found) => {
    if (found === '"' || found === "\\" || found === "#") return `\\${found}`;
    const code = found.codePointAt(0) as number;
    if (NAMED[found]) return NAMED[found];
    return `\\u${hex(code, 4)}`;
  });
}

/** Of a bin only ASCII is shown as letters. */
function escapeBytes(text: string): string {
  return text.replace(/["\\\0-\x1f\x7f-\xff]|#(?=[{$@])/g, (found) => {
    if (found === '"' || found === "\\" || found === "#") return `\\${found}`;
    return NAMED[found] ?? `\\x${hex(found.charCodeAt(0), 2)}`;
  });
}

/** Valid stretches as text, every other byte as `\xFF`. */
function inspectBytes(bytes: Buffer): string {
  let text = "";
  for (let start = 0; start < bytes.length; ) {
    const length = [1, 2, 3, 4].find((count) => isOneCharacter(bytes.subarray(start, start + count)));
    text += length ? escapeText(bytes.toString("utf8", start, start + length)) : `\\x${hex(bytes[start] as number, 2)}`;
    start += length ?? 1;
  }
  return text;
}

function isOneCharacter(bytes: Buffer): boolean {
  const text = bytes.toString();
  return [...text].length === 1 && Buffer.from(text).equals(bytes);
}

const hex = (code: number, width: number) => code.toString(16).toUpperCase().padStart(width, "0");
