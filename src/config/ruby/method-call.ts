/** Calls a method, where texts of bytes take part with what Ruby makes of their encodings. */

import { binaryOf, byteLetters, hasByteLetters, incompatible, isAsciiText, recode } from "./binary-text.ts";
import { BoundedRegExp } from "./bounded-regexp.ts";
import { lastMatch } from "./match.ts";
import { methodOf } from "./method-lookup.ts";
import { textBytes } from "./text.ts";
import { RubyBinary, type RubyBlock, RubyError, RubyMatch, type RubyValue, toText } from "./values.ts";

export function callMethod(
  receiver: RubyValue,
  name: string,
  parameters: RubyValue[],
  block: RubyBlock | undefined,
): RubyValue {
  if (receiver instanceof RubyBinary || typeof receiver === "string") {
    if (name === "force_encoding" || name === "encode") return recode(receiver, name, parameters);
    if (name === "b") return receiver instanceof RubyBinary ? receiver : new RubyBinary(receiver);
  }
  if (receiver instanceof RubyBinary && Object.hasOwn(OF_BYTES, name)) {
    return (OF_BYTES[name] as (self: RubyBinary) => RubyValue)(receiver);
  }
  if (!takesBytes(receiver, parameters)) return methodOf(receiver, name)(receiver, parameters, block);
  return new BytesCall(receiver, name, parameters).run(block);
}

/** What bytes answer otherwise than letters. */
const OF_BYTES: Readonly<Record<string, (self: RubyBinary) => RubyValue>> = {
  encoding: () => "ASCII-8BIT",
  "valid_encoding?": () => true,
  scrub: (self) => self,
  bytes: ({ text }) => [...textBytes(text)],
  bytesize: ({ text }) => textBytes(text).length,
  ord: ({ text }) => {
    const [byte] = textBytes(text);
    if (byte === undefined) throw new RubyError("ArgumentError", "empty string");
    return byte;
  },
  unicode_normalize: () => {
    throw new RubyError("Encoding::CompatibilityError", "Unicode Normalization not appropriate for ASCII-8BIT");
  },
};

/** Methods whose text is in letters, whatever their receiver. */
const GIVES_LETTERS = new Set(["to_sym", "intern", "inspect", "to_json", "class"]);
/** Methods that compare, and may find that bytes are not letters. */
const COMPARES = new Set(["==", "!=", "===", "eql?", "eql", "equal?", "<=>", "casecmp", "casecmp?", ...GIVES_LETTERS]);

function takesBytes(receiver: RubyValue, parameters: readonly RubyValue[]): boolean {
  if (receiver instanceof RubyBinary) return true;
  if (receiver instanceof RubyMatch) return receiver.isBinary;
  const takesTexts = typeof receiver === "string" || receiver instanceof RegExp;
  return takesTexts && parameters.some((parameter) => parameter instanceof RubyBinary);
}

class BytesCall {
  readonly #receiver: RubyValue;
  readonly #name: string;
  readonly #parameters: readonly RubyValue[];
  /** Whether bytes beyond ASCII take part. */
  readonly #hasBytes: boolean;

  constructor(receiver: RubyValue, name: string, parameters: readonly RubyValue[]) {
    this.#receiver = receiver;
    this.#name = name;
    this.#parameters = parameters;
    const all = [receiver, ...parameters];
    this.#hasBytes =
      receiver instanceof RubyMatch || all.some((value) => value instanceof RubyBinary && !isAsciiText(value.text));
    if (this.#hasBytes && !COMPARES.has(name) && all.some(hasLetters)) throw incompatible();
  }

  run(block: RubyBlock | undefined): RubyValue {
    if (this.#name === "inspect" || this.#name === "to_json") {
      return methodOf(this.#receiver, this.#name)(this.#receiver, [...this.#parameters]);
    }
    const self = letters(this.#receiver);
    const found = lastMatch.value;
    const result = methodOf(self, this.#name)(self, this.#parameters.map(letters), block && this.#block(block, found));
    this.#markMatch(found);
    const given = this.#given(result);
    // What parts a text is the very separator that was asked for.
    const [separator] = this.#parameters;
    const isParted = Array.isArray(given) && this.#name.endsWith("partition") && typeof separator === "string";
    if (isParted && toText(given[1] ?? null) === separator) given[1] = separator;
    return given;
  }

  #block(block: RubyBlock, found: RubyMatch | null): RubyBlock {
    return (...values) => {
      this.#markMatch(found);
      return letters(block(...values.map((value) => this.#given(value))));
    };
  }

  /** What this call has matched consists of what it matched in. */
  #markMatch(before: RubyMatch | null): void {
    const { value } = lastMatch;
    if (value && value !== before) value.isBinary = this.#receiver instanceof RubyBinary || this.#hasBytes;
  }

  #given(value: RubyValue): RubyValue {
    if (Array.isArray(value)) return value.map((item) => this.#given(item));
    if (typeof value !== "string") return value;
    if (this.#hasBytes && hasByteLetters(value)) return binaryOf(value);
    const isBinary = this.#receiver instanceof RubyBinary || this.#receiver instanceof RubyMatch;
    return isBinary && !GIVES_LETTERS.has(this.#name) && isAsciiText(value) ? new RubyBinary(value) : value;
  }
}

const letters = (value: RubyValue): RubyValue => (value instanceof RubyBinary ? byteLetters(value) : value);

function hasLetters(value: RubyValue): boolean {
  if (typeof value === "string") return !isAsciiText(value);
  return value instanceof BoundedRegExp && value.isOfLetters;
}
