/**
 * The events of lines: one unit of text, a line or the lines of one event, at a time. What the parser does not take
 * becomes an event of its own with `emit_unmatched_lines`, and is counted and told otherwise. Warnings quote the text,
 * but only now and then: a log that is followed by its own writer must not feed itself.
 * Source: fluentd 1.18 in_tail.rb `convert_line_to_event`, `flush_buffer`.
 */

import { isAscii } from "node:buffer";
import type { Clock } from "../../clock.ts";
import type { Counters } from "../../counters.ts";
import { errorMessage, MalformedError } from "../../errors.ts";
import { encode } from "../../event/msgpack.ts";
import { hasTime, splitEntries } from "../../parser/added-fields.ts";
import type { ParseTarget } from "../../parser/parser.ts";
import { writeTextHeader } from "../../parser/ruby-number.ts";
import type { RareWarnings } from "../../rare-warnings.ts";
import type { LineParsers } from "./line-parsers.ts";
import type { PathField } from "./path-field.ts";

/** Of a text that a warning quotes. */
const QUOTED_BYTES = 512;
const NIL = 0xc0;
const UNMATCHED_KEY = encode("unmatched_line");

/** The file that a text comes from. */
export interface TextSource {
  readonly path: string;
  /** The path as msgpack. */
  readonly pathValue: Buffer;
}

export interface LineEventRules extends LineParsers {
  /** Puts a text into the encoding of the parsers. */
  readonly convert: ((bytes: Buffer) => Buffer) | undefined;
  readonly pathField: PathField | undefined;
  readonly emitsUnmatched: boolean;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly warnings: RareWarnings;
}

export class LineEvents {
  readonly #rules: LineEventRules;

  constructor(rules: LineEventRules) {
    this.#rules = rules;
  }

  /** Writes the events of `bytes[start, end)`, which has no line end, and says whether the text was one. */
  add(bytes: Buffer, start: number, end: number, target: ParseTarget, source: TextSource): boolean {
    const { convert, pathField, counters, warnings } = this.#rules;
    if (convert) {
      bytes = convert(bytes.subarray(start, end));
      start = 0;
      end = bytes.length;
    }
    const before = target.writer.length;
    const sizeBefore = target.size;
    try {
      const matches = this.#parse(bytes, start, end, target);
      for (const entry of takenBack(target, before, sizeBefore)) {
        if (hasTime(entry)) {
          target.writer.copy(entry);
          target.size += 1;
        } else this.#unmatched(bytes, start, end, target, source);
      }
      if (!matches) this.#unmatched(bytes, start, end, target, source);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      counters.add("dropped_events", 1, "invalid_line");
      const line = quote(bytes, start, end);
      warnings.warn("invalid line found", { file: source.path, line, error: errorMessage(error) });
      return false;
    }
    const added = target.size - sizeBefore;
    if (pathField && added > 0) pathField.add(target.writer, before, added, source.pathValue);
    return true;
  }

  /**
   * Writes the events when the text is whole, and nothing, without a word, when it is not. Says whether it is. fluentd asks
   * about the text with its last line end, `[start, lineEnd)`, and makes events of the one without, `[start, end)`.
   */
  try(bytes: Buffer, start: number, end: number, lineEnd: number, target: ParseTarget, source: TextSource): boolean {
    const { convert, parser } = this.#rules;
    const given = bytes.subarray(start, parser.isWhole ? end : lineEnd);
    const text = convert ? convert(given) : given;
    const isWhole = parser.isWhole?.(text, 0, text.length) ?? this.#isWhole(text, target);
    if (isWhole) this.add(bytes, start, end, target, source);
    return isWhole;
  }

  /** Whether the parser makes an event of the text, or of its beginning. */
  #isWhole(text: Buffer, target: ParseTarget): boolean {
    const [length, size] = [target.writer.length, target.size];
    try {
      this.#parse(text, 0, text.length, target);
      return target.writer.length > length && target.writer.at(length + 1) !== NIL;
    } catch (error) {
      if (error instanceof MalformedError) return false;
      throw error;
    } finally {
      target.writer.truncate(length);
      target.size = size;
    }
  }

  isFirstLine(bytes: Buffer, start: number, end: number): boolean {
    const { parser, convert } = this.#rules;
    if (!convert) return parser.isFirstLine?.(bytes, start, end) ?? false;
    const text = convert(bytes.subarray(start, end));
    return parser.isFirstLine?.(text, 0, text.length) ?? false;
  }

  /** A line that continues an event whose first line is not there. */
  addOrphan(bytes: Buffer, start: number, end: number, target: ParseTarget, source: TextSource): void {
    const { emitsUnmatched, counters, warnings } = this.#rules;
    const line = quote(bytes, start, end);
    warnings.warn("got incomplete line before first line", { file: source.path, line });
    if (emitsUnmatched) this.add(bytes, start, end, target, source);
    else counters.add("dropped_events", 1, "incomplete_line");
  }

  /** A line that is longer than `limit` bytes is left out. */
  skipLong(limit: number, source: TextSource): void {
    this.#rules.counters.add("dropped_events", 1, "long_line");
    this.#rules.warnings.warn(`received line length is longer than ${limit}`, { file: source.path });
  }

  #parse(bytes: Buffer, start: number, end: number, target: ParseTarget): boolean {
    const { asciiParser } = this.#rules;
    const parser = asciiParser && isAscii(bytes.subarray(start, end)) ? asciiParser : this.#rules.parser;
    return parser.parse(bytes, start, end, target);
  }

  #unmatched(bytes: Buffer, start: number, end: number, target: ParseTarget, source: TextSource): void {
    const { emitsUnmatched, asciiParser, clock, counters, warnings } = this.#rules;
    warnings.warn("pattern not matched", { file: source.path, line: quote(bytes, start, end) });
    if (!emitsUnmatched) {
      counters.add("dropped_events", 1, "unmatched_line");
      return;
    }
    const now = clock.now();
    const seconds = Math.floor(now / 1000);
    const { writer } = target;
    writer.byte(0x92);
    writer.eventTime(seconds, Math.floor((now - seconds * 1000) * 1e6));
    writer.byte(0x81);
    writer.copy(UNMATCHED_KEY);
    const isLetters = asciiParser !== undefined && isAscii(bytes.subarray(start, end));
    writeTextHeader(writer, end - start, isLetters ? "utf-8" : this.#rules.encoding);
    writer.copy(bytes, start, end);
    target.size += 1;
  }
}

/** The entries from `start` on, no longer in the target, when one of them has no time: it counts as unmatched. */
function takenBack(target: ParseTarget, start: number, size: number): readonly Buffer[] {
  const count = target.size - size;
  if (count === 0 || (count === 1 && target.writer.at(start + 1) !== NIL)) return [];
  const entries = [...splitEntries(Buffer.from(target.writer.view().subarray(start)))];
  if (entries.every(hasTime)) return [];
  target.writer.truncate(start);
  target.size = size;
  return entries;
}

function quote(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString("utf8", start, Math.min(end, start + QUOTED_BYTES));
  return end - start > QUOTED_BYTES ? `${text}… (${end - start} bytes)` : text;
}
