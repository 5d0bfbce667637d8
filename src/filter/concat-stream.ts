/** The parts of one stream that wait to be joined. They are copies: the streams that they came in are long gone. */

import { ByteWriter } from "../event/byte-writer.ts";
import { arrayLength, containerHeader, isArrayType, stringHeader } from "../event/msgpack-header.ts";
import { ABSENT, findField } from "../event/record-fields.ts";
import { RecordSplice } from "../event/record-splice.ts";
import { joinRubyText } from "../event/ruby-text.ts";
import { TextJoin } from "../event/text-join.ts";
import { skipValue } from "../event/walker.ts";
import type { EventView } from "./event-loop.ts";

/** One part: its time and its record, as msgpack. */
export interface ConcatPart {
  readonly tag: string;
  readonly time: Buffer;
  readonly record: Buffer;
}

export function partOf(tag: string, { packed, start, recordStart, end }: EventView): ConcatPart {
  const entry = Buffer.from(packed.subarray(start + 1, end));
  const split = recordStart - start - 1;
  return { tag, time: entry.subarray(0, split), record: entry.subarray(split) };
}

/** The bytes of a field's text; undefined where it has none. */
export function textField(record: Buffer, name: Buffer): Buffer | undefined {
  const position = findField(record, 0, name);
  if (position === ABSENT) return undefined;
  const header = stringHeader(record[position] as number);
  return header === 0 ? undefined : record.subarray(position + header, skipValue(record, position, record.length));
}

export class ConcatStream {
  parts: ConcatPart[] = [];
  /** Bytes of keys and values, as `buffer_limit_size` counts them. */
  byteSize = 0;
  /** Bytes of memory that the parts take, at most. */
  heldBytes = 0;
  /** `Clock.monotonic` of the last part. */
  lastMs = 0;
  readonly identity: string;

  constructor(identity: string) {
    this.identity = identity;
  }

  get isEmpty(): boolean {
    return this.parts.length === 0;
  }
}

/** Joins parts into one record: the first part's fields, with the texts of `key` joined. */
export class PartJoiner {
  readonly #key: Buffer;
  readonly #separator: Buffer;
  readonly #splice: RecordSplice;
  readonly #text = new TextJoin();

  constructor(key: string, separator: string) {
    this.#key = Buffer.from(key);
    this.#separator = Buffer.from(separator);
    this.#splice = new RecordSplice([key]);
  }

  /** `parts` is not empty. */
  join(parts: readonly ConcatPart[], first: ConcatPart = parts[0] as ConcatPart): Buffer {
    const text = this.#text.clear();
    for (const [index, { record }] of parts.entries()) {
      if (index > 0) text.add(this.#separator, false);
      const position = findField(record, 0, this.#key);
      if (position !== ABSENT) this.#add(text, record, position);
    }
    const value = text.value();
    const writer = new ByteWriter(first.record.length + value.length + 16);
    this.#splice.write(writer, first.record, 0, [value]);
    return writer.take();
  }

  /** An array's items are joined, too, as `join` does in Ruby. */
  #add(text: TextJoin, record: Buffer, position: number): void {
    const type = record[position] as number;
    if (!isArrayType(type)) {
      joinRubyText(text, record, position);
      return;
    }
    let item = position + containerHeader(type);
    for (let index = 0, count = arrayLength(record, position); index < count; index++) {
      if (index > 0) text.add(this.#separator, false);
      this.#add(text, record, item);
      item = skipValue(record, item, record.length);
    }
  }
}
