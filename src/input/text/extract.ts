/**
 * `<extract>`: takes an event's tag and time out of its record. Source: fluentd 1.18 plugin_helper/extract.rb.
 */

import type { Clock } from "../../clock.ts";
import { MalformedError } from "../../errors.ts";
import { EVENT_TIME_BYTES, EventTime, writeEventTime } from "../../event/event-time.ts";
import { withoutFields } from "../../event/record-removal.ts";
import { type ExtractConfig, type Extraction, extraction } from "../../parser/extract.ts";

/** What was taken out of one record. */
export interface Extracted {
  readonly tag: string | undefined;
  /** An EventTime in its fixext8 form. */
  readonly time: Buffer | undefined;
  /** The record without the fields that are not kept: a part of the bytes it was read from, where all are. */
  readonly record: Buffer;
}

export class Extract {
  readonly #all: Extraction | undefined;
  /** For events that have their time already: the field stays, as in fluentd. */
  readonly #tag: Extraction | undefined;

  /** Throws ConfigError. */
  constructor(config: ExtractConfig, clock: Clock) {
    this.#all = extraction(config, clock);
    this.#tag = extraction({ ...config, timeKey: undefined }, clock);
  }

  /** Reads the record `bytes[start, end)`. Throws MalformedError when the time is none. */
  take(bytes: Buffer, start: number, end: number, hasTime: boolean): Extracted {
    const found = (hasTime ? this.#tag : this.#all)?.(bytes, start);
    return {
      tag: found?.tag,
      time: found?.time && eventTimeBytes(found.time),
      record: withoutFields(
        bytes.subarray(start, end),
        (found?.removed ?? []).map((name) => Buffer.from(name)),
      ),
    };
  }
}

/**
 * Seconds since 1970 as a number or its text; `unixtime` knows no fraction. Source: fluentd 1.18 NumericTimeParser.
 * Throws MalformedError.
 */
export function numericTime(value: unknown, type: "float" | "unixtime"): Buffer {
  const [, seconds, fraction = ""] = /^\s*(-?\d+)(?:\.(\d+))?/.exec(String(value)) ?? [];
  if (seconds === undefined) {
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
