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
import { recordsOf, takeTime } from "./event-body.ts";
import type { RequestParams } from "./request-params.ts";

/** How bodies are read: by the parser of `<parse>`, or by their content type, with the time in a field. */
export interface Parsing {
  readonly parsers?: ParserPair;
  readonly timeKey?: string;
  readonly keepTimeKey?: boolean;
}

const NIL = 0xc0;

export class RequestEvents {
  readonly #parsing: Parsing;
  readonly #context: PluginContext;
  readonly #timeKey: Buffer;

  constructor(parsing: Parsing, context: PluginContext) {
    this.#parsing = parsing;
    this.#context = context;
    this.#timeKey = Buffer.from(parsing.timeKey ?? "time");
  }

  get hasOwnParser(): boolean {
    return this.#parsing.parsers !== undefined;
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
    const { parsers } = this.#parsing;
    if (parsers) this.#parse(parsers[isAscii(body) ? "utf-8" : "binary"], body, write);
    else {
      recordsOf(params, (bytes, start, end) => {
        const { time, record } = this.#timed(bytes, start, end, given !== undefined);
        write(time, record);
      });
    }
    return new EventStream(writer.take(), size);
  }

  /** A time that the request names leaves the record's own where it is. */
  #timed(bytes: Buffer, start: number, end: number, isGiven: boolean) {
    if (isGiven) return { time: undefined, record: bytes.subarray(start, end) };
    return takeTime(bytes, start, end, this.#timeKey, this.#parsing.keepTimeKey ?? false);
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
