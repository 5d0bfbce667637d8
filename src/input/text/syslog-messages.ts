/** From syslog messages to events: priority to facility and severity, in the tag and in fields. Source: in_syslog.rb. */

import { ByteWriter } from "../../event/byte-writer.ts";
import { entryBounds } from "../../event/event-stream.ts";
import { EventTime } from "../../event/event-time.ts";
import { decode, encode } from "../../event/msgpack.ts";
import { ABSENT, findField } from "../../event/record-fields.ts";
import { withoutFields } from "../../event/record-removal.ts";
import { RecordSplice } from "../../event/record-splice.ts";
import { skipValue } from "../../event/walker.ts";
import type { TextEncoding } from "../../parser/parser.ts";
import type { ParserPair } from "../../parser/parser-list.ts";
import { writeTextHeader } from "../../parser/ruby-number.ts";
import type { PluginContext } from "../../plugin.ts";
import { RareWarnings } from "../../rare-warnings.ts";
import { type Batch, Batches } from "./batches.ts";
import { eventTimeBytes } from "./extract.ts";
import { type PeerKeys, peerFields } from "./peer.ts";

const FACILITIES =
  "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert at local0 local1 local2 local3 local4 local5 local6 local7".split(
    " ",
  );
const SEVERITIES = "emerg alert crit err warn notice info debug".split(" ");
const PRIORITY_FIELD = Buffer.from("pri");
const PRIORITY_FIELDS = [PRIORITY_FIELD];
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

/** What a priority says of an event: its tag, and the msgpack of severity and facility where they are wanted. */
interface Priority {
  readonly tag: string;
  readonly fields: readonly Buffer[];
}

export class SyslogMessages {
  readonly #options: SyslogMessagesOptions;
  readonly #warnings: RareWarnings;
  readonly #splice: RecordSplice;
  readonly #peerSplice: RecordSplice;
  readonly #parsed = { writer: new ByteWriter(), size: 0 };
  readonly #record = new ByteWriter();
  readonly #batches = new Batches();
  /** Of each priority that has come. */
  readonly #priorities = new Map<number, Priority>();

  constructor(options: SyslogMessagesOptions) {
    const { severityKey, facilityKey, context } = options;
    this.#options = options;
    this.#warnings = new RareWarnings(context.logger, context.clock);
    const priorityFields = [severityKey, facilityKey].filter((key) => key !== undefined);
    this.#splice = new RecordSplice([...priorityFields, ...peerFields(options)]);
    this.#peerSplice = new RecordSplice(peerFields(options));
  }

  /** What the messages since the last call have become. */
  take(): Batch[] {
    return this.#batches.take();
  }

  tooLong(byteSize: number): void {
    this.#drop("too_long", "a message is too long and is dropped", { size: byteSize });
  }

  /** Takes the message `bytes[start, end)`; `values` are those of the peer's fields. */
  add(bytes: Buffer, start: number, end: number, values: readonly Buffer[], encoding: TextEncoding): void {
    const { parsers, parserReadsPriority } = this.#options;
    const unmatched = (message: string, error?: unknown) =>
      this.#unmatched(message, bytes.subarray(start, end), values, encoding, error);
    const priority = parserReadsPriority ? undefined : priorityAt(bytes, start, end);
    if (!parserReadsPriority && !priority) {
      unmatched("invalid syslog message");
      return;
    }
    const parsed = this.#parsed;
    parsed.writer.truncate(0);
    parsed.size = 0;
    try {
      const matches = parsers[encoding].parse(bytes, priority?.end ?? start, end, parsed);
      this.#addParsed(parsed.writer.view(), priority?.value, values);
      if (!matches) unmatched("failed to parse message");
    } catch (error) {
      unmatched("invalid input", error);
    }
  }

  #addParsed(entries: Buffer, given: number | undefined, values: readonly Buffer[]): void {
    for (const { timeStart, recordStart, end } of entryBounds(entries)) {
      if (entries[timeStart] === NIL) continue;
      const parsed = entries.subarray(recordStart, end);
      const record = given === undefined ? withoutFields(parsed, PRIORITY_FIELDS) : parsed;
      const { tag, fields } = this.#priority(given ?? priorityOf(parsed));
      const target = this.#batches.begin(tag);
      target.copy(entries, timeStart, recordStart);
      if (fields.length === 0 && values.length === 0) target.copy(record);
      else this.#splice.write(target, record, 0, [...fields, ...values]);
    }
  }

  #priority(number: number): Priority {
    let priority = this.#priorities.get(number);
    if (!priority) {
      const { tag, severityKey, facilityKey } = this.#options;
      const facility = FACILITIES[number >> 3];
      const severity = SEVERITIES[number & 7] as string;
      const fields: Buffer[] = [];
      if (severityKey !== undefined) fields.push(encode(severity));
      if (facilityKey !== undefined) fields.push(encode(facility ?? null));
      priority = { tag: `${tag}.${facility ?? ""}.${severity}`, fields };
      // What senders make up is not kept.
      if (facility !== undefined) this.#priorities.set(number, priority);
    }
    return priority;
  }

  #unmatched(message: string, line: Buffer, values: readonly Buffer[], encoding: TextEncoding, error?: unknown): void {
    if (!this.#options.emitUnmatchedLines) {
      this.#drop("unmatched", message, error === undefined ? {} : { error });
      return;
    }
    const record = this.#record;
    record.truncate(0);
    record.mapHeader(1);
    record.copy(encode("unmatched_line"));
    writeTextHeader(record, line.length, encoding);
    record.copy(line);
    const target = this.#batches.begin(`${this.#options.tag}.unmatched`);
    target.copy(eventTimeBytes(EventTime.fromMilliseconds(this.#options.context.clock.now())));
    this.#peerSplice.write(target, record.view(), 0, values);
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

/** What the record's field says; 0 where there is none. */
function priorityOf(record: Buffer): number {
  const value = findField(record, 0, PRIORITY_FIELD);
  if (value === ABSENT) return 0;
  const type = record[value] as number;
  if (type < 0x80) return type;
  return type === 0xcc
    ? (record[value + 1] as number)
    : Number(decode(record.subarray(value, skipValue(record, value, record.length))));
}
