/** Writes events whose fields were cut out of a text: the common end of regexp, ltsv, csv, tsv and their kin. */

import { MalformedError } from "../errors.ts";
import type { ByteWriter } from "../event/byte-writer.ts";
import { encode } from "../event/msgpack.ts";
import { type CommonConfig, eventTimeParser } from "./common-parameters.ts";
import { EntryWriter } from "./entry-writer.ts";
import type { ParserContext, ParseTarget, TextEncoding } from "./parser.ts";
import { writeText } from "./ruby-number.ts";
import type { TimeParser } from "./time-parser.ts";
import { type Conversion, type ValueConversions, valueConversions } from "./value-conversion.ts";

/** One character per byte; null for nil; undefined for a field that the record does not get. */
export type FieldValue = string | null | undefined;

/** What is known about a field before its value comes. */
export interface FieldSlot {
  /** The name in msgpack. */
  readonly key: Buffer;
  readonly isTime: boolean;
  readonly conversion: Conversion | undefined;
}

const NIL = 0xc0;

export class TextEntries {
  readonly #heads: EntryWriter;
  readonly #conversions: ValueConversions;
  readonly #time: TimeParser;
  readonly #timeKey: string | undefined;
  readonly #keepsTime: boolean;
  readonly #encoding: TextEncoding;

  /** Throws ConfigError. */
  constructor(config: CommonConfig, context: ParserContext) {
    this.#heads = new EntryWriter(config, context.clock);
    this.#conversions = valueConversions(config, context.clock);
    this.#time = eventTimeParser(config, context.clock);
    this.#timeKey = config.timeKey;
    this.#keepsTime = config.keepTimeKey;
    this.#encoding = context.encoding;
  }

  slot(name: string): FieldSlot {
    return { key: encode(name), isTime: name === this.#timeKey, conversion: this.#conversions.of(name) };
  }

  /** Slots of columns: `columns` has for each slot the columns of its name, the last of which counts. */
  columnSlots(names: readonly string[]): { slots: FieldSlot[]; columns: readonly (readonly number[])[] } {
    const columns = new Map<string, number[]>();
    for (const [index, name] of names.entries()) columns.set(name, [...(columns.get(name) ?? []), index]);
    return { slots: [...columns.keys()].map((name) => this.slot(name)), columns: [...columns.values()] };
  }

  /** One event: `values[i]` is the value of `slots[i]`. Throws MalformedError, and then leaves nothing behind. */
  write(target: ParseTarget, slots: readonly FieldSlot[], values: readonly FieldValue[]): void {
    const { writer } = target;
    let count = 0;
    let time: string | null | undefined;
    for (let index = 0; index < slots.length; index++) {
      const value = values[index];
      if (value === undefined) continue;
      if ((slots[index] as FieldSlot).isTime) {
        time = value;
        if (!this.#keepsTime) continue;
      }
      count += 1;
    }
    const start = writer.length;
    this.#head(target, time);
    writer.mapHeader(count);
    try {
      this.#fields(writer, slots, values);
    } catch (error) {
      writer.truncate(start);
      throw error;
    }
    target.size += 1;
  }

  #fields(writer: ByteWriter, slots: readonly FieldSlot[], values: readonly FieldValue[]): void {
    for (let index = 0; index < slots.length; index++) {
      const slot = slots[index] as FieldSlot;
      const value = values[index];
      if (value === undefined || (slot.isTime && !this.#keepsTime)) continue;
      writer.copy(slot.key);
      if (value === null || (this.#conversions.isActive && this.#conversions.isNull(value, this.#encoding)))
        writer.byte(NIL);
      else if (slot.conversion) slot.conversion(writer, value, this.#encoding);
      else writeText(writer, value, this.#encoding);
    }
  }

  #head(target: ParseTarget, time: string | null | undefined): void {
    if (time === undefined) {
      this.#heads.currentTime(target);
    } else {
      if (time === null) throw new MalformedError("value must be string: ");
      const { seconds, nanoseconds } = this.#time.parse(time);
      this.#heads.time(target, seconds, nanoseconds);
    }
  }
}
