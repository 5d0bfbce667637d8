/** Merges records without decoding them. */

import type { ByteWriter } from "./byte-writer.ts";
import { ABSENT, isSame, mapSize, mapStart, textStart } from "./record-fields.ts";
import { skipValue } from "./walker.ts";

/** The msgpack of a name, at `key` of `bytes`, and behind it the value's, from `value` to `end`. */
export interface AddedField {
  readonly bytes: Buffer;
  readonly key: number;
  readonly value: number;
  readonly end: number;
}

/** The field of these two. */
export function addedField(key: Buffer, value: Buffer): AddedField {
  const bytes = Buffer.concat([key, value]);
  return { bytes, key: 0, value: key.length, end: bytes.length };
}

/** The fields of the map at `position`. */
export function fieldsAt(bytes: Buffer, position: number): AddedField[] {
  return fieldsIn(bytes, mapStart(bytes, position), mapSize(bytes, position));
}

/** So many fields, the first of which begins at `start`. */
export function fieldsIn(bytes: Buffer, start: number, count: number): AddedField[] {
  const fields: AddedField[] = [];
  let key = start;
  for (let left = count; left > 0; left--) {
    const value = skipValue(bytes, key, bytes.length);
    const end = skipValue(bytes, value, bytes.length);
    fields.push({ bytes, key, value, end });
    key = end;
  }
  return fields;
}

/**
 * Writes the map at `position` with `added` behind its fields; a field of the same name keeps its place and gets the new
 * value: Ruby's `Hash#merge`. No name stands twice in `added`.
 */
export function writeWithFields(
  writer: ByteWriter,
  bytes: Buffer,
  position: number,
  added: readonly AddedField[],
): void {
  const size = mapSize(bytes, position);
  const first = mapStart(bytes, position);
  const given: (AddedField | undefined)[] = [];
  let expected = 0;
  let end = first;
  for (let index = 0; index < size; index++) {
    const value = skipValue(bytes, end, bytes.length);
    const found = sameNamed(bytes, end, value, added, expected);
    if (found !== ABSENT) {
      given[index] = added[found];
      expected = found + 1;
    }
    end = skipValue(bytes, value, bytes.length);
  }
  if (given.length === 0) {
    writer.mapHeader(size + added.length);
    writer.copy(bytes, first, end);
    for (const field of added) writer.copy(field.bytes, field.key, field.end);
    return;
  }
  const missing = added.filter((field) => !given.includes(field));
  writer.mapHeader(size + missing.length);
  let key = first;
  for (let index = 0; index < size; index++) {
    const value = skipValue(bytes, key, bytes.length);
    const next = skipValue(bytes, value, bytes.length);
    const field = given[index];
    writer.copy(bytes, key, field ? value : next);
    if (field) writer.copy(field.bytes, field.value, field.end);
    key = next;
  }
  for (const field of missing) writer.copy(field.bytes, field.key, field.end);
}

/**
 * Index of that one of `added` whose name is the key in `[key, end)`, or ABSENT. Records of one source have their fields in
 * one order: the one that is `expected` is looked at first.
 */
function sameNamed(bytes: Buffer, key: number, end: number, added: readonly AddedField[], expected: number): number {
  const text = textStart(bytes, key);
  const isText = text !== ABSENT;
  for (let count = 0; count < added.length; count++) {
    const index = (expected + count) % added.length;
    const { bytes: other, key: start, value } = added[index] as AddedField;
    // Most names differ in their last letter already.
    if (text !== end && bytes[end - 1] !== other[value - 1]) continue;
    const name = textStart(other, start);
    if (isText !== (name !== ABSENT)) continue;
    if (isSame(bytes, isText ? text : key, end, other, isText ? name : start, value)) return index;
  }
  return ABSENT;
}
