/** Adds fields to an entry that another parser wrote, and finds entries among several. */

import { MalformedError } from "../errors.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { isKey, mapSize, mapStart, textStart } from "../event/record-fields.ts";
import { INCOMPLETE, skipValue } from "../event/walker.ts";

/** Name and value in msgpack. */
export interface AddedField {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Writes the entry with `added` behind its fields; a field of the same name keeps its place and gets the new value. */
export function writeWithFields(writer: ByteWriter, entry: Buffer, added: readonly AddedField[]): void {
  const record = skipValue(entry, 1, entry.length);
  const fields = new ByteWriter(entry.length + 64);
  const missing = new Set(added);
  let count = mapSize(entry, record);
  let key = mapStart(entry, record);
  for (let left = count; left > 0; left--) {
    const value = skipValue(entry, key, entry.length);
    const next = skipValue(entry, value, entry.length);
    const own = added.find((field) => isKey(entry, key, value, nameOf(field)));
    fields.copy(entry, key, own ? value : next);
    if (own) {
      fields.copy(own.value);
      missing.delete(own);
    }
    key = next;
  }
  for (const field of missing) {
    fields.copy(field.key);
    fields.copy(field.value);
  }
  count += missing.size;
  writer.copy(entry, 0, record);
  writer.mapHeader(count);
  writer.copy(fields.view());
}

const nameOf = ({ key }: AddedField) => key.subarray(textStart(key, 0));

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
