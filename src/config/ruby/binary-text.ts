/**
 * Texts of bytes (ASCII-8BIT) among texts of letters, as Ruby mixes them: a result is bytes where bytes beyond ASCII got
 * into it, letters where letters beyond ASCII did, and what its receiver is where neither. Both at once are an error.
 *
 * While a method runs, each byte beyond ASCII stands as one letter of the private use area, so that positions count
 * bytes, and no letter is made of them.
 */

import { bytesText, textBytes } from "./text.ts";
import { RubyBinary, RubyError, type RubyValue, toText, UnsupportedRubyError } from "./values.ts";

/** Byte 0x80 is U+F780, byte 0xff U+F7FF. */
const PRIVATE = 0xf700;
const BEYOND_ASCII = /[^\0-\x7f]/;
const BYTE_LETTERS = /[\uf780-\uf7ff]/;

export const isAsciiText = (text: string): boolean => !BEYOND_ASCII.test(text);

/** A letter for each byte. */
export function byteLetters({ text }: RubyBinary): string {
  if (isAsciiText(text)) return text;
  return textBytes(text)
    .toString("latin1")
    .replace(/[\x80-\xff]/g, (byte) => String.fromCharCode(PRIVATE + byte.charCodeAt(0)));
}

/** Whether a text holds letters that stand for bytes. */
export const hasByteLetters = (text: string): boolean => BYTE_LETTERS.test(text);

/** The bytes that letters stand for. */
export function binaryOf(letters: string): RubyBinary {
  if (isAsciiText(letters)) return new RubyBinary(letters);
  const bytes = letters.replace(/[\uf780-\uf7ff]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) - PRIVATE));
  return new RubyBinary(bytesText(Buffer.from(bytes, "latin1")));
}

export function incompatible(): RubyError {
  const message = "incompatible character encodings: ASCII-8BIT and UTF-8";
  return new RubyError("Encoding::CompatibilityError", message);
}

type Encoding = "ascii" | "letters" | "bytes";

/** Texts behind one another; `start` is what an empty text would be. */
export class TextPieces {
  #encoding: Encoding;
  #isAscii = true;
  #text = "";
  /** Whether the first piece that is no `ascii` says what the whole is. */
  readonly #adopts: boolean;

  constructor(start: Encoding, adopts: boolean) {
    this.#encoding = start;
    this.#adopts = adopts;
  }

  get length(): number {
    return this.#text.length;
  }

  /** Throws RubyError where letters and bytes beyond ASCII meet. */
  add(value: RubyValue): this {
    const text = toText(value);
    const encoding = encodingOf(value);
    if (!isAsciiText(text)) {
      if (!this.#isAscii && (encoding === "bytes") !== (this.#encoding === "bytes")) throw incompatible();
      this.#encoding = encoding;
      this.#isAscii = false;
    } else if (this.#adopts && this.#encoding === "ascii") this.#encoding = encoding;
    this.#text += text;
    return this;
  }

  value(): RubyValue {
    return this.#encoding === "bytes" ? new RubyBinary(this.#text) : this.#text;
  }
}

/** Numbers, nil and the like show as US-ASCII. */
export function encodingOf(value: RubyValue): Encoding {
  if (value instanceof RubyBinary) return "bytes";
  return typeof value === "string" ? "letters" : "ascii";
}

/** `force_encoding` and `encode`, of letters or bytes. */
export function recode(
  value: string | RubyBinary,
  method: "force_encoding" | "encode",
  parameters: RubyValue[],
): RubyValue {
  const names = parameters.filter((parameter) => typeof parameter === "string" || parameter instanceof RubyBinary);
  const [to, from] = names.map((name) => encodingNamed(toText(name)));
  if (method === "force_encoding") return to === "bytes" ? new RubyBinary(toText(value)) : toText(value);
  const source = from ?? encodingOf(value);
  if (to === "bytes") throw new UnsupportedRubyError("encode to ASCII-8BIT is not supported; write .b");
  if (source === "letters") return replaceRaw(toText(value), parameters);
  const letters = byteLetters(new RubyBinary(toText(value)));
  const by = replacement(parameters, "undef");
  return letters.replace(/[\uf780-\uf7ff]/g, (letter) => {
    if (by !== undefined) return by;
    const byte = (letter.charCodeAt(0) - PRIVATE).toString(16).toUpperCase();
    throw new RubyError("Encoding::UndefinedConversionError", `"\\x${byte}" from ASCII-8BIT to UTF-8`);
  });
}

/** UTF-8 to UTF-8: only what is no UTF-8 may change. */
function replaceRaw(text: string, parameters: RubyValue[]): string {
  const by = replacement(parameters, "invalid");
  return by === undefined ? text : text.replace(/\p{Surrogate}/gu, by);
}

function replacement(parameters: RubyValue[], option: "invalid" | "undef"): string | undefined {
  const options = parameters.find((parameter) => parameter instanceof Map) as Map<string, RubyValue> | undefined;
  if (options?.get(option) !== "replace") return undefined;
  const by = options.get("replace");
  return by === undefined || by === null ? "\ufffd" : toText(by);
}

function encodingNamed(name: string): Encoding {
  switch (
    name
      .toLowerCase()
      .replace(/^encoding::/, "")
      .replaceAll("_", "-")
  ) {
    case "utf-8":
      return "letters";
    case "us-ascii":
    case "ascii":
      return "ascii";
    case "ascii-8bit":
    case "binary":
      return "bytes";
    default:
      throw new UnsupportedRubyError(`encoding ${name} is not supported, only UTF-8, US-ASCII and ASCII-8BIT`);
  }
}
