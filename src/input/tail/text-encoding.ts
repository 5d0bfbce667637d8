/**
 * Lines of another encoding. With `encoding` alone the bytes stay as they are, as fluentd's documentation says (1.18
 * replaces every byte beyond ASCII); with `from_encoding`, too, each line is converted, and what cannot be is replaced.
 * Source: fluentd 1.18 in_tail.rb `configure_encoding`, `FIFO`.
 */

import { ConfigError, type SourcePosition } from "../../errors.ts";
import { textDecoder } from "../../event/text-decoder.ts";

export interface TextEncoding {
  /** The bytes of a line's end; lines start at multiples of their number. */
  readonly newline: Buffer;
  /** The text of a line in the wanted encoding; absent when the bytes stay. */
  readonly convert?: (bytes: Buffer) => Buffer;
}

export const PLAIN_TEXT: TextEncoding = { newline: Buffer.from("\n") };

const BINARY = new Set(["ascii-8bit", "binary"]);
const NARROW: Readonly<Record<string, number>> = { "us-ascii": 0x7f, ascii: 0x7f, "ascii-8bit": 0x7f, binary: 0x7f };
const LATIN_1 = new Set(["iso-8859-1", "iso8859-1"]);

/** Throws ConfigError for encodings that are not known, or that cannot be written. */
export function textEncoding(
  encoding: string | undefined,
  fromEncoding: string | undefined,
  position: SourcePosition,
): TextEncoding {
  if (encoding === undefined) {
    if (fromEncoding === undefined) return PLAIN_TEXT;
    throw new ConfigError("tail: 'from_encoding' parameter must be specified with 'encoding' parameter.", position);
  }
  const target = encoding.toLowerCase();
  const encode = encoder(target);
  if (fromEncoding === undefined || fromEncoding.toLowerCase() === target) {
    if (!encode && textDecoder(target) === undefined) throw unknown(encoding, position);
    return { newline: newlineOf(target) };
  }
  const source = fromEncoding.toLowerCase();
  const decode = textDecoder(source);
  if (!decode) throw unknown(fromEncoding, position);
  if (!encode) {
    const known = "UTF-8, US-ASCII, ASCII-8BIT and ISO-8859-1";
    throw new ConfigError(`tail: 'encoding' ${encoding} cannot be written; Suiro writes ${known}`, position);
  }
  return { newline: newlineOf(source), convert: (bytes) => encode(decode(bytes)) };
}

function unknown(name: string, position: SourcePosition): ConfigError {
  return new ConfigError(`unknown encoding name - ${name}`, position);
}

function encoder(name: string): ((text: string) => Buffer) | undefined {
  if (name === "utf-8" || name === "utf8") return (text) => Buffer.from(text);
  const highest = LATIN_1.has(name) ? 0xff : NARROW[name];
  if (highest === undefined) return undefined;
  return (text) => Buffer.from(Array.from(text, (sign) => narrow(sign, highest)).join(""), "latin1");
}

const narrow = (sign: string, highest: number) => ((sign.codePointAt(0) as number) <= highest ? sign : "?");

function newlineOf(name: string): Buffer {
  if (name === "utf-16le" || name === "utf-16") return Buffer.from("\n", "utf16le");
  return name === "utf-16be" ? Buffer.from([0, 0x0a]) : PLAIN_TEXT.newline;
}

/** What the parser gets: without an `encoding` bytes that need not be text. */
export function parserEncoding(encoding: string | undefined): "binary" | "utf-8" {
  return encoding === undefined || BINARY.has(encoding.toLowerCase()) ? "binary" : "utf-8";
}
