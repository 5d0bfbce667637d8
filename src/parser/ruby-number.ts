/** Values in msgpack, as Ruby's `to_i`, `to_f` and `to_s` make them from texts whose characters are bytes. */

import type { ByteWriter } from "../event/byte-writer.ts";
import { writeInteger as writeNumber } from "../event/msgpack-writer.ts";
import type { TextEncoding } from "./parser.ts";

/** Of a text of `length` bytes. As in Ruby, bytes are a bin and UTF-8 is a str. */
export function writeTextHeader(writer: ByteWriter, length: number, encoding: TextEncoding): void {
  if (encoding === "binary") writer.binaryHeader(length);
  else writer.stringHeader(length);
}

export function writeText(writer: ByteWriter, text: string, encoding: TextEncoding): void {
  writeTextHeader(writer, text.length, encoding);
  writer.latin1(text);
}

/** What up to 15 digits without a zero before them stand for; 0 for other texts. */
function plainInteger(text: string): number {
  if (text.length > 15 || text.startsWith("0")) return 0;
  let value = 0;
  for (let index = 0; index < text.length; index++) {
    const digit = text.charCodeAt(index) - 0x30;
    if (digit < 0 || digit > 9) return 0;
    value = value * 10 + digit;
  }
  return value;
}

/** Leading digits, else 0; what 64 bits cannot hold becomes a float. */
export function writeInteger(writer: ByteWriter, text: string, kind = "utf-8"): void {
  const plain = plainInteger(text);
  if (plain > 0) {
    writeNumber(writer, plain);
    return;
  }
  const digits = /^\s*([+-]?)(\d+(?:_\d+)*)/.exec(text);
  const isFloat = kind === "number" && /[.e]/.test(text);
  let value = digits ? BigInt((digits[2] as string).replaceAll("_", "")) : 0n;
  if (digits?.[1] === "-") value = -value;
  if (isFloat && Number.isFinite(Number(text))) value = BigInt(Math.trunc(Number(text)));
  if (value >= -(2n ** 63n) && value < 2n ** 64n) writeNumber(writer, value);
  else {
    writer.byte(0xcb);
    writer.float64(Number(value));
  }
}

/** A leading decimal number, else 0.0. */
export function writeFloat(writer: ByteWriter, text: string): void {
  const match = /^\s*[+-]?(?:\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+)?/.exec(text);
  writer.byte(0xcb);
  writer.float64(match ? Number(match[0].replaceAll("_", "")) : 0);
}
