/** The batch of one request. */

import { isAscii } from "node:buffer";
import { ByteWriter } from "../../event/byte-writer.ts";
import { EventStream, entryBounds } from "../../event/event-stream.ts";
import { EventTime } from "../../event/event-time.ts";
import { RecordSplice } from "../../event/record-splice.ts";
import type { Parser } from "../../parser/parser.ts";
import type { ParserPair } from "../../parser/parser-list.ts";
import type { PluginContext } from "../../plugin.ts";
import { eventTimeBytes } from "../text/extract.ts";
import { recordsOf, type TimeField, takeTime } from "./event-body.ts";
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
    const splice = new RecordSplice([...fields.keys()]);
    const values = [...fields.values()];
    const writer = new ByteWriter(body.length + 64);
    let size = 0;
    const write = (time: Buffer | undefined, record: Buffer) => {
      writer.byte(0x92);
      writer.copy(given === "now" ? now : (given ?? time ?? now));
      splice.write(writer, record, 0, values);
      size += 1;
    };
    if ("parsers" in this.#parsing) this.#parse(this.#parsing.parsers[isAscii(body) ? "utf-8" : "binary"], body, write);
    else {
      const field = this.#parsing.time;
      recordsOf(params, (bytes, start, end) => {
        // A time that the request names leaves the record's own where it is.
        if (given !== undefined) return write(undefined, bytes.subarray(start, end));
        const { time, record } = takeTime(bytes, start, end, field);
        write(time, record);
      });
    }
    return new EventStream(writer.take(), size);
  }

  #parse(parser: Parser, body: Buffer, write: (time: Buffer | undefined, record: Buffer) => void): void {
    const parsed = { writer: new ByteWriter(body.length + 64), size: 0 };
    const matches = parser.parse(body, 0, body.length, parsed);
    if (!matches) this.#context.counters.add("dropped_events", 1, "unmatched");
    const entries = parsed.writer.view();
    for (const { timeStart, recordStart, end } of entryBounds(entries)) {
      const time = entries[timeStart] === NIL ? undefined : entries.subarray(timeStart, recordStart);
      write(time, entries.subarray(recordStart, end));
    }
  }
}
