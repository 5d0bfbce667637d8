/** A field as the text that patterns are matched with. */

import { bytesText, hasRawBytes } from "../config/ruby/text.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { stringHeader } from "../event/msgpack-header.ts";
import { ABSENT, isBinary } from "../event/record-fields.ts";
import { type FieldPath, findPath } from "../event/record-reader.ts";
import { writeRubyText } from "../event/ruby-text.ts";
import { skipValue } from "../event/walker.ts";

/**
 * What Ruby's `to_s` gives for the field at `path`, "" where there is none. In a str bytes that are no UTF-8 become
 * `?`, as fluentd scrubs them for a match; in a bin they are letters of their own.
 */
export function fieldText(packed: Buffer, recordStart: number, path: FieldPath): string {
  const position = findPath(packed, recordStart, path);
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
