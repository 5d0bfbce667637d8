/** Texts whose every character is one byte: what parsers cut apart. A line of a file comes as such and goes out as such. */

import { isUtf8 } from "node:buffer";
import { MalformedError } from "../errors.ts";
import type { TextEncoding } from "./parser.ts";

/** The text `bytes[start, end)` for Ruby's `split`, which takes letters only where all of them are whole. Throws MalformedError. */
export function textToSplit(bytes: Buffer, start: number, end: number, encoding: TextEncoding): string {
  const text = bytes.toString("latin1", start, end);
  if (encoding === "utf-8" && BEYOND_ASCII.test(text) && !isUtf8(bytes.subarray(start, end))) {
    throw new MalformedError("invalid byte sequence in UTF-8");
  }
  return text;
}

/** The bytes of `text` in UTF-8, one character each. For what the configuration gives. */
export function toByteText(text: string): string {
  return BEYOND_ASCII.test(text) ? Buffer.from(text).toString("latin1") : text;
}

export const BEYOND_ASCII = /[^\0-\x7f]/;
