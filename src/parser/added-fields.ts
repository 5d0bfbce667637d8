/** Adds fields to an entry that another parser wrote, and finds entries among several. */

import { MalformedError } from "../errors.ts";
import type { ByteWriter } from "../event/byte-writer.ts";
import { ABSENT, mapSize, mapStart, textStart } from "../event/record-fields.ts";
import { INCOMPLETE, skipValue } from "../event/walker.ts";

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
  const fields: AddedField[] = [];
  let key = mapStart(bytes, position);
  for (let left = mapSize(bytes, position); left > 0; left--) {
    const value = skipValue(bytes, key, bytes.length);
    const end = skipValue(bytes, value, bytes.length);
    fields.push({ bytes, key, value, end });
    key = end;
  }
  return fields;
}

/** Writes the entry with `added` behind its fields; a field of the same name keeps its place and gets the new value. */
export function writeWithFields(writer: ByteWriter, entry: Buffer, added: readonly AddedField[]): void {
  const record = skipValue(entry, 1, entry.length);
  writer.copy(entry, 0, record);
  writeRecordWithFields(writer, entry, record, added);
}

/** The same for the record alone, the map at `position`. */
export function writeRecordWithFields(
  writer: ByteWriter,
  bytes: Buffer,
  position: number,
  added: readonly AddedField[],
): void {
  const size = mapSize(bytes, position);
  const first = mapStart(bytes, position);
  const given: (AddedField | undefined)[] = [];
  let end = first;
  for (let index = 0; index < size; index++) {
    const value = skipValue(bytes, end, bytes.length);
    const field = sameNamed(bytes, end, value, added);
    if (field) given[index] = field;
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

/** That of `added` whose name is the key in `[key, end)`. */
function sameNamed(bytes: Buffer, key: number, end: number, added: readonly AddedField[]): AddedField | undefined {
  const text = textStart(bytes, key);
  if (text === ABSENT) return undefined;
  for (const field of added) {
    const name = textStart(field.bytes, field.key);
    if (name === ABSENT || field.value - name !== end - text) continue;
    let at = 0;
    while (text + at < end && bytes[text + at] === field.bytes[name + at]) at++;
    if (text + at === end) return field;
  }
  return undefined;
}

/** The entries, each as a view of the same bytes. */
export function* splitEntries(entries: Buffer): IterableIterator<Buffer> {
  for (let start = 0; start < entries.length; ) {
    const next = skipValue(entries, start, entries.length);
    if (next === INCOMPLETE) throw new MalformedError("no whole entry");
    yield entries.subarray(start, next);
    start = next;
  }
}

/** Whether the entry has a time. */
export function hasTime(entry: Buffer): boolean {
  return entry[1] !== 0xc0;
}
