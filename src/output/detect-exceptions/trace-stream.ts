/** One stream of lines: recognizes stack traces in it, and joins the events of each trace into one. */

import { ByteWriter } from "../../event/byte-writer.ts";
import { stringHeader } from "../../event/msgpack-header.ts";
import { ABSENT, findField, isBinary } from "../../event/record-fields.ts";
import { RecordSplice } from "../../event/record-splice.ts";
import { TextJoin } from "../../event/text-join.ts";
import { skipValue } from "../../event/walker.ts";
import { fieldText } from "../../formatter/field-text.ts";
import { type ExceptionRule, rulesByState, START } from "./exception-rules.ts";

export interface TraceOptions {
  /** Field with the line; "" to find out. */
  readonly message: string;
  readonly languages: readonly string[];
  readonly forceLineBreaks: boolean;
  readonly maxLines: number;
  readonly maxBytes: number;
  /** `Clock.monotonic`. */
  now(): number;
}

/** What a record's field holds. */
interface Message {
  readonly bytes: Buffer;
  readonly isBinary: boolean;
}

interface TraceLine extends Message {
  readonly text: string;
}

type Status = "none" | "start" | "inside" | "end";

const DEFAULT_FIELDS = ["message", "log"];
const LINE_BREAK = 0x0a;
const LINE_END = Buffer.from([LINE_BREAK]);

export class TraceStream {
  readonly tag: string;
  /** When the trace that waits began. */
  startMs: number;
  readonly #options: TraceOptions;
  readonly #rules: ReadonlyMap<string, readonly ExceptionRule[]>;
  #state = START;
  /** "" while no event had one of the default fields. */
  #field: string;
  /** The first entry of the trace, a copy, and where its record begins. */
  #first: { entry: Buffer; recordStart: number } | undefined;
  #messages: Message[] = [];
  /** Characters of the messages. */
  #size = 0;

  constructor(tag: string, options: TraceOptions) {
    this.tag = tag;
    this.#options = options;
    this.#rules = rulesByState(options.languages);
    this.#field = options.message;
    this.startMs = options.now();
  }

  /** Takes an entry, whose record begins at `recordStart`; adds the entries that are finished to `finished`. */
  push(entry: Buffer, recordStart: number, finished: Buffer[]): void {
    const message = this.#messageOf(entry, recordStart);
    let status: Status = "none";
    if (message === undefined) this.#state = START;
    else {
      const { maxBytes } = this.#options;
      if (maxBytes > 0 && this.#size + message.text.length > maxBytes) this.forceFlush(finished);
      status = this.#update(message.text);
    }
    this.#sort(status, entry, recordStart, message, finished);
    if (this.#options.maxLines > 0 && this.#messages.length === this.#options.maxLines) this.forceFlush(finished);
  }

  /** Ends the trace that waits, and looks for a new one. */
  forceFlush(finished: Buffer[]): void {
    this.#flush(finished);
    this.#state = START;
  }

  #sort(status: Status, entry: Buffer, recordStart: number, message: TraceLine | undefined, finished: Buffer[]): void {
    const endsHere = status === "none" || status === "end";
    if (this.#messages.length === 0 && endsHere) {
      finished.push(entry);
      return;
    }
    if (status === "none" || status === "start") this.#flush(finished);
    if (status === "none" && message === undefined) {
      finished.push(entry);
      return;
    }
    this.#add(entry, recordStart, message);
    if (endsHere) this.#flush(finished);
  }

  #add(entry: Buffer, recordStart: number, message: TraceLine | undefined): void {
    if (!message) return;
    if (!this.#first) {
      this.#first = { entry: Buffer.from(entry), recordStart };
      this.startMs = this.#options.now();
    }
    const breaks = this.#options.forceLineBreaks && this.#messages.length > 0 && !message.bytes.includes(LINE_BREAK);
    const { bytes, isBinary } = message;
    this.#messages.push({ bytes: breaks ? Buffer.concat([LINE_END, bytes]) : bytes, isBinary });
    this.#size += message.text.length + (breaks ? 1 : 0);
  }

  #flush(finished: Buffer[]): void {
    const [first, messages] = [this.#first, this.#messages];
    this.#first = undefined;
    this.#messages = [];
    this.#size = 0;
    if (!first) return;
    finished.push(messages.length === 1 ? first.entry : this.#joined(first.entry, first.recordStart, messages));
  }

  #joined(entry: Buffer, recordStart: number, messages: readonly Message[]): Buffer {
    const text = new TextJoin();
    for (const { bytes, isBinary } of messages) text.add(bytes, isBinary);
    const value = text.value();
    const writer = new ByteWriter(entry.length + value.length + 8);
    writer.copy(entry, 0, recordStart);
    new RecordSplice([this.#field]).write(writer, entry, recordStart, [value]);
    return writer.take();
  }

  #messageOf(entry: Buffer, recordStart: number): TraceLine | undefined {
    if (this.#field === "") {
      this.#field = DEFAULT_FIELDS.find((name) => findField(entry, recordStart, Buffer.from(name)) !== ABSENT) ?? "";
    }
    const name = Buffer.from(this.#field);
    const position = findField(entry, recordStart, name);
    const header = position === ABSENT ? 0 : stringHeader(entry[position] as number);
    if (header === 0) return undefined;
    const bytes = Buffer.from(entry.subarray(position + header, skipValue(entry, position, entry.length)));
    return { bytes, isBinary: isBinary(entry, position), text: fieldText(entry, recordStart, [name]) };
  }

  /** A line that no rule leads on with may still begin another trace. */
  #update(line: string): Status {
    const wasInside = this.#step(line);
    if (!wasInside) this.#step(line);
    const isInside = this.#state !== START;
    if (wasInside) return isInside ? "inside" : "end";
    return isInside ? "start" : "none";
  }

  #step(line: string): boolean {
    const rule = this.#rules.get(this.#state)?.find(({ pattern }) => pattern.test(line));
    this.#state = rule?.to ?? START;
    return rule !== undefined;
  }
}
