/** Writes values of embedded Ruby as msgpack. */

import { textBytes } from "../config/ruby/text.ts";
import { classOf, isHash, RubyBinary, RubyError, RubyFloat, type RubyValue } from "../config/ruby/values.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { writeArrayHeader, writeBinary, writeFloat, writeInteger, writeMapHeader, writeString } from "../event/msgpack-writer.ts"; // biome-ignore format: one line
import { skipValue } from "../event/walker.ts";
import { LazyHash, RubyExtension } from "./lazy-hash.ts";

/** Containers inside one another; a hash may be made to hold itself. */
const MAX_DEPTH = 64;

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
  else if (typeof value === "string") writeString(writer, textBytes(value));
  else if (typeof value === "boolean") writer.byte(value ? 0xc3 : 0xc2);
  else if (typeof value === "bigint") writeBigInteger(writer, value);
  else if (typeof value === "number") {
    if (Number.isSafeInteger(value)) writeInteger(writer, value);
    else writeFloat(writer, value);
  } else if (value instanceof RubyFloat) writeFloat(writer, value.value);
  else if (value instanceof LazyHash && !value.mayHaveChanged) {
    writer.copy(value.bytes, value.start, skipValue(value.bytes, value.start, value.bytes.length));
  } else if (isHash(value)) {
    writeMapHeader(writer, value.size);
    for (const [key, item] of value) {
      writeString(writer, textBytes(key));
      writeRubyValue(writer, item, depth + 1);
    }
  } else if (Array.isArray(value)) {
    writeArrayHeader(writer, value.length);
    for (const item of value) writeRubyValue(writer, item, depth + 1);
  } else if (value instanceof RubyBinary) writeBinary(writer, textBytes(value.text));
  else if (value instanceof RubyExtension) writer.copy(value.bytes);
  else throw new RubyError("NoMethodError", `undefined method 'to_msgpack' for an object of ${classOf(value)}`);
}

function writeBigInteger(writer: ByteWriter, value: bigint): void {
  if (value < -(2n ** 63n) || value >= 2n ** 64n) {
    throw new RubyError("RangeError", "bignum too big to convert into 'unsigned long long'");
  }
  writeInteger(writer, value);
}
