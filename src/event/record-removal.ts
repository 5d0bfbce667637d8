/** Takes values out of the bytes of a record, at any depth, and copies chosen fields, without decoding it. */

import { ByteWriter } from "./byte-writer.ts";
import { arrayLength, containerHeader, isArrayType } from "./msgpack-header.ts";
import { writeArrayHeader, writeMapHeader } from "./msgpack-writer.ts";
import { ABSENT, isKey, mapSize, mapStart } from "./record-fields.ts";
import { type FieldPath, findPath } from "./record-reader.ts";
import { isMapType, skipValue } from "./walker.ts";

/** The record without the value at `path`: the same bytes where there is none, else bytes of the caller's own. */
export function withoutPath(record: Buffer, path: FieldPath): Buffer {
  const last = path.at(-1);
  const parent = findPath(record, 0, path.slice(0, -1));
  if (parent === ABSENT || last === undefined) return record;
  const type = record[parent] as number;
  if (typeof last === "number") return isArrayType(type) ? withoutElement(record, parent, last) : record;
  return isMapType(type) ? withoutField(record, parent, last) : record;
}

/** A record of those fields of `record` whose names are given, in the order of the names. */
export function onlyFields(record: Buffer, names: readonly Buffer[]): Buffer {
  const writer = new ByteWriter(record.length + 5);
  const values = names.map((name) => findPath(record, 0, [name]));
  writeMapHeader(writer, values.filter((value) => value !== ABSENT).length);
  for (const [index, value] of values.entries()) {
    if (value === ABSENT) continue;
    writer.copy(record, keyBefore(record, names[index] as Buffer), skipValue(record, value, record.length));
  }
  return writer.take();
}

function keyBefore(record: Buffer, name: Buffer): number {
  let key = mapStart(record, 0);
  for (;;) {
    const value = skipValue(record, key, record.length);
    if (isKey(record, key, value, name)) return key;
    key = skipValue(record, value, record.length);
  }
}

function withoutField(record: Buffer, map: number, name: Buffer): Buffer {
  const count = mapSize(record, map);
  let key = mapStart(record, map);
  for (let left = count; left > 0; left--) {
    const value = skipValue(record, key, record.length);
    const next = skipValue(record, value, record.length);
    if (isKey(record, key, value, name)) {
      const rest = spliced(record, map, count - 1, key, next, writeMapHeader);
      // A map of the wire may hold a name twice.
      return withoutField(rest, map, name);
    }
    key = next;
  }
  return record;
}

function withoutElement(record: Buffer, array: number, index: number): Buffer {
  const count = arrayLength(record, array);
  const wanted = index < 0 ? count + index : index;
  if (wanted < 0 || wanted >= count) return record;
  let start = array + containerHeader(record[array] as number);
  for (let skipped = 0; skipped < wanted; skipped++) start = skipValue(record, start, record.length);
  return spliced(record, array, count - 1, start, skipValue(record, start, record.length), writeArrayHeader);
}

/** The bytes with a new header for the container, and without `[start, end)`. */
function spliced(
  record: Buffer,
  container: number,
  count: number,
  start: number,
  end: number,
  writeHeader: (writer: ByteWriter, count: number) => void,
): Buffer {
  const writer = new ByteWriter(record.length);
  writer.copy(record, 0, container);
  writeHeader(writer, count);
  writer.copy(record, container + containerHeader(record[container] as number), start);
  writer.copy(record, end);
  return writer.take();
}
