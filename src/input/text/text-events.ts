/**
 * From texts to batches: what inputs that get texts have in common. A text is parsed, its events get the sender's fields
 * and give up what `<extract>` wants; runs of one tag become one batch.
 */

import type { Clock } from "../../clock.ts";
import { ByteWriter } from "../../event/byte-writer.ts";
import { EventStream, entryBounds } from "../../event/event-stream.ts";
import { EVENT_TIME_BYTES, EventTime } from "../../event/event-time.ts";
import { RecordSplice } from "../../event/record-splice.ts";
import type { Parser } from "../../parser/parser.ts";
import { type Extract, eventTimeBytes } from "./extract.ts";

export interface Batch {
  readonly tag: string;
  readonly events: EventStream;
}

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
  readonly #writer = new ByteWriter();
  #batches: Batch[] = [];
  #tag = "";
  #size = 0;

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
    this.#endBatch();
    const batches = this.#batches;
    this.#batches = [];
    return batches;
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
    if (tag !== this.#tag) this.#endBatch();
    this.#tag = tag;
    this.#writer.byte(0x92);
    if (timeStart < recordStart) this.#writer.copy(bytes, timeStart, recordStart);
    else this.#writer.copy(extracted?.time ?? this.#now(), 0, EVENT_TIME_BYTES);
    if (extracted) this.#splice.write(this.#writer, extracted.record, 0, values);
    else this.#splice.write(this.#writer, bytes, recordStart, values);
    this.#size += 1;
  }

  #now(): Buffer {
    return eventTimeBytes(EventTime.fromMilliseconds(this.#options.clock.now()));
  }

  #endBatch(): void {
    if (this.#size === 0) return;
    this.#batches.push({ tag: this.#tag, events: new EventStream(this.#writer.take(), this.#size) });
    this.#size = 0;
  }
}
