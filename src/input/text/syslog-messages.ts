/** From syslog messages to events: priority to facility and severity, in the tag and in fields. Source: in_syslog.rb. */

import { ByteWriter } from "../../event/byte-writer.ts";
import { EventStream, entryBounds } from "../../event/event-stream.ts";
import { EventTime } from "../../event/event-time.ts";
import { decode, encode } from "../../event/msgpack.ts";
import { ABSENT, findField, isKey, mapSize, mapStart } from "../../event/record-fields.ts";
import { RecordSplice } from "../../event/record-splice.ts";
import { skipValue } from "../../event/walker.ts";
import type { TextEncoding } from "../../parser/parser.ts";
import type { ParserPair } from "../../parser/parser-list.ts";
import { writeTextHeader } from "../../parser/ruby-number.ts";
import type { PluginContext } from "../../plugin.ts";
import { RareWarnings } from "../../rare-warnings.ts";
import { eventTimeBytes } from "./extract.ts";
import { type PeerKeys, peerFields } from "./peer.ts";
import type { Batch } from "./text-events.ts";

const FACILITIES =
  "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert at local0 local1 local2 local3 local4 local5 local6 local7".split(
    " ",
  );
const SEVERITIES = "emerg alert crit err warn notice info debug".split(" ");
const PRIORITY_FIELD = Buffer.from("pri");
const NIL = 0xc0;
/** `<191>` is the highest that has a name; a few digits more are read, as fluentd reads them. */
const MAX_PRIORITY_DIGITS = 9;

export interface SyslogMessagesOptions extends PeerKeys {
  readonly tag: string;
  readonly severityKey: string | undefined;
  readonly facilityKey: string | undefined;
  readonly emitUnmatchedLines: boolean;
  readonly parsers: ParserPair;
  /** The parser takes the whole message and leaves the priority in the field `pri`. */
  readonly parserReadsPriority: boolean;
  readonly context: PluginContext;
}

export class SyslogMessages {
  readonly #options: SyslogMessagesOptions;
  readonly #warnings: RareWarnings;
  readonly #priorityFields: readonly string[];
  readonly #splice: RecordSplice;
  readonly #peerSplice: RecordSplice;
  readonly #parsed = { writer: new ByteWriter(), size: 0 };
  #batches: Batch[] = [];

  constructor(options: SyslogMessagesOptions) {
    const { severityKey, facilityKey, context } = options;
    this.#options = options;
    this.#warnings = new RareWarnings(context.logger, context.clock);
    this.#priorityFields = [severityKey, facilityKey].filter((key) => key !== undefined);
    this.#splice = new RecordSplice([...this.#priorityFields, ...peerFields(options)]);
    this.#peerSplice = new RecordSplice(peerFields(options));
  }

  /** What the messages since the last call have become. */
  take(): Batch[] {
    const batches = this.#batches;
    this.#batches = [];
    return batches;
  }

  tooLong(byteSize: number): void {
    this.#drop("too_long", "a message is too long and is dropped", { size: byteSize });
  }

  /** Takes the message `bytes[start, end)`; `values` are those of the peer's fields. */
  add(bytes: Buffer, start: number, end: number, values: readonly Buffer[], encoding: TextEncoding): void {
    const { parsers, parserReadsPriority } = this.#options;
    const line = bytes.subarray(start, end);
    const priority = parserReadsPriority ? undefined : priorityAt(bytes, start, end);
    if (!parserReadsPriority && !priority) {
      this.#unmatched("invalid syslog message", line, values, encoding);
      return;
    }
    const parsed = this.#parsed;
    parsed.writer.truncate(0);
    parsed.size = 0;
    try {
      const matches = parsers[encoding].parse(bytes, priority?.end ?? start, end, parsed);
      this.#addParsed(parsed.writer.view(), priority?.value, values);
      if (!matches) this.#unmatched("failed to parse message", line, values, encoding);
    } catch (error) {
      this.#unmatched("invalid input", line, values, encoding, error);
    }
  }

  #addParsed(entries: Buffer, given: number | undefined, values: readonly Buffer[]): void {
    for (const { timeStart, recordStart, end } of entryBounds(entries)) {
      if (entries[timeStart] === NIL) continue;
      const position = given === undefined ? findField(entries, recordStart, PRIORITY_FIELD) : ABSENT;
      const priority = given ?? (position === ABSENT ? 0 : Number(decode(valueAt(entries, position))));
      const facility = FACILITIES[priority >> 3];
      const severity = SEVERITIES[priority & 7] as string;
      const record =
        position === ABSENT ? entries.subarray(recordStart, end) : withoutPriority(entries, recordStart, end);
      const names = [
        this.#options.severityKey === undefined ? undefined : encode(severity),
        this.#options.facilityKey === undefined ? undefined : encode(facility ?? null),
      ].filter((value) => value !== undefined);
      const time = entries.subarray(timeStart, recordStart);
      this.#emit(`${this.#options.tag}.${facility ?? ""}.${severity}`, time, record, this.#splice, [
        ...names,
        ...values,
      ]);
    }
  }

  #unmatched(message: string, line: Buffer, values: readonly Buffer[], encoding: TextEncoding, error?: unknown): void {
    if (!this.#options.emitUnmatchedLines) {
      this.#drop("unmatched", message, error === undefined ? {} : { error });
      return;
    }
    const writer = new ByteWriter(line.length + 24);
    writer.mapHeader(1);
    writer.copy(encode("unmatched_line"));
    writeTextHeader(writer, line.length, encoding);
    writer.copy(line);
    const now = eventTimeBytes(EventTime.fromMilliseconds(this.#options.context.clock.now()));
    this.#emit(`${this.#options.tag}.unmatched`, now, writer.take(), this.#peerSplice, values);
  }

  #emit(tag: string, time: Buffer, record: Buffer, splice: RecordSplice, values: readonly Buffer[]): void {
    const writer = new ByteWriter(record.length + 64);
    writer.byte(0x92);
    writer.copy(time);
    splice.write(writer, record, 0, values);
    this.#batches.push({ tag, events: new EventStream(writer.take(), 1) });
  }

  #drop(reason: string, message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#options.context.counters.add("dropped_events", 1, reason);
    this.#warnings.warn(message, fields);
  }
}

/** `<13>` at `start`: its number, and where the text behind it begins. */
function priorityAt(bytes: Buffer, start: number, end: number): { value: number; end: number } | undefined {
  const head = bytes.toString("latin1", start, Math.min(end, start + MAX_PRIORITY_DIGITS + 2));
  const [whole, digits] = /^<(\d+)>/.exec(head) ?? [];
  return whole === undefined ? undefined : { value: Number(digits), end: start + whole.length };
}

function valueAt(bytes: Buffer, position: number): Buffer {
  return bytes.subarray(position, skipValue(bytes, position, bytes.length));
}

function withoutPriority(bytes: Buffer, start: number, end: number): Buffer {
  const writer = new ByteWriter(end - start + 4);
  writer.mapHeader(mapSize(bytes, start) - 1);
  for (let key = mapStart(bytes, start); key < end; ) {
    const value = skipValue(bytes, key, end);
    const next = skipValue(bytes, value, end);
    if (!isKey(bytes, key, value, PRIORITY_FIELD)) writer.copy(bytes, key, next);
    key = next;
  }
  return writer.take();
}
