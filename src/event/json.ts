/**
 * From msgpack to JSON, byte to byte, without objects in between: floats keep Ruby's form, 64-bit integers stay exact,
 * and bytes that are no UTF-8 stay what they were.
 *
 * | msgpack                 | JSON                                                                      |
 * |-------------------------|---------------------------------------------------------------------------|
 * | integer                 | all digits                                                                |
 * | float                   | Ruby's form: `1.0`, `1.0e+20`; NaN and infinities, which JSON lacks: null |
 * | str, bin                | string; control characters, `"` and `\` escaped, all other bytes as they are |
 * | EventTime               | its seconds                                                               |
 * | other ext               | null                                                                      |
 * | map key that is no text | the text of its JSON, nil as ""                                           |
 *
 * Source: fluentd 1.18 with yajl-ruby 1.4, which its formatters use.
 */

import { floatText } from "../config/ruby/float-text.ts";
import { MalformedError } from "../errors.ts";
import { ByteWriter, stopBytes } from "./byte-writer.ts";
import { readUint16, readUint32, skipValue } from "./walker.ts";

/** The JSON text of the msgpack value at `bytes[start, end)`. Bytes that are no UTF-8 show as U+FFFD. Throws MalformedError. */
export function msgpackToJson(bytes: Buffer, start = 0, end = bytes.length): string {
  const writer = new ByteWriter((end - start) * 2);
  writeJson(writer, bytes, start, end);
  return writer.view().toString();
}

/** Writes the JSON of the msgpack value at `bytes[start, end)`. Throws MalformedError when it is not exactly one value. */
export function writeJson(writer: ByteWriter, bytes: Buffer, start: number, end: number): void {
  if (skipValue(bytes, start, end) !== end) throw new MalformedError(`no whole msgpack value at byte ${start}`);
  writeJsonAt(writer, bytes, start);
}

/** Writes the JSON of the value at `position`, which must be whole, and returns the position behind it. */
export function writeJsonAt(writer: ByteWriter, bytes: Buffer, position: number): number {
  const type = bytes[position] as number;
  if (type < 0x80) return writeText(writer, String(type), position + 1);
  if (type < 0x90) return writeMap(writer, bytes, position + 1, type & 0x0f);
  if (type < 0xa0) return writeArray(writer, bytes, position + 1, type & 0x0f);
  if (type < 0xc0) return writeString(writer, bytes, position + 1, type & 0x1f);
  if (type >= 0xe0) return writeText(writer, String(type - 0x100), position + 1);
  switch (type) {
    case 0xc0:
      return writeText(writer, "null", position + 1);
    case 0xc2:
      return writeText(writer, "false", position + 1);
    case 0xc3:
      return writeText(writer, "true", position + 1);
    case 0xc4:
    case 0xd9:
      return writeString(writer, bytes, position + 2, bytes[position + 1] as number);
    case 0xc5:
    case 0xda:
      return writeString(writer, bytes, position + 3, readUint16(bytes, position + 1));
    case 0xc6:
    case 0xdb:
      return writeString(writer, bytes, position + 5, readUint32(bytes, position + 1));
    case 0xdc:
      return writeArray(writer, bytes, position + 3, readUint16(bytes, position + 1));
    case 0xdd:
      return writeArray(writer, bytes, position + 5, readUint32(bytes, position + 1));
    case 0xde:
      return writeMap(writer, bytes, position + 3, readUint16(bytes, position + 1));
    case 0xdf:
      return writeMap(writer, bytes, position + 5, readUint32(bytes, position + 1));
    default:
      return writeText(writer, scalarText(bytes, position, type), skipValue(bytes, position, bytes.length));
  }
}

function writeText(writer: ByteWriter, text: string, next: number): number {
  writer.text(text);
  return next;
}

/** Floats, wide integers and ext. */
function scalarText(bytes: Buffer, position: number, type: number): string {
  switch (type) {
    case 0xca:
      return finiteText(bytes.readFloatBE(position + 1));
    case 0xcb:
      return finiteText(bytes.readDoubleBE(position + 1));
    case 0xcc:
      return String(bytes[position + 1]);
    case 0xcd:
      return String(readUint16(bytes, position + 1));
    case 0xce:
      return String(readUint32(bytes, position + 1));
    case 0xcf:
      return String(bytes.readBigUInt64BE(position + 1));
    case 0xd0:
      return String(bytes.readInt8(position + 1));
    case 0xd1:
      return String(bytes.readInt16BE(position + 1));
    case 0xd2:
      return String(bytes.readInt32BE(position + 1));
    case 0xd3:
      return String(bytes.readBigInt64BE(position + 1));
    case 0xd7:
      return bytes[position + 1] === 0 ? String(readUint32(bytes, position + 2)) : "null";
    case 0xc7:
      return bytes[position + 1] === 8 && bytes[position + 2] === 0 ? String(readUint32(bytes, position + 3)) : "null";
    default:
      return "null";
  }
}

/** JSON has no NaN and no infinities. */
const finiteText = (value: number) => (Number.isFinite(value) ? floatText(value) : "null");

function writeArray(writer: ByteWriter, bytes: Buffer, start: number, count: number): number {
  let position = start;
  writer.byte(0x5b);
  for (let index = 0; index < count; index++) {
    if (index > 0) writer.byte(0x2c);
    position = writeJsonAt(writer, bytes, position);
  }
  writer.byte(0x5d);
  return position;
}

function writeMap(writer: ByteWriter, bytes: Buffer, start: number, count: number): number {
  let position = start;
  writer.byte(0x7b);
  for (let index = 0; index < count; index++) {
    if (index > 0) writer.byte(0x2c);
    position = writeKey(writer, bytes, position);
    writer.byte(0x3a);
    position = writeJsonAt(writer, bytes, position);
  }
  writer.byte(0x7d);
  return position;
}

function writeKey(writer: ByteWriter, bytes: Buffer, position: number): number {
  const type = bytes[position] as number;
  const isText = (type >= 0xa0 && type < 0xc0) || (type >= 0xd9 && type <= 0xdb) || (type >= 0xc4 && type <= 0xc6);
  if (isText) return writeJsonAt(writer, bytes, position);
  const key = new ByteWriter();
  const next = writeJsonAt(key, bytes, position);
  writeString(writer, type === 0xc0 ? Buffer.alloc(0) : key.view(), 0, type === 0xc0 ? 0 : key.length);
  return next;
}

const HEX = "0123456789ABCDEF";
/** What stands for each byte that JSON cannot hold in a string. */
const ESCAPES: (Buffer | undefined)[] = Array.from({ length: 256 }, (_, byte) => {
  const short = { 8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\" }[byte];
  if (short === undefined && byte >= 0x20) return undefined;
  return Buffer.from(short ?? `\\u00${HEX[byte >> 4]}${HEX[byte & 15]}`);
});

const ESCAPED = stopBytes((byte) => ESCAPES[byte] !== undefined);

/** Writes `length` bytes of text in quotes. */
function writeString(writer: ByteWriter, bytes: Buffer, start: number, length: number): number {
  const end = start + length;
  writer.byte(0x22);
  for (let at = writer.copyUntil(ESCAPED, bytes, start, end); at < end; ) {
    writer.copy(ESCAPES[bytes[at] as number] as Buffer);
    at = writer.copyUntil(ESCAPED, bytes, at + 1, end);
  }
  writer.byte(0x22);
  return end;
}
