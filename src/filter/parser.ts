/**
 * `@type parser`: takes a field apart with a parser; what it gives becomes the record, or is merged into it.
 * Source: fluentd 1.18 plugin/filter_parser.rb.
 */

import { bool, string } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { MalformedError } from "../errors.ts";
import { batchMemory } from "../event/batch-memory.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import type { EventStream } from "../event/event-stream.ts";
import { recordAccessor } from "../event/record-accessor.ts";
import { ABSENT, isBinary, textStart } from "../event/record-fields.ts";
import { digPath, type FieldPath } from "../event/record-reader.ts";
import { skipValue } from "../event/walker.ts";
import type { Parser, ParseTarget } from "../parser/parser.ts";
import { createParsers, type ParserPair, parseParameters, parseSections } from "../parser/parser-list.ts";
import type { FailedEvent, FilterDefinition, PluginContext } from "../plugin.ts";
import { ParsedRecord } from "./parser/parsed-record.ts";

const table = section(
  {
    ...parseParameters,
    key_name: string.required("Field to parse; an accessor such as $.a.b works."),
    reserve_data: bool.default("Keep the record's fields beside the parsed ones.", false),
    reserve_time: bool.default("Keep the event's time.", false),
    remove_key_name_field: bool.default("Without the parsed field, where parsing succeeds.", false),
    inject_key_prefix: string.optional("Put before the names of parsed fields."),
    replace_invalid_sequence: bool.default("Replace bytes that are no UTF-8 by ? where they hinder the parser.", false),
    hash_value_field: string.optional("Field that the parsed fields go into as a hash."),
    emit_invalid_record_to_error: bool.default("Hand events that cannot be parsed to @ERROR.", true),
  },
  parseSections,
);

type Config = ConfigOf<typeof table>;

const NIL = 0xc0;

type Fault = () => Error;

export const parserFilter: FilterDefinition<Config> = {
  kind: "filter",
  type: "parser",
  table,
  create(config, context) {
    const filter = new ParserFilter(config, context);
    return {
      start: async () => {},
      stop: async () => {},
      filter: (tag, events) => filter.filter(tag, events),
    };
  },
};

class ParserFilter {
  readonly #config: Config;
  readonly #context: PluginContext;
  readonly #parsers: ParserPair;
  readonly #path: FieldPath;
  readonly #record: ParsedRecord;
  readonly #scratch: ParseTarget = { writer: new ByteWriter(), size: 0 };

  constructor(config: Config, context: PluginContext) {
    const { clock, logger, element } = context;
    this.#config = config;
    this.#context = context;
    this.#path = recordAccessor(config.keyName, element.parameter("key_name")?.position);
    this.#parsers = createParsers(element, { clock, logger });
    this.#record = new ParsedRecord(config, this.#path);
  }

  async filter(tag: string, events: EventStream): Promise<EventStream> {
    const { packed } = events;
    const room = batchMemory.take(packed.length * 2);
    const target = { writer: new ByteWriter(room), size: 0 };
    const failures: FailedEvent[] = [];
    for (let start = 0, end = 0; start < packed.length; start = end) {
      const recordStart = skipValue(packed, start + 1, packed.length);
      end = skipValue(packed, recordStart, packed.length);
      const fault = this.#event(packed, start, recordStart, end, target);
      if (!fault || !this.#config.emitInvalidRecordToError) continue;
      failures.push({ entry: packed.subarray(start, end), error: fault() });
    }
    if (failures.length > 0) await this.#context.emitErrors(tag, failures);
    return events.replacedBy(target.writer.take(), target.size, room);
  }

  /** Writes what becomes of one event; what was wrong with it is told to whoever asks. */
  #event(packed: Buffer, start: number, recordStart: number, end: number, target: ParseTarget): Fault | undefined {
    try {
      const value = digPath(packed, recordStart, this.#path);
      if (value === ABSENT || packed[value] === NIL) {
        if (this.#config.reserveData) this.#keep(target, packed.subarray(start, end));
        return () => new MalformedError(`${this.#config.keyName} does not exist`);
      }
      const text = textStart(packed, value);
      const parser = this.#parsers[isBinary(packed, value) ? "binary" : "utf-8"];
      const parse = text === ABSENT ? parser.parseValue : parser.parse;
      if (!parse) return () => new MalformedError("parse failed: the value is no text");
      const content = text === ABSENT ? value : text;
      const contentEnd = skipValue(packed, value, packed.length);
      const matches = this.#parse(parse, packed, content, contentEnd);
      target.size += this.#record.write(target.writer, packed, start, recordStart, this.#scratch.writer.view());
      if (matches) return undefined;
      if (this.#config.reserveData) this.#keep(target, packed.subarray(start, end));
      return () =>
        new MalformedError(`pattern not matched with data '${packed.toString("utf8", content, contentEnd)}'`);
    } catch (error) {
      if (error instanceof MalformedError) return () => error;
      throw error;
    }
  }

  #keep(target: ParseTarget, entry: Buffer): void {
    this.#record.writeUnparsed(target.writer, entry);
    target.size += 1;
  }

  /** Parses `bytes[start, end)` into the scratch. */
  #parse(parse: Parser["parse"], bytes: Buffer, start: number, end: number): boolean {
    this.#scratch.writer.truncate(0);
    try {
      return parse(bytes, start, end, this.#scratch);
    } catch (error) {
      const isBroken = error instanceof MalformedError && error.message.startsWith("invalid byte sequence in");
      if (!isBroken || !this.#config.replaceInvalidSequence) throw error;
      const replaced = Buffer.from(bytes.toString("utf8", start, end).replaceAll("\ufffd", "?"));
      return parse(replaced, 0, replaced.length, this.#scratch);
    }
  }
}
