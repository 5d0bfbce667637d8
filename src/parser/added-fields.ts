/** Adds fields to an entry that another parser wrote, and finds entries among several. */

import { MalformedError } from "../errors.ts";
import type { ByteWriter } from "../event/byte-writer.ts";
import { type AddedField, writeWithFields } from "../event/record-merge.ts";
import { INCOMPLETE, skipValue } from "../event/walker.ts";

/** Writes the entry with `added` in its record, as `writeWithFields` does. */
export function writeEntryWithFields(writer: ByteWriter, entry: Buffer, added: readonly AddedField[]): void {
  const record = skipValue(entry, 1, entry.length);
  writer.copy(entry, 0, record);
  writeWithFields(writer, entry, record, added);
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
