/**
 * Brings what clients send as events into the one form that buffers hold, `[time, map]`, copying bytes and decoding
 * nothing.
 *
 * | came as                              | is written as                                              |
 * |--------------------------------------|------------------------------------------------------------|
 * | `[time, map]`, time integer or EventTime | the same bytes                                         |
 * | `[[time, metadata], map]` (Fluent Bit) | `[time, map]`                                            |
 * | `[nil, map]`, `[0, map]`             | `[now, map]`                                               |
 * | `[integer, map]` on a unix socket    | `[EventTime, map]`                                         |
 * | `[float, map]`                       | `[EventTime, map]`; dropped or kept by skip_invalid_event  |
 * | anything else                        | dropped                                                    |
 *
 * Source: fluentd 1.18 in_forward `on_message`, 1.19 `invalid_event?`; Fluent Bit 5.1 retain_metadata_in_forward_mode.
 */

import { joinedChecksum } from "../../buffer/joined-checksum.ts";
import { batchMemory } from "../../event/batch-memory.ts";
import { ByteWriter } from "../../event/byte-writer.ts";
import { EventStream } from "../../event/event-stream.ts";
import { decode } from "../../event/msgpack.ts";
import { arrayLength, containerHeader, isArrayType } from "../../event/msgpack-header.ts";
import { INCOMPLETE, isMapType, isTimeAt, skip, skipValue } from "../../event/walker.ts";
import type { SourceFields } from "./source-fields.ts";

/** What becomes of an event whose time is a float. */
export type FloatTimes = "convert" | "drop" | "keep";

export interface EntryRules {
  readonly floatTimes: FloatTimes;
  /** Integers become EventTimes, but for those of packed entries. Source: fluentd 1.18 in_unix `convert_time`. */
  readonly convertsIntegers?: boolean;
  /** Wall time in milliseconds. */
  readonly now: () => number;
}

const MAX_UINT32 = 0xffffffff;

export class EntryWriter {
  readonly #rules: EntryRules;
  readonly #fields: SourceFields | undefined;
  #writer = new ByteWriter();
  #release: (() => void) | undefined;
  /** CRC-32 of what was written, where all of it came with one. */
  #checksum: number | undefined = 0;
  /** Events written. */
  size = 0;

  constructor(rules: EntryRules, fields: SourceFields | undefined) {
    this.#rules = rules;
    this.#fields = fields;
  }

  /** Whether plain entries may be taken as they are. */
  isVerbatim(isPacked: boolean): boolean {
    return this.#fields === undefined && (isPacked || !this.#rules.convertsIntegers);
  }

  /** Takes room for about so many bytes, before the first event. */
  begin(byteSize: number): void {
    const room = batchMemory.take(byteSize);
    this.#writer = new ByteWriter(room);
    this.#release = () => batchMemory.give(room);
  }

  /** Writes `size` plain entries as they are; `checksum` is their CRC-32, where somebody has it. */
  copyEntries(bytes: Buffer, start: number, end: number, size: number, checksum?: number): void {
    this.#writer.copy(bytes, start, end);
    this.#checksum = joinedChecksum(this.#checksum, checksum, end - start);
    this.size += size;
  }

  /** Writes every entry of `bytes[start, end)` that is an event, up to a torn last one. Returns how many were dropped. */
  writeEntries(bytes: Buffer, start: number, end: number): number {
    let dropped = 0;
    for (let position = start; position < end; ) {
      const next = skipValue(bytes, position, end);
      if (next === INCOMPLETE) break;
      if (!this.#writeEntry(bytes, position, next)) dropped += 1;
      position = next;
    }
    return dropped;
  }

  #writeEntry(bytes: Buffer, start: number, end: number): boolean {
    const type = bytes[start] as number;
    if (!isArrayType(type) || arrayLength(bytes, start) < 2) return false;
    const timeStart = start + containerHeader(type);
    const recordStart = skip(bytes, timeStart, end);
    return this.writeEvent(bytes, timeStart, recordStart, skip(bytes, recordStart, end));
  }

  /** Writes one event from its time and record; false when it is none. */
  writeEvent(bytes: Buffer, timeStart: number, recordStart: number, end: number): boolean {
    if (recordStart >= end || !isMapType(bytes[recordStart] as number)) return false;
    const before = this.#writer.length;
    this.#writer.byte(0x92);
    if (!this.#fields && this.#isTimeKept(bytes, timeStart)) {
      this.#writer.copyNext(bytes, timeStart, end);
    } else if (!this.#writeTime(bytes, timeStart, recordStart)) {
      this.#writer.truncate(before);
      return false;
    } else if (this.#fields) this.#fields.write(this.#writer, bytes, recordStart);
    else this.#writer.copy(bytes, recordStart, end);
    this.#checksum = undefined;
    this.size += 1;
    return true;
  }

  /** Whether a valid time is written as it came. */
  #isTimeKept(bytes: Buffer, start: number): boolean {
    const type = bytes[start] as number;
    if (type === 0xd7 || type === 0xc7) return isTimeAt(bytes, start);
    return type !== 0 && !this.#rules.convertsIntegers && isTimeAt(bytes, start);
  }

  #writeTime(bytes: Buffer, start: number, end: number): boolean {
    const type = bytes[start] as number;
    if (type === 0xc0 || type === 0) return this.#writeSeconds(this.#rules.now() / 1000);
    if (this.#isTimeKept(bytes, start)) {
      this.#writer.copy(bytes, start, end);
      return true;
    }
    if (isTimeAt(bytes, start)) return this.#writeSeconds(Number(decode(bytes.subarray(start, end))));
    if (isArrayType(type) && arrayLength(bytes, start) > 0) {
      const inner = start + containerHeader(type);
      return !isArrayType(bytes[inner] as number) && this.#writeTime(bytes, inner, skip(bytes, inner, end));
    }
    if ((type !== 0xca && type !== 0xcb) || this.#rules.floatTimes === "drop") return false;
    if (this.#rules.floatTimes === "convert") {
      return this.#writeSeconds(type === 0xca ? bytes.readFloatBE(start + 1) : bytes.readDoubleBE(start + 1));
    }
    this.#writer.copy(bytes, start, end);
    return true;
  }

  /** Writes an EventTime; false for what is none: before 1970, after 2106, not a number. */
  #writeSeconds(time: number): boolean {
    let seconds = Math.floor(time);
    let nanoseconds = Math.round((time - seconds) * 1e9);
    if (nanoseconds === 1e9) {
      seconds += 1;
      nanoseconds = 0;
    }
    if (!(seconds >= 0 && seconds <= MAX_UINT32)) return false;
    this.#writer.byte(0xd7);
    this.#writer.byte(0x00);
    this.#writer.uint32(seconds);
    this.#writer.uint32(nanoseconds);
    return true;
  }

  /** What was written; the writer is empty afterwards. */
  take(): EventStream {
    const details = { release: this.#release, checksum: this.#checksum };
    const stream = new EventStream(this.#writer.take(), this.size, details);
    this.size = 0;
    this.#checksum = 0;
    this.#release = undefined;
    return stream;
  }
}
