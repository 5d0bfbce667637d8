/**
 * `path_key`: the field that gets the file's path, in the entry that was just written, behind the fields that are there.
 * A record that has the field with a value keeps it. Source: fluentd 1.18 in_tail.rb, `record[@path_key] ||= path`.
 */

import type { ByteWriter } from "../../event/byte-writer.ts";
import { encode } from "../../event/msgpack.ts";
import { ABSENT, findField, mapSize, mapStart } from "../../event/record-fields.ts";
import { RecordSplice } from "../../event/record-splice.ts";
import { isMapType, skipValue } from "../../event/walker.ts";

const NIL = 0xc0;
const FALSE = 0xc2;

export class PathField {
  readonly #name: Buffer;
  readonly #key: Buffer;
  readonly #splice: RecordSplice;

  constructor(name: string) {
    this.#name = Buffer.from(name);
    this.#key = encode(name);
    this.#splice = new RecordSplice([name]);
  }

  /** Puts `value`, msgpack, into the `count` entries from `start` to the writer's end. */
  add(writer: ByteWriter, start: number, count: number, value: Buffer): void {
    if (count === 1) return this.#addToLast(writer, start, value);
    const entries = Buffer.from(writer.view().subarray(start));
    writer.truncate(start);
    for (let position = 0; position < entries.length; ) {
      const record = skipValue(entries, position + 1, entries.length);
      const end = skipValue(entries, record, entries.length);
      const copied = writer.length;
      writer.copy(entries, position, end);
      this.#addToLast(writer, copied, value);
      position = end;
    }
  }

  #addToLast(writer: ByteWriter, start: number, value: Buffer): void {
    const bytes = writer.view();
    const record = skipValue(bytes, start + 1, bytes.length);
    const type = bytes[record] as number;
    if (!isMapType(type)) return;
    const found = findField(bytes, record, this.#name);
    if (found !== ABSENT) {
      if (bytes[found] === NIL || bytes[found] === FALSE) this.#replace(writer, record, value);
      return;
    }
    const count = mapSize(bytes, record) + 1;
    if (type < 0x8f) writer.patch(record, 0x80 | count);
    else if (type === 0xde && count <= 0xffff) patchUint16(writer, record + 1, count);
    else return this.#replace(writer, record, value);
    writer.copy(this.#key);
    writer.copy(value);
  }

  #replace(writer: ByteWriter, record: number, value: Buffer): void {
    const bytes = Buffer.from(writer.view().subarray(record));
    if (mapStart(bytes, 0) > bytes.length) return;
    writer.truncate(record);
    this.#splice.write(writer, bytes, 0, [value]);
  }
}

function patchUint16(writer: ByteWriter, position: number, value: number): void {
  writer.patch(position, value >>> 8);
  writer.patch(position + 1, value & 0xff);
}
