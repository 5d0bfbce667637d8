/**
 * Reads single values out of a record's bytes, without decoding the record: fields by their path, and their texts.
 * Texts are what Ruby's `to_s` gives, since fluentd puts them into chunk keys and file names.
 */

import { MalformedError } from "../errors.ts";
import { ByteWriter } from "./byte-writer.ts";
import { arrayLength, containerHeader, isArrayType } from "./msgpack-header.ts";
import { ABSENT, findField, textStart } from "./record-fields.ts";
import { writeRubyText } from "./ruby-text.ts";
import { INCOMPLETE, isMapType, skipValue } from "./walker.ts";

const NIL = 0xc0;

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

/**
 * As `findPath`, where Ruby's `dig` fails: throws MalformedError at a step into what has no fields, and at a name into an
 * array.
 */
export function digPath(bytes: Buffer, position: number, path: FieldPath): number {
  let at = position;
  for (let index = 0; index < path.length; index++) {
    const step = path[index] as Buffer | number;
    const type = bytes[at] as number;
    if (index > 0 && type !== NIL && !isMapType(type) && (!isArrayType(type) || typeof step !== "number")) {
      throw new MalformedError(`the path leads on, but its value '${readText(bytes, at, bytes.length)}' has no fields`);
    }
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
  if (next === INCOMPLETE || bytes[position] === 0xc0) return null;
  const writer = new ByteWriter(64);
  writeRubyText(writer, bytes, position);
  return writer.view().toString();
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
