/** The batch of one request. */

import { isAscii } from "node:buffer";
import { batchMemory } from "../../event/batch-memory.ts";
import { ByteWriter } from "../../event/byte-writer.ts";
import { EventStream, entryBounds } from "../../event/event-stream.ts";
import { EventTime } from "../../event/event-time.ts";
import { ABSENT, isKey, mapSize, mapStart } from "../../event/record-fields.ts";
import { withoutFields } from "../../event/record-removal.ts";
import { RecordSplice } from "../../event/record-splice.ts";
import { skipValue } from "../../event/walker.ts";
import type { Parser } from "../../parser/parser.ts";
import type { ParserPair } from "../../parser/parser-list.ts";
import type { PluginContext } from "../../plugin.ts";
import { eventTimeBytes } from "../text/extract.ts";
import { readTime, recordsOf, type TimeField } from "./event-body.ts";
import type { RequestParams } from "./request-params.ts";

/** How bodies are read: by the parser of `<parse>`, or by their content type, with the time in a field. */
export type Parsing = { readonly parsers: ParserPair } | { readonly time: TimeField };

const NIL = 0xc0;

export class RequestEvents {
  readonly #parsing: Parsing;
  readonly #context: PluginContext;

  constructor(parsing: Parsing, context: PluginContext) {
    this.#parsing = parsing;
    this.#context = context;
  }

  get hasOwnParser(): boolean {
    return "parsers" in this.#parsing;
  }

  /** `given` is the time that the request itself names for all its events. Throws MalformedError. */
  read(
    params: RequestParams,
    body: Buffer,
    fields: ReadonlyMap<string, Buffer>,
    given: Buffer | "now" | undefined,
  ): EventStream {
    const now = eventTimeBytes(EventTime.fromMilliseconds(this.#context.clock.now()));
    const batch = new Batch(body.length + 64, fields, now, given === "now" ? now : given);
    if ("parsers" in this.#parsing) this.#parse(this.#parsing.parsers[isAscii(body) ? "utf-8" : "binary"], body, batch);
    else {
      const field = this.#parsing.time;
      recordsOf(params, (bytes, start) => batch.take(bytes, start, field));
    }
    return batch.finish();
  }

  #parse(parser: Parser, body: Buffer, batch: Batch): void {
    const parsed = { writer: new ByteWriter(body.length + 64), size: 0 };
    const matches = parser.parse(body, 0, body.length, parsed);
    if (!matches) this.#context.counters.add("dropped_events", 1, "unmatched");
    const entries = parsed.writer.view();
    for (const { timeStart, recordStart } of entryBounds(entries)) {
      batch.add(
        entries[timeStart] === NIL ? undefined : entries.subarray(timeStart, recordStart),
        entries,
        recordStart,
      );
    }
  }
}

class Batch {
  readonly #room: Buffer;
  readonly #writer: ByteWriter;
  readonly #splice: RecordSplice;
  readonly #values: readonly Buffer[];
  readonly #now: Buffer;
  readonly #given: Buffer | undefined;
  #size = 0;

  /** `fields` are those that each record gets; `now` is the time of events without one, `given` that of all. */
  constructor(room: number, fields: ReadonlyMap<string, Buffer>, now: Buffer, given: Buffer | undefined) {
    this.#room = batchMemory.take(room);
    this.#writer = new ByteWriter(this.#room);
    this.#splice = new RecordSplice([...fields.keys()]);
    this.#values = [...fields.values()];
    this.#now = now;
    this.#given = given;
  }

  /** Adds the record at `start` and returns the position behind it. */
  add(time: Buffer | undefined, bytes: Buffer, start: number): number {
    this.#head(time);
    return this.#splice.write(this.#writer, bytes, start, this.#values);
  }

  /** As `add`, with the time of the record's own field. Throws MalformedError when it is none. */
  take(bytes: Buffer, start: number, { key: name, keeps, parser }: TimeField): number {
    // A time that the request names leaves the record's own where it is.
    if (this.#given) return this.add(undefined, bytes, start);
    const first = mapStart(bytes, start);
    const size = mapSize(bytes, start);
    let [found, end] = [ABSENT, first];
    for (let left = size; left > 0; left--) {
      const value = skipValue(bytes, end, bytes.length);
      if (isKey(bytes, end, value, name)) found = value;
      end = skipValue(bytes, value, bytes.length);
    }
    const time = found === ABSENT ? undefined : readTime(bytes, found, parser);
    if (found === ABSENT && this.#values.length === 0) {
      this.#head(time);
      this.#writer.mapHeader(size);
      this.#writer.copy(bytes, first, end);
    } else if (found === ABSENT || keeps) this.add(time, bytes, start);
    else this.add(time, withoutFields(bytes.subarray(start, end), [name]), 0);
    return end;
  }

  #head(time: Buffer | undefined): void {
    this.#writer.byte(0x92);
    this.#writer.copy(this.#given ?? time ?? this.#now);
    this.#size += 1;
  }

  finish(): EventStream {
    const release = () => batchMemory.give(this.#room);
    return new EventStream(this.#writer.take(), this.#size, { release });
  }
}
