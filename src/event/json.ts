/**
 * JSON and msgpack, byte to byte: records become text, and text becomes records, without objects in between, so that
 * `1.0` stays a float, 64-bit integers stay exact, and bytes that are no UTF-8 stay what they were.
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
 * Source: fluentd 1.18 with yajl-ruby 1.4, which its formatters use; the Forward protocol's JSON mode.
 */

import { LimitError, MalformedError } from "../errors.ts";
import { ByteWriter } from "./byte-writer.ts";
import { MAX_DEPTH, readUint16, readUint32, skipValue } from "./walker.ts";

/** The JSON text of the msgpack value at `bytes[start, end)`. Bytes that are no UTF-8 show as U+FFFD. Throws MalformedError. */
export function msgpackToJson(bytes: Buffer, start = 0, end = bytes.length): string {
  const writer = new ByteWriter((end - start) * 2);
  writeJson(writer, bytes, start, end);
  return writer.view().toString();
}

/** Writes the JSON of the msgpack value at `bytes[start, end)`. Throws MalformedError when it is not exactly one value. */
export function writeJson(writer: ByteWriter, bytes: Buffer, start: number, end: number): void {
  if (skipValue(bytes, start, end) !== end) throw new MalformedError(`no whole msgpack value at byte ${start}`);
  writeValue(writer, bytes, start);
}

/** Writes the value at `position`, which was walked before, and returns the position behind it. */
function writeValue(writer: ByteWriter, bytes: Buffer, position: number): number {
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
      return floatText(bytes.readFloatBE(position + 1)) ?? "null";
    case 0xcb:
      return floatText(bytes.readDoubleBE(position + 1)) ?? "null";
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

/**
 * A float as Ruby prints it: always with a fraction, with an exponent from 1e15 on and below 1e-4.
 * Undefined for NaN and infinities.
 */
export function floatText(value: number): string | undefined {
  if (!Number.isFinite(value)) return undefined;
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e15) {
    const text = String(value);
    return text.includes(".") ? text : `${text}.0`;
  }
  const [digits = "", exponent = ""] = value.toExponential().split("e");
  const sign = exponent.startsWith("-") ? "-" : "+";
  return `${digits.includes(".") ? digits : `${digits}.0`}e${sign}${exponent.slice(1).padStart(2, "0")}`;
}

function writeArray(writer: ByteWriter, bytes: Buffer, start: number, count: number): number {
  let position = start;
  writer.byte(0x5b);
  for (let index = 0; index < count; index++) {
    if (index > 0) writer.byte(0x2c);
    position = writeValue(writer, bytes, position);
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
    position = writeValue(writer, bytes, position);
  }
  writer.byte(0x7d);
  return position;
}

function writeKey(writer: ByteWriter, bytes: Buffer, position: number): number {
  const type = bytes[position] as number;
  const isText = (type >= 0xa0 && type < 0xc0) || (type >= 0xd9 && type <= 0xdb) || (type >= 0xc4 && type <= 0xc6);
  if (isText) return writeValue(writer, bytes, position);
  const key = new ByteWriter();
  const next = writeValue(key, bytes, position);
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

/** Writes `length` bytes of text in quotes: whole runs are copied, only what needs an escape is looked at twice. */
function writeString(writer: ByteWriter, bytes: Buffer, start: number, length: number): number {
  const end = start + length;
  let run = start;
  writer.byte(0x22);
  for (let position = start; position < end; position++) {
    const escaped = ESCAPES[bytes[position] as number];
    if (escaped === undefined) continue;
    writer.copy(bytes, run, position);
    writer.copy(escaped);
    run = position + 1;
  }
  writer.copy(bytes, run, end);
  writer.byte(0x22);
  return end;
}

/**
 * The msgpack of exactly one JSON value, white space around it allowed. Numbers with a fraction or an exponent become
 * floats; integers stay exact from -2^63 to 2^64-1 and are floats beyond. Strings keep bytes that are no UTF-8.
 * Throws MalformedError with the byte where the text stops being JSON, LimitError past MAX_DEPTH.
 */
export function jsonToMsgpack(text: Buffer | string): Buffer {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  const reader = new JsonReader(bytes);
  reader.value(0);
  reader.end();
  return reader.writer.take();
}

class JsonReader {
  readonly writer: ByteWriter;
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.writer = new ByteWriter(bytes.length + 16);
  }

  value(depth: number): void {
    if (depth > MAX_DEPTH) throw new LimitError(`JSON is nested deeper than ${MAX_DEPTH} levels`);
    const first = this.#skipSpace();
    if (first === 0x7b) this.#container(depth, 0x7d);
    else if (first === 0x5b) this.#container(depth, 0x5d);
    else if (first === 0x22) this.#string();
    else if (first === 0x74) this.#word("true", 0xc3);
    else if (first === 0x66) this.#word("false", 0xc2);
    else if (first === 0x6e) this.#word("null", 0xc0);
    else this.#number();
  }

  end(): void {
    if (this.#skipSpace() !== undefined) throw this.#unexpected();
  }

  /** The members up to `close`. The header is written last, when their count is known. */
  #container(depth: number, close: number): void {
    const isMap = close === 0x7d;
    const start = this.writer.length;
    let count = 0;
    this.writer.byte(0);
    this.#position += 1;
    while (this.#skipSpace() !== close) {
      if (count > 0) this.#take(0x2c);
      if (isMap) {
        if (this.#skipSpace() !== 0x22) throw this.#unexpected();
        this.#string();
        this.#skipSpace();
        this.#take(0x3a);
      }
      this.value(depth + 1);
      count += 1;
    }
    this.#position += 1;
    writeContainerHeader(this.writer, start, count, isMap);
  }

  #string(): void {
    const bytes = this.#bytes;
    const start = this.writer.length;
    let run = ++this.#position;
    this.writer.byte(0);
    for (;;) {
      const byte = bytes[this.#position];
      if (byte === undefined || byte < 0x20) throw this.#unexpected();
      if (byte === 0x22 || byte === 0x5c) {
        this.writer.copy(bytes, run, this.#position);
        if (byte === 0x22) break;
        this.#escape();
        run = this.#position;
      } else {
        this.#position += 1;
      }
    }
    this.#position += 1;
    writeStringHeader(this.writer, start);
  }

  #escape(): void {
    const letter = this.#bytes[this.#position + 1];
    if (letter === 0x75) {
      this.writer.text(this.#unicodeEscape());
      return;
    }
    const index = letter === undefined ? -1 : '"\\/bfnrt'.indexOf(String.fromCharCode(letter));
    if (index < 0) throw this.#unexpected();
    this.writer.byte('"\\/\b\f\n\r\t'.charCodeAt(index));
    this.#position += 2;
  }

  /** `\uXXXX`, or a pair of them; half of a pair becomes `?`, as yajl has it. */
  #unicodeEscape(): string {
    const unit = this.#codeUnit();
    if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit);
    const mayPair = unit < 0xdc00 && this.#bytes[this.#position] === 0x5c && this.#bytes[this.#position + 1] === 0x75;
    if (!mayPair) return "?";
    const before = this.#position;
    const low = this.#codeUnit();
    if (low >= 0xdc00 && low <= 0xdfff) return String.fromCharCode(unit, low);
    this.#position = before;
    return "?";
  }

  #codeUnit(): number {
    const digits = this.#bytes.toString("latin1", this.#position + 2, this.#position + 6);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#unexpected();
    this.#position += 6;
    return Number.parseInt(digits, 16);
  }

  #number(): void {
    const start = this.#position;
    let end = start;
    while (end < this.#bytes.length && NUMBER_BYTES.includes(this.#bytes[end] as number)) end += 1;
    const text = this.#bytes.toString("latin1", start, end);
    const match = /^-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.exec(text);
    if (!match) throw this.#unexpected();
    this.#position = end;
    if (match[1] === undefined && match[2] === undefined) writeInteger(this.writer, text);
    else writeFloat(this.writer, Number(text));
  }

  #word(word: string, type: number): void {
    if (this.#bytes.toString("latin1", this.#position, this.#position + word.length) !== word) throw this.#unexpected();
    this.#position += word.length;
    this.writer.byte(type);
  }

  #take(byte: number): void {
    if (this.#bytes[this.#position] !== byte) throw this.#unexpected();
    this.#position += 1;
  }

  #skipSpace(): number | undefined {
    for (;;) {
      const byte = this.#bytes[this.#position];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
      this.#position += 1;
    }
  }

  #unexpected(): MalformedError {
    const byte = this.#bytes[this.#position];
    const found = byte === undefined ? "the end" : JSON.stringify(String.fromCharCode(byte));
    return new MalformedError(`not valid JSON: unexpected ${found} at byte ${this.#position}`);
  }
}

const NUMBER_BYTES = Buffer.from("0123456789+-.eE");

function writeInteger(writer: ByteWriter, text: string): void {
  const value = Number(text);
  if (value >= 0 && value < 0x80) writer.byte(value);
  else if (value < 0 && value >= -0x20) writer.byte(value & 0xff);
  else if (value >= 0 && value <= 0xffffffff) {
    writer.byte(0xce);
    writer.uint32(value);
  } else {
    const exact = BigInt(text);
    if (exact > MAX_UINT64 || exact < MIN_INT64) {
      writeFloat(writer, value);
      return;
    }
    writer.byte(exact < 0n ? 0xd3 : 0xcf);
    writer.uint64(BigInt.asUintN(64, exact));
  }
}

const MAX_UINT64 = 2n ** 64n - 1n;
const MIN_INT64 = -(2n ** 63n);

function writeFloat(writer: ByteWriter, value: number): void {
  writer.byte(0xcb);
  writer.float64(value);
}

/** Puts the header of `count` members before what was written behind the one byte kept free at `start`. */
function writeContainerHeader(writer: ByteWriter, start: number, count: number, isMap: boolean): void {
  const wide = count > 0xffff;
  if (count < 16) writer.patch(start, (isMap ? 0x80 : 0x90) | count);
  else insertHeader(writer, start, (isMap ? 0xde : 0xdc) + (wide ? 1 : 0), count, wide ? 4 : 2);
}

/** Puts the header of a string before what was written behind the one byte kept free at `start`. */
function writeStringHeader(writer: ByteWriter, start: number): void {
  const length = writer.length - start - 1;
  const width = length <= 0xff ? 1 : length <= 0xffff ? 2 : 4;
  if (length < 32) writer.patch(start, 0xa0 | length);
  else insertHeader(writer, start, width === 1 ? 0xd9 : width === 2 ? 0xda : 0xdb, length, width);
}

function insertHeader(writer: ByteWriter, start: number, type: number, value: number, width: number): void {
  writer.shift(start + 1, width);
  writer.patch(start, type);
  for (let index = 1; index <= width; index++) {
    writer.patch(start + index, Math.floor(value / 256 ** (width - index)) & 0xff);
  }
}
