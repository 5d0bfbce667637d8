/** The parts of one stream that wait to be joined. */

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

/** The event at `view`, in the bytes that it came in. */
export function partOf(tag: string, { packed, start, recordStart, end }: EventView): ConcatPart {
  return { tag, time: packed.subarray(start + 1, recordStart), record: packed.subarray(recordStart, end) };
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

  /** If `part` waits here as the last one, a copy of it does from now on: what it came in will be gone. */
  keep(part: ConcatPart): void {
    const last = this.parts.length - 1;
    if (this.parts[last] !== part) return;
    const { tag, time, record } = part;
    const entry = Buffer.concat([time, record]);
    this.parts[last] = { tag, time: entry.subarray(0, time.length), record: entry.subarray(time.length) };
  }
}

/** What a writer that is used again and again holds, until its next use; memory for a rare large event is not kept. */
export function written(writer: ByteWriter): Buffer {
  return writer.length > KEPT_BYTES ? writer.take() : writer.view();
}

const NOTHING = Buffer.alloc(0);
const KEPT_BYTES = 1024 * 1024;

/** Joins parts into one record: the first part's fields, with the texts of `key` joined. */
export class PartJoiner {
  readonly #key: Buffer;
  readonly #separator: Buffer;
  readonly #splice: RecordSplice;
  readonly #text = new TextJoin();
  readonly #writer = new ByteWriter();

  constructor(key: string, separator: string) {
    this.#key = Buffer.from(key);
    this.#separator = Buffer.from(separator);
    this.#splice = new RecordSplice([key]);
  }

  /** Of at least one part. What is returned is valid until the next call, and as long as `first`. */
  join(parts: readonly ConcatPart[], first: ConcatPart = parts[0] as ConcatPart): Buffer {
    if (parts.length === 1 && textField(first.record, this.#key)) return first.record;
    const text = this.#text.clear();
    for (const [index, { record }] of parts.entries()) {
      if (index > 0) text.add(this.#separator, false);
      const position = findField(record, 0, this.#key);
      if (position !== ABSENT) this.#add(text, record, position);
    }
    const writer = this.#writer;
    writer.truncate(0);
    this.#splice.write(writer, first.record, 0, [text.value()]);
    return written(writer);
  }

  /** An array's items are joined, too, as `join` does in Ruby; where it comes first it makes the whole letters. */
  #add(text: TextJoin, record: Buffer, position: number): void {
    const type = record[position] as number;
    if (!isArrayType(type)) {
      joinRubyText(text, record, position);
      return;
    }
    text.add(NOTHING, false);
    let item = position + containerHeader(type);
    for (let index = 0, count = arrayLength(record, position); index < count; index++) {
      if (index > 0) text.add(this.#separator, false);
      this.#add(text, record, item);
      item = skipValue(record, item, record.length);
    }
  }
}
