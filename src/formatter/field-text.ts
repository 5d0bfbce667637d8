/** A field as the text that patterns are matched with. */

import { binaryOf, byteLetters, hasByteLetters, isAsciiText } from "../config/ruby/binary-text.ts";
import { BoundedRegExp } from "../config/ruby/bounded-regexp.ts";
import { bytesText, hasRawBytes } from "../config/ruby/text.ts";
import { RubyBinary } from "../config/ruby/values.ts";
import { MalformedError } from "../errors.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { stringHeader } from "../event/msgpack-header.ts";
import { ABSENT, isBinary } from "../event/record-fields.ts";
import { digPath, type FieldPath, findPath } from "../event/record-reader.ts";
import { writeRubyText } from "../event/ruby-text.ts";
import { skipValue } from "../event/walker.ts";

/**
 * What Ruby's `to_s` gives for the field at `path`, "" where there is none. In a str bytes that are no UTF-8 become
 * `?`, as fluentd scrubs them for a match; in a bin they are letters of their own.
 */
export function fieldText(packed: Buffer, recordStart: number, path: FieldPath): string {
  return textAt(packed, findPath(packed, recordStart, path));
}

function textAt(packed: Buffer, position: number): string {
  if (position === ABSENT) return "";
  const header = stringHeader(packed[position] as number);
  if (header > 0) {
    const text = bytesText(packed, position + header, skipValue(packed, position, packed.length));
    return isBinary(packed, position) ? text : scrubbed(text);
  }
  const writer = new ByteWriter(64);
  writeRubyText(writer, packed, position);
  return scrubbed(bytesText(writer.view()));
}

function scrubbed(text: string): string {
  return hasRawBytes(text) ? text.replace(/\p{Surrogate}/gu, "?") : text;
}

/** A field that is to be matched: a bin byte by byte. */
export class MatchedField {
  readonly text: string;
  readonly #isBinary: boolean;

  /** Throws MalformedError where the path leads through a value without fields. */
  constructor(packed: Buffer, recordStart: number, path: FieldPath) {
    const position = digPath(packed, recordStart, path);
    const text = textAt(packed, position);
    this.#isBinary = position !== ABSENT && isBinary(packed, position) && !isAsciiText(text);
    this.text = this.#isBinary ? byteLetters(new RubyBinary(text)) : text;
  }

  /** Throws MalformedError for letters in the pattern and bytes beyond ASCII in the field: Ruby matches no such two. */
  match(pattern: RegExp): RegExpExecArray | null {
    if (this.#isBinary && pattern instanceof BoundedRegExp && pattern.isOfLetters) {
      throw new MalformedError("incompatible encoding regexp match (UTF-8 regexp with ASCII-8BIT string)");
    }
    return pattern.exec(this.text);
  }

  /** What a part of a match stands for. */
  shown(part: string): string {
    return this.#isBinary && hasByteLetters(part) ? binaryOf(part).text : part;
  }
}
