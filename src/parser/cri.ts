/**
 * `@type cri`: a line of the container runtime, `TIME STREAM LOGTAG MESSAGE`, cut at its first three white spaces.
 *
 * Lines that the runtime cut into parts (logtag `P`) stay parts, as with the gem, where the filter concat joins them;
 * `join_partial_lines` does so without it.
 * Source: fluent-plugin-parser-cri 0.1.1.
 */

import { bool } from "../config/literals.ts";
import { type ConfigOf, raw, section } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { encode } from "../event/msgpack.ts";
import { addedField } from "../event/record-merge.ts";
import { splitEntries, writeEntryWithFields } from "./added-fields.ts";
import { commonParameters, eventTimeParser } from "./common-parameters.ts";
import { joiningParser } from "./cri-parts.ts";
import { EntryWriter } from "./entry-writer.ts";
import type { Parser, ParserContext, ParserDefinition, TextEncoding } from "./parser.ts";
import { writeTextHeader } from "./ruby-number.ts";

/** What the runtime writes, in fluentd's words. */
const CRI_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%L%z";

const table = section(
  {
    ...commonParameters({ timeKey: "time", timeFormat: CRI_TIME_FORMAT, keepTimeKey: true }),
    merge_cri_fields: bool.default("With <parse> within: add stream and logtag to its record.", true),
    join_partial_lines: bool.default(
      "Join the parts (logtag P) of a line that the runtime cut. In tail: up to 1 MiB a line, waiting for `multiline_flush_interval`, 60 s by default. Not of fluentd, which needs the filter concat for it.",
      false,
    ),
  },
  { parse: raw },
);

type Config = ConfigOf<typeof table>;

export const criParser: ParserDefinition<Config> = {
  kind: "parser",
  type: "cri",
  table,
  create(config, context) {
    const parser = singleParser(config, context);
    return config.joinPartialLines ? joiningParser(parser, new CriLine()) : parser;
  },
};

function singleParser(config: Config, context: ParserContext): Parser {
  const [inner] = config.parse;
  if (!inner) return plainParser(config, context);
  const type = inner.text("@type");
  if (type === undefined) throw new ConfigError("@type is required in <parse>", inner.position);
  return nestedParser(context.createParser(inner, type), config.mergeCriFields, context.encoding);
}

const STREAM = encode("stream");
const LOGTAG = encode("logtag");
const MESSAGE = encode("message");

/** Where the four parts of the last line begin and end; one object for all lines. */
export class CriLine {
  timeEnd = 0;
  streamEnd = 0;
  logtagEnd = 0;

  /** False when the line has fewer than three white spaces. */
  cut(bytes: Buffer, start: number, end: number): boolean {
    this.timeEnd = spaceAt(bytes, start, end);
    this.streamEnd = spaceAt(bytes, this.timeEnd + 1, end);
    this.logtagEnd = spaceAt(bytes, this.streamEnd + 1, end);
    return this.logtagEnd < end;
  }
}

/** The next white space, or `end`. */
function spaceAt(bytes: Buffer, start: number, end: number): number {
  let position = start;
  for (; position < end; position++) {
    const byte = bytes[position] as number;
    if (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)) return position;
  }
  return end;
}

function text(writer: ByteWriter, bytes: Buffer, start: number, end: number, encoding: TextEncoding): void {
  writeTextHeader(writer, end - start, encoding);
  writer.copy(bytes, start, end);
}

function plainParser(config: Config, { clock, encoding }: ParserContext): Parser {
  const heads = new EntryWriter(config, clock);
  const timeParser = eventTimeParser(config, clock);
  const fields = new LeadingFields(config, encoding);
  const { isMessageReplaced, lastKey } = fields;
  return {
    parse(bytes, start, end, target) {
      const timeEnd = spaceAt(bytes, start, end);
      const messageStart = fields.read(bytes, start, timeEnd, end);
      if (messageStart < 0) return false;
      const time = timeParser.read(bytes, start, timeEnd);
      const { writer } = target;
      heads.time(target, time.seconds, time.nanoseconds);
      writer.copy(fields.packed);
      if (isMessageReplaced) text(writer, bytes, start, timeEnd, encoding);
      else text(writer, bytes, messageStart, end, encoding);
      if (lastKey) {
        writer.copy(lastKey);
        text(writer, bytes, start, timeEnd, encoding);
      }
      target.size += 1;
      return true;
    },
  };
}

/** Of longer ones it is not worth while to compare the next. */
const REMEMBERED_BYTES = 64;

/**
 * The record from its map's header to the key of the message. Nearly every line has the stream and the logtag of the line
 * before, whose bytes then serve again: a quarter less CPU a line.
 */
class LeadingFields {
  /** msgpack. */
  packed: Buffer = Buffer.alloc(0);
  readonly isMessageReplaced: boolean;
  /** With `keep_time_key`: the time goes behind the message, under this key. */
  readonly lastKey: Buffer | undefined;
  readonly #encoding: TextEncoding;
  /** A time_key of another field's name: the time takes that field's place. */
  readonly #replaced: number;
  readonly #line = new CriLine();
  readonly #writer = new ByteWriter();
  /** From the time to the message, as in the line before. */
  readonly #seen = Buffer.alloc(REMEMBERED_BYTES);
  /** 0 when that is not to be used again. */
  #seenLength = 0;

  constructor({ keepTimeKey, timeKey }: Config, encoding: TextEncoding) {
    const keptKey = keepTimeKey ? timeKey : undefined;
    this.#replaced = ["stream", "logtag", "message"].indexOf(keptKey ?? "");
    this.isMessageReplaced = this.#replaced === 2;
    this.lastKey = keptKey !== undefined && this.#replaced < 0 ? encode(keptKey) : undefined;
    this.#encoding = encoding;
  }

  /** Where the message begins; -1 when the line has fewer than three white spaces. */
  read(bytes: Buffer, start: number, timeEnd: number, end: number): number {
    const sameEnd = timeEnd + this.#seenLength;
    if (this.#seenLength > 0 && sameEnd <= end && this.#isSeenAt(bytes, timeEnd)) return sameEnd;
    const line = this.#line;
    if (!line.cut(bytes, start, end)) return -1;
    this.#write(bytes, start);
    const messageStart = line.logtagEnd + 1;
    const length = messageStart - timeEnd;
    const hasTime = this.#replaced === 0 || this.#replaced === 1;
    this.#seenLength = hasTime || length > REMEMBERED_BYTES ? 0 : length;
    bytes.copy(this.#seen, 0, timeEnd, messageStart);
    return messageStart;
  }

  #isSeenAt(bytes: Buffer, position: number): boolean {
    const seen = this.#seen;
    for (let index = 0; index < this.#seenLength; index++) if (bytes[position + index] !== seen[index]) return false;
    return true;
  }

  #write(bytes: Buffer, start: number): void {
    const { timeEnd, streamEnd, logtagEnd } = this.#line;
    const writer = this.#writer;
    const field = (key: Buffer, index: number, from: number, to: number) => {
      writer.copy(key);
      if (index === this.#replaced) text(writer, bytes, start, timeEnd, this.#encoding);
      else text(writer, bytes, from, to, this.#encoding);
    };
    writer.truncate(0);
    writer.byte(this.lastKey ? 0x84 : 0x83);
    field(STREAM, 0, timeEnd + 1, streamEnd);
    field(LOGTAG, 1, streamEnd + 1, logtagEnd);
    writer.copy(MESSAGE);
    this.packed = writer.view();
  }
}

/** The message goes through another parser, whose time counts; of several events of a message the last one. */
function nestedParser(inner: Parser, merges: boolean, encoding: TextEncoding): Parser {
  const line = new CriLine();
  const scratch = new ByteWriter();
  const value = (bytes: Buffer, start: number, end: number) => {
    const writer = new ByteWriter(end - start + 5);
    text(writer, bytes, start, end, encoding);
    return writer.take();
  };
  return {
    parse(bytes, start, end, target) {
      if (!line.cut(bytes, start, end)) return false;
      scratch.truncate(0);
      if (!inner.parse(bytes, line.logtagEnd + 1, end, { writer: scratch, size: 0 })) return false;
      const entry = [...splitEntries(scratch.view())].at(-1);
      if (!entry) return false;
      if (merges) {
        const stream = addedField(STREAM, value(bytes, line.timeEnd + 1, line.streamEnd));
        const logtag = addedField(LOGTAG, value(bytes, line.streamEnd + 1, line.logtagEnd));
        writeEntryWithFields(target.writer, entry, [stream, logtag]);
      } else {
        target.writer.copy(entry);
      }
      target.size += 1;
      return true;
    },
  };
}
