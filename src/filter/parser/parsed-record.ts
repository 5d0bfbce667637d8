/** Makes the record of an event out of its old fields and the parsed ones, byte to byte. */

import { ByteWriter } from "../../event/byte-writer.ts";
import { encode } from "../../event/msgpack.ts";
import { isKey, mapSize, mapStart, textStart } from "../../event/record-fields.ts";
import type { FieldPath } from "../../event/record-reader.ts";
import { isMapType, skipValue } from "../../event/walker.ts";
import { type AddedField, hasTime, splitEntries, writeWithFields } from "../../parser/added-fields.ts";

export interface ParsedRecordOptions {
  readonly reserveData: boolean;
  readonly reserveTime: boolean;
  readonly removeKeyNameField: boolean;
  readonly injectKeyPrefix: string | undefined;
  readonly hashValueField: string | undefined;
}

const EMPTY_MAP = 0x80;

export class ParsedRecord {
  readonly #options: ParsedRecordOptions;
  readonly #path: FieldPath;
  readonly #prefix: Buffer | undefined;
  readonly #hashField: Buffer | undefined;

  constructor(options: ParsedRecordOptions, path: FieldPath) {
    this.#options = options;
    this.#path = path;
    this.#prefix = options.injectKeyPrefix === undefined ? undefined : Buffer.from(options.injectKeyPrefix);
    this.#hashField = options.hashValueField === undefined ? undefined : encode(options.hashValueField);
  }

  /** Writes an event for each of `parsed`, entries that a parser made of a field of `entry`; returns their number. */
  write(writer: ByteWriter, entry: Buffer, parsed: Buffer): number {
    let count = 0;
    for (const result of splitEntries(parsed)) {
      const time = this.#options.reserveTime || !hasTime(result) ? entry : result;
      const base = new ByteWriter(entry.length + 16);
      base.copy(time, 0, skipValue(time, 1, time.length));
      if (!this.#options.reserveData) base.byte(EMPTY_MAP);
      else this.#oldRecord(base, entry);
      writeWithFields(writer, base.view(), this.#fields(result));
      count += 1;
    }
    return count;
  }

  /** Writes the event of a text that was not parsed: an empty hash takes the place of the parsed fields. */
  writeUnparsed(writer: ByteWriter, entry: Buffer): void {
    const hash = this.#hashField && { key: this.#hashField, value: Buffer.from([EMPTY_MAP]) };
    writeWithFields(writer, entry, hash ? [hash] : []);
  }

  #oldRecord(base: ByteWriter, entry: Buffer): void {
    const record = skipValue(entry, 1, entry.length);
    if (this.#options.removeKeyNameField) copyWithout(base, entry, record, this.#path);
    else base.copy(entry, record);
  }

  #fields(parsed: Buffer): AddedField[] {
    const record = skipValue(parsed, 1, parsed.length);
    const fields: AddedField[] = [];
    let key = mapStart(parsed, record);
    for (let left = mapSize(parsed, record); left > 0; left--) {
      const value = skipValue(parsed, key, parsed.length);
      const next = skipValue(parsed, value, parsed.length);
      fields.push({ key: this.#prefixed(parsed.subarray(key, value)), value: parsed.subarray(value, next) });
      key = next;
    }
    if (!this.#hashField) return fields;
    const hash = new ByteWriter(parsed.length);
    writeWithFields(hash, Buffer.from([0x92, 0xc0, EMPTY_MAP]), fields);
    return [{ key: this.#hashField, value: hash.take().subarray(2) }];
  }

  #prefixed(key: Buffer): Buffer {
    if (!this.#prefix) return key;
    const name = Buffer.concat([this.#prefix, key.subarray(textStart(key, 0))]);
    const writer = new ByteWriter(name.length + 5);
    writer.stringHeader(name.length);
    writer.copy(name);
    return writer.take();
  }
}

/** Copies the value at `position` without what stands at `path` in it. A field within an array stays. */
function copyWithout(writer: ByteWriter, bytes: Buffer, position: number, path: FieldPath): void {
  const [name, ...rest] = path;
  const end = skipValue(bytes, position, bytes.length);
  if (!(name instanceof Buffer) || !isMapType(bytes[position] as number)) {
    writer.copy(bytes, position, end);
    return;
  }
  const fields = new ByteWriter(end - position);
  let count = 0;
  let key = mapStart(bytes, position);
  for (let left = mapSize(bytes, position); left > 0; left--) {
    const value = skipValue(bytes, key, bytes.length);
    const next = skipValue(bytes, value, bytes.length);
    const isNamed = isKey(bytes, key, value, name);
    if (!isNamed || rest.length > 0) {
      fields.copy(bytes, key, value);
      if (isNamed) copyWithout(fields, bytes, value, rest);
      else fields.copy(bytes, value, next);
      count += 1;
    }
    key = next;
  }
  writer.mapHeader(count);
  writer.copy(fields.view());
}
