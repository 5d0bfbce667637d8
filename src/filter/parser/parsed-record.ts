/** Makes the record of an event out of its old fields and the parsed ones, byte to byte. */

import { MalformedError } from "../../errors.ts";
import { ByteWriter } from "../../event/byte-writer.ts";
import { encode } from "../../event/msgpack.ts";
import { isKey, mapSize, mapStart, textStart } from "../../event/record-fields.ts";
import { type AddedField, addedField, fieldsAt, writeWithFields } from "../../event/record-merge.ts";
import type { FieldPath } from "../../event/record-reader.ts";
import { INCOMPLETE, isMapType, skipValue } from "../../event/walker.ts";
import { writeEntryWithFields } from "../../parser/added-fields.ts";

export interface ParsedRecordOptions {
  readonly reserveData: boolean;
  readonly reserveTime: boolean;
  readonly removeKeyNameField: boolean;
  readonly injectKeyPrefix: string | undefined;
  readonly hashValueField: string | undefined;
}

const NIL = 0xc0;
const EMPTY_MAP = Buffer.of(0x80);

export class ParsedRecord {
  readonly #options: ParsedRecordOptions;
  readonly #path: FieldPath;
  readonly #prefix: Buffer | undefined;
  readonly #hashField: Buffer | undefined;
  /** The record without the parsed field. */
  readonly #rest = new ByteWriter();

  constructor(options: ParsedRecordOptions, path: FieldPath) {
    this.#options = options;
    this.#path = path;
    this.#prefix = options.injectKeyPrefix === undefined ? undefined : Buffer.from(options.injectKeyPrefix);
    this.#hashField = options.hashValueField === undefined ? undefined : encode(options.hashValueField);
  }

  /**
   * Writes an event for each of `parsed`, whole entries that a parser made of a field of the entry in `bytes` that begins
   * at `start` and whose record begins at `recordStart`; returns their number.
   */
  write(writer: ByteWriter, bytes: Buffer, start: number, recordStart: number, parsed: Buffer): number {
    let count = 0;
    for (let at = 0; at < parsed.length; count++) {
      const record = skipValue(parsed, at + 1, parsed.length);
      if (this.#options.reserveTime || parsed[at + 1] === NIL) writer.copy(bytes, start, recordStart);
      else writer.copy(parsed, at, record);
      at = skipValue(parsed, record, parsed.length);
      if (at === INCOMPLETE) throw new MalformedError("no whole entry");
      this.#writeRecord(writer, bytes, recordStart, parsed, record, at);
    }
    return count;
  }

  /** Writes the event of a text that was not parsed: an empty hash takes the place of the parsed fields. */
  writeUnparsed(writer: ByteWriter, entry: Buffer): void {
    writeEntryWithFields(writer, entry, this.#hashField ? [addedField(this.#hashField, EMPTY_MAP)] : []);
  }

  /** With the fields of the parsed record in `[start, end)`. */
  #writeRecord(writer: ByteWriter, bytes: Buffer, record: number, parsed: Buffer, start: number, end: number): void {
    const { reserveData, removeKeyNameField } = this.#options;
    if (!reserveData && !this.#prefix && !this.#hashField) {
      writer.copy(parsed, start, end);
      return;
    }
    const fields = this.#fields(parsed, start);
    if (!reserveData) writeWithFields(writer, EMPTY_MAP, 0, fields);
    else if (!removeKeyNameField) writeWithFields(writer, bytes, record, fields);
    else {
      this.#rest.truncate(0);
      copyWithout(this.#rest, bytes, record, this.#path);
      writeWithFields(writer, this.#rest.view(), 0, fields);
    }
  }

  #fields(parsed: Buffer, record: number): AddedField[] {
    const fields = fieldsAt(parsed, record);
    const named = this.#prefix ? fields.map((field) => prefixed(field, this.#prefix as Buffer)) : fields;
    if (!this.#hashField) return named;
    const hash = new ByteWriter(parsed.length);
    writeWithFields(hash, EMPTY_MAP, 0, named);
    return [addedField(this.#hashField, hash.take())];
  }
}

function prefixed({ bytes, key, value, end }: AddedField, prefix: Buffer): AddedField {
  const name = Buffer.concat([prefix, bytes.subarray(textStart(bytes, key), value)]);
  const writer = new ByteWriter(name.length + 5);
  writer.stringHeader(name.length);
  writer.copy(name);
  return addedField(writer.take(), bytes.subarray(value, end));
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
