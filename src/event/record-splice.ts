/**
 * Puts fields into the bytes of a record without decoding it: the map's header counts up, the fields go behind the
 * others. A field that is there already gets the new value in its place, as a Ruby hash does.
 */

import type { ByteWriter } from "./byte-writer.ts";
import { encode } from "./msgpack.ts";
import { writeMapHeader } from "./msgpack-writer.ts";
import { isKey, mapSize, mapStart } from "./record-fields.ts";
import { skipValue } from "./walker.ts";

const NONE: ReadonlySet<number> = new Set();

export class RecordSplice {
  readonly #names: readonly Buffer[];
  readonly #keys: readonly Buffer[];
  /** Where a name is given more than once, the value of each name: the last one, in the place of the first. */
  readonly #chosen: readonly number[] | undefined;

  /** `names` are those of the fields. */
  constructor(names: readonly string[]) {
    const distinct = [...new Set(names)];
    this.#names = distinct.map((name) => Buffer.from(name));
    this.#keys = distinct.map((name) => encode(name));
    this.#chosen = distinct.length === names.length ? undefined : distinct.map((name) => names.lastIndexOf(name));
  }

  /**
   * Writes the record at `start`, which must be whole, with `given` in it: the msgpack of each field, in the order of
   * the names. Returns the position behind the record.
   */
  write(writer: ByteWriter, bytes: Buffer, start: number, given: readonly Buffer[]): number {
    const values = this.#chosen?.map((index) => given[index] as Buffer) ?? given;
    const count = mapSize(bytes, start);
    const first = mapStart(bytes, start);
    let present = NONE as Set<number>;
    let end = first;
    for (let left = count; left > 0; left--) {
      const value = skipValue(bytes, end, bytes.length);
      const field = this.#fieldAt(bytes, end, value);
      if (field >= 0) present = present === NONE ? new Set([field]) : present.add(field);
      end = skipValue(bytes, value, bytes.length);
    }
    writeMapHeader(writer, count + values.length - present.size);
    if (present.size === 0) writer.copy(bytes, first, end);
    else this.#writePairs(writer, bytes, first, end, values);
    for (let field = 0; field < values.length; field++) {
      if (present.has(field)) continue;
      writer.copy(this.#keys[field] as Buffer);
      writer.copy(values[field] as Buffer);
    }
    return end;
  }

  #writePairs(writer: ByteWriter, bytes: Buffer, first: number, end: number, values: readonly Buffer[]): void {
    for (let key = first; key < end; ) {
      const value = skipValue(bytes, key, end);
      const next = skipValue(bytes, value, end);
      const field = this.#fieldAt(bytes, key, value);
      writer.copy(bytes, key, field < 0 ? next : value);
      if (field >= 0) writer.copy(values[field] as Buffer);
      key = next;
    }
  }

  /** Index of the field whose name is the key in `[start, end)`, or -1. */
  #fieldAt(bytes: Buffer, start: number, end: number): number {
    for (let field = 0; field < this.#names.length; field++) {
      if (isKey(bytes, start, end, this.#names[field] as Buffer)) return field;
    }
    return -1;
  }
}
