/**
 * From texts to batches: what inputs that get texts have in common. A text is parsed, its events get the sender's fields
 * and give up what `<extract>` wants; runs of one tag become one batch.
 */

import type { Clock } from "../../clock.ts";
import { ByteWriter } from "../../event/byte-writer.ts";
import { entryBounds } from "../../event/event-stream.ts";
import { EVENT_TIME_BYTES, EventTime } from "../../event/event-time.ts";
import { RecordSplice } from "../../event/record-splice.ts";
import type { Parser } from "../../parser/parser.ts";
import { type Batch, Batches } from "./batches.ts";
import { type Extract, eventTimeBytes } from "./extract.ts";

export interface TextEventsOptions {
  readonly clock: Clock;
  /** Fields that each record gets; their values come with the text. */
  readonly fields: readonly string[];
  readonly extract: Extract | undefined;
  /** What an event without a time gets: the current one, or nothing: then it is no match. */
  readonly withoutTime: "now" | "unmatched";
}

const NIL = 0xc0;

export class TextEvents {
  readonly #options: TextEventsOptions;
  readonly #splice: RecordSplice;
  readonly #parsed = { writer: new ByteWriter(), size: 0 };
  readonly #batches = new Batches();

  constructor(options: TextEventsOptions) {
    this.#options = options;
    this.#splice = new RecordSplice(options.fields);
  }

  /**
   * Parses the text `bytes[start, end)` with `parser`; `values` are the msgpack of the fields. False when it does not match. Throws
   * MalformedError as the parser does.
   */
  add(parser: Parser, tag: string, bytes: Buffer, start: number, end: number, values: readonly Buffer[]): boolean {
    const parsed = this.#parsed;
    parsed.writer.truncate(0);
    parsed.size = 0;
    let matches = parser.parse(bytes, start, end, parsed);
    const entries = parsed.writer.view();
    for (const { timeStart, recordStart, end: entryEnd } of entryBounds(entries)) {
      const hasTime = entries[timeStart] !== NIL;
      if (!hasTime && this.#options.withoutTime === "unmatched") matches = false;
      else this.#write(tag, entries, hasTime ? timeStart : recordStart, recordStart, entryEnd, values);
    }
    return matches;
  }

  /** The batches so far, in order. */
  take(): Batch[] {
    return this.#batches.take();
  }

  /** No time is there when `timeStart` is `recordStart`. */
  #write(
    givenTag: string,
    bytes: Buffer,
    timeStart: number,
    recordStart: number,
    end: number,
    values: readonly Buffer[],
  ): void {
    const extracted = this.#options.extract?.take(bytes, recordStart, end, timeStart < recordStart);
    const tag = extracted?.tag ?? givenTag;
    const writer = this.#batches.begin(tag);
    if (timeStart < recordStart) writer.copy(bytes, timeStart, recordStart);
    else writer.copy(extracted?.time ?? this.#now(), 0, EVENT_TIME_BYTES);
    if (extracted) this.#splice.write(writer, extracted.record, 0, values);
    else if (values.length === 0) writer.copy(bytes, recordStart, end);
    else this.#splice.write(writer, bytes, recordStart, values);
  }

  #now(): Buffer {
    return eventTimeBytes(EventTime.fromMilliseconds(this.#options.clock.now()));
  }
}
