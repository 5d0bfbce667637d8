/** Writes events whose record is msgpack already: the common end of json and msgpack. */

import { MalformedError } from "../errors.ts";
import { writeEventTime } from "../event/event-time.ts";
import { stringHeader } from "../event/msgpack-header.ts";
import { ABSENT, isBinary, isKey, mapSize, mapStart, textStart } from "../event/record-fields.ts";
import { readText } from "../event/record-reader.ts";
import { isMapType, readUint16, readUint32, skipValue } from "../event/walker.ts";
import { toByteText } from "./byte-text.ts";
import { type CommonConfig, eventTimeParser } from "./common-parameters.ts";
import { EntryWriter } from "./entry-writer.ts";
import type { ParserContext, ParseTarget } from "./parser.ts";
import type { TimeParser } from "./time-parser.ts";
import { type ValueConversions, type ValueKind, valueConversions } from "./value-conversion.ts";

/** Bytes of `[time,` with an EventTime. */
const HEAD_BYTES = 11;

const NIL = 0xc0;
const FALSE = 0xc2;

export class RecordEntries {
  readonly #heads: EntryWriter;
  readonly #conversions: ValueConversions;
  readonly #time: TimeParser;
  readonly #timeKey: Buffer | undefined;
  readonly #keepsTime: boolean;
  readonly #estimates: boolean;
  /** Whether the record that is being finished had a time. */
  #hasTime = false;

  /** Throws ConfigError. */
  constructor(config: CommonConfig, context: ParserContext, timeParser?: TimeParser) {
    this.#heads = new EntryWriter(config, context.clock);
    this.#conversions = valueConversions(config, context.clock);
    this.#time = timeParser ?? eventTimeParser(config, context.clock);
    this.#timeKey = config.timeKey === undefined ? undefined : Buffer.from(config.timeKey);
    this.#keepsTime = config.keepTimeKey;
    this.#estimates = config.estimateCurrentEvent;
  }

  /** Leaves the room for the head; the map is to be written behind it, and then finished. Returns where the entry starts. */
  begin({ writer }: ParseTarget): number {
    const start = writer.length;
    writer.byte(0x92);
    writer.eventTime(0, 0);
    return start;
  }

  /**
   * Makes an event of the map behind the head that begins at `start`: takes the time out and converts the values.
   * `isUnique`: no name stands twice in it. Throws MalformedError when there is no time to be made; nothing is kept then.
   */
  finish(target: ParseTarget, start: number, isUnique = false): void {
    const { writer } = target;
    try {
      const isPlain = this.#takeTime(target, start, isUnique);
      if (!isPlain || this.#conversions.isActive) this.#rewrite(target, start);
      target.size += 1;
    } catch (error) {
      writer.truncate(start);
      throw error;
    }
  }

  /**
   * The events of the whole msgpack value at `position`: a map, or an array of maps. Returns false when the value, or one
   * in the array, is no map. Throws MalformedError as `finish` does, and then keeps no event of the array.
   */
  write(target: ParseTarget, bytes: Buffer, position: number): boolean {
    if (isMapType(bytes[position] as number)) {
      const start = this.begin(target);
      target.writer.copy(bytes, position, skipValue(bytes, position, bytes.length));
      this.finish(target, start);
      return true;
    }
    const array = arraySize(bytes, position);
    if (!array) return false;
    const [length, size] = [target.writer.length, target.size];
    try {
      return this.#items(target, bytes, array.first, array.count);
    } catch (error) {
      target.writer.truncate(length);
      target.size = size;
      throw error;
    }
  }

  #items(target: ParseTarget, bytes: Buffer, first: number, count: number): boolean {
    let areMaps = true;
    let position = first;
    for (let left = count; left > 0; left--) {
      if (isMapType(bytes[position] as number)) this.write(target, bytes, position);
      else areMaps = false;
      position = skipValue(bytes, position, bytes.length);
    }
    return areMaps;
  }

  /** Writes the time into the head; false when the record needs another look. */
  #takeTime(target: ParseTarget, start: number, isUnique: boolean): boolean {
    const { writer } = target;
    const bytes = writer.view();
    const map = start + HEAD_BYTES;
    const size = mapSize(bytes, map);
    let [timeStart, valueStart, valueEnd] = [ABSENT, ABSENT, ABSENT];
    let seen = 0;
    let hasDoubles = false;
    let key = mapStart(bytes, map);
    for (let left = size; left > 0; left--) {
      const value = skipValue(bytes, key, bytes.length);
      const next = skipValue(bytes, value, bytes.length);
      const bit = 1 << ((value - key + (bytes[value - 1] as number) * 7 + (bytes[key + 1] as number)) & 31);
      if (!isUnique && (seen & bit) !== 0) hasDoubles = true;
      seen |= bit;
      if (this.#timeKey && isKey(bytes, key, value, this.#timeKey))
        [timeStart, valueStart, valueEnd] = [key, value, next];
      key = next;
    }
    this.#hasTime = timeStart !== ABSENT;
    if (timeStart === ABSENT) return this.#currentTime(target, start) && !(hasDoubles && this.#hasDoubles(bytes, map));
    const { seconds, nanoseconds } = this.#parseTime(bytes, valueStart, valueEnd);
    writeEventTime(bytes, start + 1, seconds, nanoseconds);
    if (hasDoubles && this.#hasDoubles(bytes, map)) return false;
    if (this.#keepsTime) return true;
    writer.remove(timeStart, valueEnd);
    patchMapSize(writer.view(), map, size - 1);
    return true;
  }

  #currentTime(target: ParseTarget, start: number): boolean {
    if (!this.#estimates) return false;
    const { writer } = target;
    const end = writer.length;
    this.#heads.currentTime(target);
    writer.view().copyWithin(start, end, end + HEAD_BYTES);
    writer.truncate(end);
    return true;
  }

  #parseTime(bytes: Buffer, start: number, end: number): { seconds: number; nanoseconds: number } {
    const text = textStart(bytes, start);
    if (text !== ABSENT) return this.#time.read(bytes, text, end);
    if (kindOf(bytes, start) === "number") return this.#time.parse(readText(bytes, start, end) ?? "", true);
    throw new MalformedError(`value must be a string or a number: ${readText(bytes, start, end) ?? ""}`);
  }

  /** Of a name that stands twice, Ruby's hash keeps the first place and the last value. */
  #hasDoubles(bytes: Buffer, map: number): boolean {
    const names = fieldsOf(bytes, map).map(({ name }) => name);
    return new Set(names).size < names.length;
  }

  /** Writes the entry again, field by field. */
  #rewrite(target: ParseTarget, start: number): void {
    const { writer } = target;
    const entry = Buffer.from(writer.view().subarray(start));
    const fields = new Map<string, Field>();
    for (const field of fieldsOf(entry, HEAD_BYTES)) {
      const first = fields.get(field.name);
      fields.set(field.name, first ? { ...field, keyStart: first.keyStart, keyEnd: first.keyEnd } : field);
    }
    const timeKey = this.#timeKey?.toString("latin1");
    if (timeKey !== undefined && !this.#keepsTime) fields.delete(timeKey);
    writer.truncate(start);
    if (this.#hasTime || this.#estimates) writer.copy(entry, 0, HEAD_BYTES);
    else this.#heads.currentTime(target);
    writer.mapHeader(fields.size);
    for (const field of fields.values()) {
      writer.copy(entry, field.keyStart, field.keyEnd);
      this.#value(target, entry, field);
    }
  }

  #isNull(entry: Buffer, start: number, text: number, end: number): boolean {
    return this.#conversions.isNull(entry.toString("latin1", text, end), isBinary(entry, start) ? "binary" : "utf-8");
  }

  #value({ writer }: ParseTarget, entry: Buffer, { name, valueStart: start, valueEnd }: Field): void {
    const type = entry[start];
    if (!this.#conversions.isActive || type === NIL || type === FALSE) {
      writer.copy(entry, start, valueEnd);
      return;
    }
    const text = textStart(entry, start);
    const isText = text !== ABSENT;
    if (isText && this.#isNull(entry, start, text, valueEnd)) {
      writer.byte(NIL);
      return;
    }
    const conversion = this.#conversions.of(Buffer.from(name, "latin1").toString());
    if (!conversion) writer.copy(entry, start, valueEnd);
    else {
      const shown = isText
        ? entry.toString("latin1", text, valueEnd)
        : toByteText(readText(entry, start, valueEnd) ?? "");
      conversion(writer, shown, kindOf(entry, start));
    }
  }
}

/** Items of the array at `position`, or undefined when there is none. */
function arraySize(bytes: Buffer, position: number): { count: number; first: number } | undefined {
  const type = bytes[position] as number;
  if (type >= 0x90 && type < 0xa0) return { count: type & 0x0f, first: position + 1 };
  if (type === 0xdc) return { count: readUint16(bytes, position + 1), first: position + 3 };
  return type === 0xdd ? { count: readUint32(bytes, position + 1), first: position + 5 } : undefined;
}

interface Field {
  readonly name: string;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** Names with one character per byte. */
function fieldsOf(bytes: Buffer, map: number): Field[] {
  const fields: Field[] = [];
  let key = mapStart(bytes, map);
  for (let left = mapSize(bytes, map); left > 0; left--) {
    const value = skipValue(bytes, key, bytes.length);
    const end = skipValue(bytes, value, bytes.length);
    const text = textStart(bytes, key);
    const name = bytes.toString("latin1", text === ABSENT ? key : text, value);
    fields.push({ name, keyStart: key, keyEnd: value, valueStart: value, valueEnd: end });
    key = end;
  }
  return fields;
}

function kindOf(bytes: Buffer, position: number): ValueKind {
  const type = bytes[position] as number;
  if (type < 0x80 || type >= 0xe0 || (type >= 0xca && type <= 0xd3)) return "number";
  if (isBinary(bytes, position)) return "binary";
  return stringHeader(type) > 0 ? "utf-8" : "other";
}

function patchMapSize(bytes: Buffer, map: number, size: number): void {
  const type = bytes[map] as number;
  if (type < 0x90) bytes[map] = 0x80 | size;
  else if (type === 0xde) bytes.writeUInt16BE(size, map + 1);
  else bytes.writeUInt32BE(size, map + 1);
}
