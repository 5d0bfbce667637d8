/**
 * From JSON to msgpack, byte to byte, without objects in between: `1.0` stays a float, 64-bit integers stay exact, and
 * bytes that are no UTF-8 stay what they were. Of a name that stands twice in an object, the last value stands in the first
 * place, as in a Ruby hash. What fluentd's JSON parsers read beyond the standard is read: comments, `NaN`, `Infinity`, and
 * a backslash before any letter. Source: RFC 8259; Oj 3.17 in compat mode, which fluentd's images have; yajl-ruby 1.4.
 */

import { isUtf8 } from "node:buffer";
import { LimitError, MalformedError } from "../errors.ts";
import { ByteWriter } from "./byte-writer.ts";
import { writeStringHeader } from "./msgpack-writer.ts";
import { MAX_DEPTH, skipValue } from "./walker.ts";

/**
 * The msgpack of exactly one JSON value, white space around it allowed. Numbers with a fraction or an exponent become
 * floats; integers stay exact from -2^63 to 2^64-1 and are floats beyond. Strings keep bytes that are no UTF-8.
 * Throws MalformedError with the byte where the text stops being JSON, LimitError past MAX_DEPTH.
 */
export function jsonToMsgpack(text: Buffer | string, isStrict = false): Buffer {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  const writer = new ByteWriter(bytes.length + 16);
  writeJsonAsMsgpack(bytes, writer, isStrict);
  return writer.take();
}

/**
 * The same, behind what `writer` holds; where it throws, a part may be written. `isStrict`: only what yajl takes, thus
 * UTF-8 alone, no `NaN` or `Infinity`, and the escapes of the standard.
 */
export function writeJsonAsMsgpack(text: Buffer, writer: ByteWriter, isStrict = false): void {
  if (isStrict && !isUtf8(text)) throw new MalformedError("not valid JSON: not valid UTF-8");
  nameCount = 0;
  if (names.length > KEPT_NAMES) names.length = 0;
  const reader = new JsonReader(text, writer, isStrict);
  reader.value(0);
  reader.end();
}

/** Where the names of the objects that are being read stand in the writer, the innermost object's last; `nameCount` count. */
const names: number[] = [];
let nameCount = 0;
/** So many names of an object are compared with each other; of more, the object is written again where they may be the same. */
const FEW_NAMES = 64;
/** What more names needed is not kept for the next text. */
const KEPT_NAMES = 4096;

class JsonReader {
  readonly writer: ByteWriter;
  readonly #bytes: Buffer;
  readonly #isStrict: boolean;
  #position = 0;

  constructor(bytes: Buffer, writer: ByteWriter, isStrict: boolean) {
    this.#bytes = bytes;
    this.writer = writer;
    this.#isStrict = isStrict;
  }

  value(depth: number): void {
    if (depth > MAX_DEPTH) throw new LimitError(`JSON is nested deeper than ${MAX_DEPTH} levels`);
    const first = this.#skipSpace();
    if (first === 0x7b) this.#object(depth);
    else if (first === 0x5b) this.#array(depth);
    else if (first === 0x22) this.#string();
    else if (first === 0x74) this.#word("true", 0xc3);
    else if (first === 0x66) this.#word("false", 0xc2);
    else if (first === 0x6e) this.#word("null", 0xc0);
    else if (first === 0x4e) this.#constant("NaN", Number.NaN);
    else if (first === 0x49) this.#constant("Infinity", Number.POSITIVE_INFINITY);
    else if (first === 0x2d && this.#bytes[this.#position + 1] === 0x49) {
      this.#constant("-Infinity", Number.NEGATIVE_INFINITY);
    } else this.#number();
  }

  end(): void {
    if (this.#skipSpace() !== undefined) throw this.#unexpected();
  }

  /** The members up to `]`. The header is written last, when their count is known. */
  #array(depth: number): void {
    const start = this.writer.length;
    let count = 0;
    this.writer.byte(0);
    this.#position += 1;
    while (this.#skipSpace() !== 0x5d) {
      if (count > 0) this.#take(0x2c);
      this.value(depth + 1);
      count += 1;
    }
    this.#position += 1;
    writeContainerHeader(this.writer, start, count, false);
  }

  #object(depth: number): void {
    const { writer } = this;
    const start = writer.length;
    const firstName = nameCount;
    let seen = 0;
    let mayHaveDoubles = false;
    writer.byte(0);
    this.#position += 1;
    while (this.#skipSpace() !== 0x7d) {
      if (nameCount > firstName) this.#take(0x2c);
      if (this.#skipSpace() !== 0x22) throw this.#unexpected();
      const name = writer.length;
      this.#string();
      const bit = nameBit(writer, name);
      if ((seen & bit) !== 0 && (nameCount - firstName > FEW_NAMES || isKnown(writer, firstName, name))) {
        mayHaveDoubles = true;
      }
      seen |= bit;
      names[nameCount++] = name;
      this.#skipSpace();
      this.#take(0x3a);
      this.value(depth + 1);
    }
    this.#position += 1;
    const count = mayHaveDoubles ? withoutDoubles(writer, start + 1) : nameCount - firstName;
    nameCount = firstName;
    writeContainerHeader(writer, start, count, true);
  }

  /** A string without escapes is copied at once; its length is known before its header is written. */
  #string(): void {
    const bytes = this.#bytes;
    const start = this.#position + 1;
    const end = plainEnd(bytes, start);
    this.#position = end;
    if (bytes[end] === 0x22) {
      writeStringHeader(this.writer, end - start);
      this.writer.copy(bytes, start, end);
      this.#position = end + 1;
    } else {
      this.#escapedString(start);
    }
  }

  /** Strings with escapes are mostly longer than 31 bytes and shorter than 256: room is left for a header of that size. */
  #escapedString(start: number): void {
    const { writer } = this;
    const bytes = this.#bytes;
    const header = writer.length;
    writer.uint16(0);
    let run = start;
    while (bytes[this.#position] === 0x5c) {
      writer.copy(bytes, run, this.#position);
      this.#escape();
      run = this.#position;
      this.#position = plainEnd(bytes, run);
    }
    if (bytes[this.#position] !== 0x22) throw this.#unexpected();
    writer.copy(bytes, run, this.#position);
    this.#position += 1;
    placeStringHeader(writer, header);
  }

  #escape(): void {
    const letter = this.#bytes[this.#position + 1];
    if (letter === 0x75) {
      this.writer.text(this.#unicodeEscape());
      return;
    }
    if (letter === undefined) throw this.#unexpected();
    const meant = escapedByte(letter);
    const isKnown = meant !== letter || letter === 0x22 || letter === 0x5c || letter === 0x2f;
    if (this.#isStrict && !isKnown) throw this.#unexpected();
    this.writer.byte(meant);
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
    let value = 0;
    for (let digit = digitAt(this.#bytes, end); digit >= 0 && end < start + SHORT_DIGITS; end++) {
      value = value * 10 + digit;
      digit = digitAt(this.#bytes, end + 1);
    }
    const isShort = end > start && (end === start + 1 || this.#bytes[start] !== 0x30);
    if (isShort && !isNumberByte(this.#bytes[end])) {
      this.#position = end;
      writeSmall(this.writer, value);
      return;
    }
    while (isNumberByte(this.#bytes[end])) end += 1;
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

  #constant(word: string, value: number): void {
    if (this.#isStrict) throw this.#unexpected();
    this.#word(word, 0xcb);
    this.writer.float64(value);
  }

  #take(byte: number): void {
    if (this.#bytes[this.#position] !== byte) throw this.#unexpected();
    this.#position += 1;
  }

  #skipSpace(): number | undefined {
    for (;;) {
      const byte = this.#bytes[this.#position];
      if (byte === undefined || (byte > 0x20 && byte !== 0x2f)) return byte;
      if (byte === 0x2f) this.#skipComment();
      else if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
      else this.#position += 1;
    }
  }

  #skipComment(): void {
    const kind = this.#bytes[this.#position + 1];
    const end = kind === 0x2a ? "*/" : kind === 0x2f ? "\n" : undefined;
    const found = end === undefined ? -1 : this.#bytes.indexOf(end, this.#position + 2, "latin1");
    if (found < 0 && end !== "\n") throw this.#unexpected();
    this.#position = found < 0 ? this.#bytes.length : found + (end as string).length;
  }

  #unexpected(): MalformedError {
    const byte = this.#bytes[this.#position];
    const found = byte === undefined ? "the end" : JSON.stringify(String.fromCharCode(byte));
    return new MalformedError(`not valid JSON: unexpected ${found} at byte ${this.#position}`);
  }
}

/** The next quote, backslash, control character, or end. */
function plainEnd(bytes: Buffer, start: number): number {
  let position = start;
  for (; position < bytes.length; position++) {
    const byte = bytes[position] as number;
    if (byte === 0x22 || byte === 0x5c || byte < 0x20) break;
  }
  return position;
}

/** Digits, sign, point and exponent. */
function isNumberByte(byte = 0): boolean {
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x2e || byte === 0x2b || (byte | 0x20) === 0x65;
}

/** So many digits are below 2^32. */
const SHORT_DIGITS = 9;

function digitAt(bytes: Buffer, position: number): number {
  const digit = (bytes[position] ?? 0) - 0x30;
  return digit >= 0 && digit <= 9 ? digit : -1;
}

/** From 0 to 2^32 - 1. */
function writeSmall(writer: ByteWriter, value: number): void {
  if (value < 0x80) {
    writer.byte(value);
    return;
  }
  writer.byte(0xce);
  writer.uint32(value);
}

function writeInteger(writer: ByteWriter, text: string): void {
  const value = Number(text);
  if (value < 0 && value >= -0x20) writer.byte(value & 0xff);
  else if (value >= 0 && value <= 0xffffffff) writeSmall(writer, value);
  else {
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

/** One of 32 bits that is likely another for another name; `name` is the last in the writer. */
function nameBit(writer: ByteWriter, name: number): number {
  const last = writer.length - 1;
  return 1 << ((last - name + writer.at(last) * 7 + writer.at(Math.min(name + 1, last))) & 31);
}

/** Whether the name at `name`, the last in the writer, stands among those from the `first` on. */
function isKnown(writer: ByteWriter, first: number, name: number): boolean {
  const length = writer.length - name;
  for (let index = first; index < nameCount; index++) {
    const other = names[index] as number;
    let same = 0;
    while (same < length && writer.at(other + same) === writer.at(name + same)) same += 1;
    if (same === length) return true;
  }
  return false;
}

/** Writes the pairs from `start` on again, each name once; returns their number. */
function withoutDoubles(writer: ByteWriter, start: number): number {
  const pairs = Buffer.from(writer.view().subarray(start));
  const last = new Map<string, { name: Buffer; value: Buffer }>();
  for (let position = 0; position < pairs.length; ) {
    const value = skipValue(pairs, position, pairs.length);
    const end = skipValue(pairs, value, pairs.length);
    const name = pairs.subarray(position, value);
    last.set(name.toString("latin1"), { name, value: pairs.subarray(value, end) });
    position = end;
  }
  writer.truncate(start);
  for (const { name, value } of last.values()) {
    writer.copy(name);
    writer.copy(value);
  }
  return last.size;
}

/** What a backslash before this letter stands for: a control character, or the letter itself. */
function escapedByte(letter: number): number {
  if (letter === 0x62) return 0x08;
  if (letter === 0x66) return 0x0c;
  if (letter === 0x6e) return 0x0a;
  if (letter === 0x72) return 0x0d;
  return letter === 0x74 ? 0x09 : letter;
}

/** Puts the header of the string before what was written behind the two bytes kept free at `start`. */
function placeStringHeader(writer: ByteWriter, start: number): void {
  const length = writer.length - start - 2;
  if (length < 32) {
    writer.remove(start, start + 1);
    writer.patch(start, 0xa0 | length);
    return;
  }
  const width = length > 0xffff ? 4 : length > 0xff ? 2 : 1;
  if (width > 1) writer.shift(start + 2, width - 1);
  writer.patch(start, 0xd9 + (width >> 1));
  patchSize(writer, start + 1, width, length);
}

/** Puts the header of `count` members before what was written behind the one byte kept free at `start`. */
function writeContainerHeader(writer: ByteWriter, start: number, count: number, isMap: boolean): void {
  if (count < 16) {
    writer.patch(start, (isMap ? 0x80 : 0x90) | count);
    return;
  }
  const width = count > 0xffff ? 4 : 2;
  writer.shift(start + 1, width);
  writer.patch(start, (isMap ? 0xde : 0xdc) + (width === 4 ? 1 : 0));
  patchSize(writer, start + 1, width, count);
}

/** A number of `width` bytes, the highest first. */
function patchSize(writer: ByteWriter, position: number, width: number, size: number): void {
  for (let index = 0; index < width; index++) writer.patch(position + index, size >>> (8 * (width - 1 - index)));
}
