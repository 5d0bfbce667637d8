/** Takes values out of the bytes of a record, at any depth, and copies chosen fields, without decoding it. */

import { ByteWriter } from "./byte-writer.ts";
import { arrayLength, containerHeader, isArrayType } from "./msgpack-header.ts";
import { writeArrayHeader, writeMapHeader, writeString } from "./msgpack-writer.ts";
import { ABSENT, findField, isKey, mapSize, mapStart } from "./record-fields.ts";
import { type FieldPath, findPath } from "./record-reader.ts";
import { isMapType, skipValue } from "./walker.ts";

/** The record without the value at `path`: the same bytes where there is none, else bytes of the caller's own. */
export function withoutPath(record: Buffer, path: FieldPath): Buffer {
  const last = path.at(-1);
  const parent = findPath(record, 0, path.slice(0, -1));
  if (parent === ABSENT || last === undefined) return record;
  const type = record[parent] as number;
  if (typeof last === "number") return isArrayType(type) ? withoutElement(record, parent, last) : record;
  return isMapType(type) ? withoutFields(record, [last], parent) : record;
}

/** Takes the values at these paths out of records, one after the other. */
export class RecordRemoval {
  readonly #paths: readonly FieldPath[];
  /** Undefined where a path leads deeper than to a field of the record. */
  readonly #names: readonly Buffer[] | undefined;

  constructor(paths: readonly FieldPath[]) {
    const names = paths.flatMap(([name, ...rest]) => (rest.length === 0 && Buffer.isBuffer(name) ? [name] : []));
    this.#paths = paths;
    this.#names = names.length < paths.length ? undefined : names;
  }

  /** The record without them: the same bytes where there are none, else bytes of the caller's own. */
  of(record: Buffer): Buffer {
    if (!this.#names) return this.#paths.reduce(withoutPath, record);
    return this.#names.length > 0 && isMapType(record[0] as number) ? withoutFields(record, this.#names) : record;
  }

  /** Writes what `of` gives. */
  write(target: ByteWriter, record: Buffer): void {
    if (!this.#names?.length || !isMapType(record[0] as number)) target.copy(this.of(record));
    else writeWithout(target, record, 0, pairsNamed(record, 0, this.#names));
  }
}

/** A record of those fields of `record` whose names are given, in the order of the names, which become str. */
export function onlyFields(record: Buffer, names: readonly Buffer[]): Buffer {
  const writer = new ByteWriter(record.length + 5);
  const values = names.map((name) => findField(record, 0, name));
  writeMapHeader(writer, values.filter((value) => value !== ABSENT).length);
  for (const [index, value] of values.entries()) {
    if (value === ABSENT) continue;
    writeString(writer, names[index] as Buffer);
    writer.copy(record, value, skipValue(record, value, record.length));
  }
  return writer.take();
}

/**
 * A record without the fields of these names in the map at `map`, also where one stands twice: the same bytes where there
 * is none.
 */
export function withoutFields(record: Buffer, names: readonly Buffer[], map = 0): Buffer {
  const removed = pairsNamed(record, map, names);
  if (removed.length === 0) return record;
  const writer = new ByteWriter(record.length);
  writeWithout(writer, record, map, removed);
  return writer.take();
}

/** Where each pair with one of these names begins and ends in the map at `map`. */
function pairsNamed(record: Buffer, map: number, names: readonly Buffer[]): number[] {
  const found: number[] = [];
  let key = mapStart(record, map);
  for (let left = mapSize(record, map); left > 0; left--) {
    const value = skipValue(record, key, record.length);
    const next = skipValue(record, value, record.length);
    for (const name of names) {
      if (!isKey(record, key, value, name)) continue;
      found.push(key, next);
      break;
    }
    key = next;
  }
  return found;
}

/** Writes `record` without those pairs of the map at `map`. */
function writeWithout(writer: ByteWriter, record: Buffer, map: number, removed: readonly number[]): void {
  writer.copy(record, 0, map);
  writeMapHeader(writer, mapSize(record, map) - removed.length / 2);
  let from = mapStart(record, map);
  for (let index = 0; index < removed.length; index += 2) {
    writer.copy(record, from, removed[index]);
    from = removed[index + 1] as number;
  }
  writer.copy(record, from);
}

function withoutElement(record: Buffer, array: number, index: number): Buffer {
  const count = arrayLength(record, array);
  const wanted = index < 0 ? count + index : index;
  if (wanted < 0 || wanted >= count) return record;
  let start = array + containerHeader(record[array] as number);
  for (let skipped = 0; skipped < wanted; skipped++) start = skipValue(record, start, record.length);
  const end = skipValue(record, start, record.length);
  const writer = new ByteWriter(record.length);
  writer.copy(record, 0, array);
  writeArrayHeader(writer, count - 1);
  writer.copy(record, array + containerHeader(record[array] as number), start);
  writer.copy(record, end);
  return writer.take();
}
