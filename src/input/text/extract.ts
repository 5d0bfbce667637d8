/**
 * `<extract>`: takes an event's tag and time out of its record. Source: fluentd 1.18 plugin_helper/extract.rb.
 */

import { array, bool, enumeration, string } from "../../config/literals.ts";
import { type ConfigOf, section } from "../../config/parameters.ts";
import { ConfigError, MalformedError } from "../../errors.ts";
import { ByteWriter } from "../../event/byte-writer.ts";
import { EVENT_TIME_BYTES, EventTime, writeEventTime } from "../../event/event-time.ts";
import { decode } from "../../event/msgpack.ts";
import { ABSENT, findField, isKey, mapSize, mapStart } from "../../event/record-fields.ts";
import { skipValue } from "../../event/walker.ts";

export const extractTable = section({
  tag_key: string.optional("Field with the event's tag."),
  keep_tag_key: bool.default("Keep the tag's field in the record.", false),
  time_key: string.optional("Field with the event's time."),
  keep_time_key: bool.default("Keep the time's field in the record.", false),
  time_type: enumeration("float", "unixtime", "string").default("What the time's field holds.", "float"),
  time_format: string.optional("Only for time_type string, which is refused here."),
  time_format_fallbacks: array.default("Only for time_type mixed, which fluentd's <extract> has not either.", []),
  localtime: bool.default("Accepted; numbers have no zone.", true),
  utc: bool.default("Accepted; numbers have no zone.", false),
  timezone: string.optional("Accepted; numbers have no zone."),
});

export type ExtractConfig = ConfigOf<typeof extractTable>;

/** What was taken out of one record. */
export interface Extracted {
  readonly tag: string | undefined;
  /** An EventTime in its fixext8 form. */
  readonly time: Buffer | undefined;
  /** The record without the fields that are not kept. */
  readonly record: Buffer;
}

export class Extract {
  readonly #tagKey: Buffer | undefined;
  readonly #timeKey: Buffer | undefined;
  readonly #timeType: "float" | "unixtime";
  readonly #keepsTag: boolean;
  readonly #keepsTime: boolean;

  /** Throws ConfigError. */
  constructor(config: ExtractConfig) {
    const { tagKey, timeKey, keepTagKey, keepTimeKey, timeType, element } = config;
    if (timeKey !== undefined && timeType === "string") {
      const message = "time_type string is not supported in <extract>; use time_key and time_format of <parse>";
      throw new ConfigError(message, element.parameter("time_type")?.position ?? element.position);
    }
    this.#tagKey = tagKey === undefined ? undefined : Buffer.from(tagKey);
    this.#timeKey = timeKey === undefined ? undefined : Buffer.from(timeKey);
    this.#timeType = timeType === "unixtime" ? "unixtime" : "float";
    this.#keepsTag = keepTagKey;
    this.#keepsTime = keepTimeKey;
  }

  /**
   * Reads the record `bytes[start, end)`. An event that has its time already (`hasTime`) keeps the field, as fluentd does.
   * Throws MalformedError when the time is none.
   */
  take(bytes: Buffer, start: number, end: number, hasTime: boolean): Extracted {
    const timeKey = hasTime ? undefined : this.#timeKey;
    const tag = this.#value(bytes, start, this.#tagKey);
    const time = this.#value(bytes, start, timeKey);
    const removed = [this.#keepsTag ? undefined : this.#tagKey, this.#keepsTime ? undefined : timeKey];
    return {
      tag: tag === undefined ? undefined : plainText(tag),
      time: time === undefined ? undefined : numericTime(time, this.#timeType),
      record: without(bytes, start, end, removed),
    };
  }

  #value(bytes: Buffer, start: number, key: Buffer | undefined): unknown {
    const position = key === undefined ? ABSENT : findField(bytes, start, key);
    return position === ABSENT ? undefined : decode(bytes.subarray(position, skipValue(bytes, position, bytes.length)));
  }
}

function without(bytes: Buffer, start: number, end: number, names: readonly (Buffer | undefined)[]): Buffer {
  const writer = new ByteWriter(end - start + 4);
  let kept = mapSize(bytes, start);
  const pairs: [number, number][] = [];
  for (let key = mapStart(bytes, start); key < end; ) {
    const value = skipValue(bytes, key, end);
    const next = skipValue(bytes, value, end);
    if (names.some((name) => name !== undefined && isKey(bytes, key, value, name))) kept -= 1;
    else pairs.push([key, next]);
    key = next;
  }
  writer.mapHeader(kept);
  for (const [from, to] of pairs) writer.copy(bytes, from, to);
  return writer.take();
}

/** As Ruby's `to_s` has it for what tags are made of. */
function plainText(value: unknown): string {
  return value === null ? "" : String(value);
}

/**
 * Seconds since 1970 as a number or its text; `unixtime` knows no fraction. Source: fluentd 1.18 NumericTimeParser.
 * Throws MalformedError.
 */
export function numericTime(value: unknown, type: "float" | "unixtime"): Buffer {
  const [, seconds, fraction = ""] = /^\s*(\d+)(?:\.(\d+))?/.exec(String(value)) ?? [];
  if (seconds === undefined || Number(seconds) > 0xffffffff) {
    throw new MalformedError(`invalid time value: ${String(value).slice(0, 64)}`);
  }
  const nanoseconds = type === "unixtime" ? 0 : Number(fraction.slice(0, 9).padEnd(9, "0"));
  return eventTimeBytes(new EventTime(Number(seconds), nanoseconds));
}

export function eventTimeBytes({ seconds, nanoseconds }: EventTime): Buffer {
  const bytes = Buffer.allocUnsafe(EVENT_TIME_BYTES);
  writeEventTime(bytes, 0, seconds, nanoseconds);
  return bytes;
}
