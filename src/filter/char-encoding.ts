/** `char_encoding` of record_modifier: texts of a record declared to be in an encoding, or turned into UTF-8. */

import { ConfigError, type SourcePosition } from "../errors.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { arrayLength, containerHeader, isArrayType, stringHeader } from "../event/msgpack-header.ts";
import { writeArrayHeader, writeBinary, writeMapHeader, writeString } from "../event/msgpack-writer.ts";
import { mapSize, mapStart } from "../event/record-fields.ts";
import { textDecoder } from "../event/text-decoder.ts";
import { isMapType, skipValue } from "../event/walker.ts";

/** Gives the record with other texts; names of fields stay. */
export type ChangeEncoding = (record: Buffer) => Buffer;

type WriteText = (writer: ByteWriter, bytes: Buffer, start: number, end: number) => void;

const BINARY = /^(?:ascii-8bit|binary)$/i;
const UTF8 = /^utf-?8$/i;

/** `from` declares, `from:to` converts. Throws ConfigError for encodings that are not known. */
export function changeEncoding(text: string, position: SourcePosition | undefined): ChangeEncoding {
  const [from = "", to] = text.split(":", 2).map((name) => name.trim());
  const write = to === undefined ? declared(from, position) : converted(from, to, position);
  return (record) => {
    const writer = new ByteWriter(record.length + 16);
    writeValue(writer, record, 0, write);
    return writer.take();
  };
}

/** Texts in a named encoding travel as str, binary ones as bin. */
function declared(from: string, position: SourcePosition | undefined): WriteText {
  if (BINARY.test(from)) return (writer, bytes, start, end) => writeBinary(writer, bytes.subarray(start, end));
  if (!UTF8.test(from)) {
    throw new ConfigError(`char_encoding ${from}: write ${from}:utf-8, since texts leave Suiro as UTF-8`, position);
  }
  return (writer, bytes, start, end) => writeString(writer, bytes.subarray(start, end));
}

function converted(from: string, to: string, position: SourcePosition | undefined): WriteText {
  if (!UTF8.test(to)) throw new ConfigError(`char_encoding to ${to} is not supported: only to utf-8`, position);
  const decode = textDecoder(from);
  if (!decode) throw new ConfigError(`unknown encoding name - ${from}`, position);
  return (writer, bytes, start, end) => writeString(writer, Buffer.from(decode(bytes.subarray(start, end))));
}

function writeValue(writer: ByteWriter, bytes: Buffer, position: number, writeText: WriteText): number {
  const type = bytes[position] as number;
  const end = skipValue(bytes, position, bytes.length);
  const header = stringHeader(type);
  if (header > 0) {
    writeText(writer, bytes, position + header, end);
  } else if (isMapType(type)) {
    const count = mapSize(bytes, position);
    writeMapHeader(writer, count);
    let key = mapStart(bytes, position);
    for (let left = count; left > 0; left--) {
      const value = skipValue(bytes, key, bytes.length);
      writer.copy(bytes, key, value);
      key = writeValue(writer, bytes, value, writeText);
    }
  } else if (isArrayType(type)) {
    const count = arrayLength(bytes, position);
    writeArrayHeader(writer, count);
    let next = position + containerHeader(type);
    for (let left = count; left > 0; left--) next = writeValue(writer, bytes, next, writeText);
  } else writer.copy(bytes, position, end);
  return end;
}
