/** One message of syslog while it is read, and what both ways of reading share. */

import { MalformedError } from "../errors.ts";
import type { ByteWriter } from "../event/byte-writer.ts";
import { EventTime } from "../event/event-time.ts";
import { encode } from "../event/msgpack.ts";
import type { TextEncoding } from "./parser.ts";
import { writeInteger, writeText } from "./ruby-number.ts";
import type { TimeParser } from "./time-parser.ts";

/** How times are read; `otherwise` where the first way fails. */
export interface SyslogTime {
  readonly format: string;
  /** Parts of the format between its blanks. */
  readonly words: number;
  readonly parser: TimeParser;
  readonly otherwise: TimeParser | undefined;
}

export interface SyslogOptions {
  readonly withPriority: boolean;
  readonly keepsTime: boolean;
  readonly supportsColonless: boolean;
}

const NAMES = ["host", "ident", "pid", "msgid", "extradata", "message", "pri", "time"] as const;
export type SyslogField = (typeof NAMES)[number];
const KEYS = Object.fromEntries(NAMES.map((name) => [name, encode(name)])) as Record<SyslogField, Buffer>;

const NIL = 0xc0;

export class SyslogMessage {
  time = new EventTime(0, 0);
  readonly #names: SyslogField[] = [];
  readonly #values: (string | null)[] = [];
  readonly #encodings: (TextEncoding | undefined)[] = [];
  #size = 0;

  clear(): void {
    this.#size = 0;
  }

  /** `null` is nil. `pri` is written as the integer that leads its text. `encoding` where it is not the text's. */
  add(name: SyslogField, value: string | null, encoding?: TextEncoding): void {
    this.#names[this.#size] = name;
    this.#values[this.#size] = value;
    this.#encodings[this.#size] = encoding;
    this.#size += 1;
  }

  writeRecord(writer: ByteWriter, textEncoding: TextEncoding): void {
    writer.mapHeader(this.#size);
    for (let index = 0; index < this.#size; index++) {
      const name = this.#names[index] as SyslogField;
      const value = this.#values[index] as string | null;
      writer.copy(KEYS[name]);
      if (value === null) writer.byte(NIL);
      else if (name === "pri") writeInteger(writer, value);
      else writeText(writer, value, this.#encodings[index] ?? textEncoding);
    }
  }
}

/** Throws MalformedError. */
export function readTime(text: string, { parser, otherwise }: SyslogTime): EventTime {
  try {
    return parser.parse(text);
  } catch (error) {
    if (!otherwise || !(error instanceof MalformedError)) throw error;
    return otherwise.parse(text);
  }
}

export function wordsOf(format: string): number {
  return format.split(/ +/).length;
}

/** The time at `start`, of that many words; several blanks in a row count as one. Throws MalformedError. */
export function cutTime(
  text: string,
  start: number,
  words: number,
): { time: string; end: number; isSqueezed: boolean } {
  let isSqueezed = false;
  let end = start - 1;
  for (let word = 0; word < words; word++) {
    while (text[end + 1] === " ") {
      isSqueezed = true;
      end += 1;
    }
    end = text.indexOf(" ", end + 1);
    if (end < 0) throw new MalformedError("the text ends within its time");
  }
  const time = text.slice(start, end);
  return { time: isSqueezed ? time.replace(/ +/g, " ") : time, end, isSqueezed };
}

/** Ruby's `chomp`. */
export function chomp(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  if (last === 0x0d) return text.slice(0, -1);
  if (last !== 0x0a) return text;
  return text.slice(0, text.charCodeAt(text.length - 2) === 0x0d ? -2 : -1);
}
