/** Writes values of embedded Ruby as msgpack. */

import { textBytes } from "../config/ruby/text.ts";
import {
  classOf,
  isHash,
  RubyBinary,
  RubyError,
  RubyFloat,
  type RubyHash,
  type RubyValue,
} from "../config/ruby/values.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { writeArrayHeader, writeBinary, writeFloat, writeInteger, writeMapHeader, writeString } from "../event/msgpack-writer.ts"; // biome-ignore format: one line
import { fieldsIn, writeWithFields } from "../event/record-merge.ts";
import { skipValue } from "../event/walker.ts";
import { LazyHash, RubyExtension } from "./lazy-hash.ts";

/** Containers inside one another; a hash may be made to hold itself. */
const MAX_DEPTH = 64;

/** The new fields of the hash that is being written, by its depth. */
const overlays: ByteWriter[] = [];

/** A value's msgpack, of the caller's own. Throws RubyError as `writeRubyValue` does. */
export function rubyValueBytes(value: RubyValue): Buffer {
  const writer = new ByteWriter(64);
  writeRubyValue(writer, value);
  return writer.take();
}

/** Writes a value as msgpack. Throws RubyError for what no record can hold, such as a range or a time. */
export function writeRubyValue(writer: ByteWriter, value: RubyValue, depth = 0): void {
  if (depth > MAX_DEPTH) throw new RubyError("ArgumentError", `nesting of ${depth} is too deep`);
  if (value === null) writer.byte(0xc0);
  else if (typeof value === "string") writeText(writer, value);
  else if (typeof value === "boolean") writer.byte(value ? 0xc3 : 0xc2);
  else if (typeof value === "bigint") writeBigInteger(writer, value);
  else if (typeof value === "number") {
    if (Number.isSafeInteger(value)) writeInteger(writer, value);
    else writeFloat(writer, value);
  } else if (value instanceof RubyFloat) writeFloat(writer, value.value);
  else if (value instanceof LazyHash && !value.mayHaveChanged) {
    writer.copy(value.bytes, value.start, skipValue(value.bytes, value.start, value.bytes.length));
  } else if (isHash(value)) writeHash(writer, value, depth);
  else if (Array.isArray(value)) {
    writeArrayHeader(writer, value.length);
    for (const item of value) writeRubyValue(writer, item, depth + 1);
  } else if (value instanceof RubyBinary) writeBinary(writer, textBytes(value.text));
  else if (value instanceof RubyExtension) writer.copy(value.bytes);
  else throw new RubyError("NoMethodError", `undefined method 'to_msgpack' for an object of ${classOf(value)}`);
}

/** One of an event goes back as its bytes, with what is new in them. */
function writeHash(writer: ByteWriter, hash: RubyHash, depth: number): void {
  const overlay = hash instanceof LazyHash ? hash.overlay : undefined;
  if (!overlay) {
    writeMapHeader(writer, hash.size);
    writeFields(writer, hash, depth);
    return;
  }
  const added = (overlays[depth] ??= new ByteWriter(256));
  added.truncate(0);
  writeFields(added, overlay, depth);
  const { bytes, start } = hash as LazyHash;
  writeWithFields(writer, bytes, start, fieldsIn(added.view(), 0, overlay.size));
}

function writeFields(writer: ByteWriter, fields: ReadonlyMap<string, RubyValue>, depth: number): void {
  for (const [key, item] of fields) {
    writeText(writer, key);
    writeRubyValue(writer, item, depth + 1);
  }
}

/** What is longer is looked through sooner by the system. */
const LOOP_CHARACTERS = 64;

function writeText(writer: ByteWriter, text: string): void {
  let ascii = text.length <= LOOP_CHARACTERS ? 0 : -1;
  while (ascii >= 0 && ascii < text.length) ascii = text.charCodeAt(ascii) < 0x80 ? ascii + 1 : -1;
  if (ascii < 0) writeString(writer, textBytes(text));
  else {
    writer.stringHeader(text.length);
    writer.latin1(text);
  }
}

function writeBigInteger(writer: ByteWriter, value: bigint): void {
  if (value < -(2n ** 63n) || value >= 2n ** 64n) {
    throw new RubyError("RangeError", "bignum too big to convert into 'unsigned long long'");
  }
  writeInteger(writer, value);
}
