/**
 * The contract of parsers: text in, entries out, byte to byte. Inputs that read text and the parser filter use it.
 *
 * A parser writes msgpack straight into the target, so that a line of a log needs no string and no object of its own
 * where the format allows it. Parsers keep no state between texts, but for caches.
 */

import type { Clock } from "../clock.ts";
import type { ConfigElement } from "../config/element.ts";
import type { SectionTable } from "../config/parameters.ts";
import type { ByteWriter } from "../event/byte-writer.ts";
import type { Logger } from "../logger.ts";

/** Where entries `[time, record]` go, one behind the other. */
export interface ParseTarget {
  readonly writer: ByteWriter;
  /** Entries written so far; the parser counts up. */
  size: number;
}

export interface Parser {
  /**
   * Writes the events of the text `bytes[start, end)`, which has no line end, behind what `target` holds. An event
   * without a time, where the configuration forbids to take the current one, has nil (`c0`) in the time's place.
   * Returns false when the text, or a part of it, does not match: `target` may hold events of the other parts. Throws
   * MalformedError when the text matches but makes no event, such as a time that cannot be read; what was written
   * before the throw is cut off again.
   */
  parse(bytes: Buffer, start: number, end: number, target: ParseTarget): boolean;
  /**
   * Present when the parser takes what is no text, too: the msgpack value `bytes[start, end)`. As `parse`.
   */
  parseValue?(bytes: Buffer, start: number, end: number, target: ParseTarget): boolean;
  /** Present when an event may have several lines and a line can be told to be the first of one. */
  isFirstLine?(bytes: Buffer, start: number, end: number): boolean;
  /**
   * Present when an event may have several lines and its last can be told: false when what follows may belong to it.
   * `parse` then takes the text as it is, several events or parts of them.
   */
  isWhole?(bytes: Buffer, start: number, end: number): boolean;
  /** True when an event may have several lines: the caller gathers lines before it parses. */
  readonly isMultiline?: boolean;
}

/**
 * What the bytes of a text are. Lines of files are `binary` unless the input names an encoding: every byte is a letter.
 * Fields of records are `utf-8`: a text that is none is an error where letters count.
 */
export type TextEncoding = "binary" | "utf-8";

/** What the owner of a parser gives. */
export interface ParserOwner {
  readonly clock: Clock;
  readonly logger: Logger;
  /** `binary` unless given. */
  readonly encoding?: TextEncoding;
  /** Whether texts of several lines that do not match become events of their own; only a parser of such asks. */
  readonly emitsUnmatched?: boolean;
  /** Times come from the field that `time_key` names, and from none where it is not given. */
  readonly noTimeKey?: boolean;
}

export interface ParserContext extends ParserOwner {
  readonly encoding: TextEncoding;
  readonly element: ConfigElement;
  /** The parser's `timeout`: how long the match of a long text may take; undefined for the usual. */
  readonly matchDeadlineMs: number | undefined;
  /** The parser of a section within this one, of type `type`. Throws ConfigError. */
  createParser(element: ConfigElement, type: string): Parser;
}

export interface ParserDefinition<C = unknown> {
  readonly kind: "parser";
  /** `@type` in `<parse>`. */
  readonly type: string;
  readonly table: SectionTable<C>;
  /** Throws ConfigError. */
  create(config: C, context: ParserContext): Parser;
}
