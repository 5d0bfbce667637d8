/**
 * From the text or number in a record to the event's time. Source: fluentd 1.18 time.rb (TimeParser, NumericTimeParser,
 * MixedTimeParser).
 *
 * A format with `%z` or `%Z` carries its zone. Every other one is read on the local wall, and then moved to `timezone` or
 * to UTC where these are set. So a `Z` in a format is a letter only: the time is local unless `utc` says otherwise.
 */

import type { Clock } from "../clock.ts";
import { ConfigError, MalformedError, type SourcePosition } from "../errors.ts";
import { EventTime } from "../event/event-time.ts";
import { type TimeZone, timeZone, utc } from "../event/time-zone.ts";
import { freeTime, iso8601 } from "./free-time.ts";
import { IsoTime } from "./iso-time.ts";
import { rubyStrptime } from "./ruby-strptime.ts";
import { strptime, type TimeReader } from "./strptime.ts";
import { localMoment, type TimeFields, wallTime } from "./wall-clock.ts";

export const timeTypes = ["string", "unixtime", "float", "mixed"] as const;
export type TimeType = (typeof timeTypes)[number];

export interface TimeParser {
  /** The time of a text, or of a number as Ruby prints it. Throws MalformedError, with fluentd's text. */
  parse(text: string, isNumber?: boolean): EventTime;
  /** The time of the text `bytes[start, end)`. Throws as `parse` does. */
  read(bytes: Buffer, start: number, end: number): EventTime;
}

export interface TimeOptions {
  readonly type: TimeType;
  readonly format: string | undefined;
  readonly fallbacks: readonly string[];
  /** False: UTC, unless a zone is given. */
  readonly isLocal: boolean;
  readonly timezone: string | undefined;
  readonly position: SourcePosition;
}

/** Throws ConfigError. */
export function createTimeParser(options: TimeOptions, clock: Clock): TimeParser {
  const { type, format, timezone, isLocal, position } = options;
  if (timezone !== undefined && !timeZone(timezone)) {
    throw new ConfigError(`Unsupported timezone '${timezone}'`, position);
  }
  if (type === "mixed") return mixedParser(options, clock);
  if (type !== "string") return cached(type === "unixtime" ? unixtime : float);
  if (format === undefined && (timezone !== undefined || !isLocal)) {
    throw new ConfigError("specifying timezone requires time format", position);
  }
  return formattedTime(format, isLocal, timezone, clock);
}

type ParseTime = (text: string, isNumber: boolean) => EventTime;

/** Lines that follow one another often have the same time: the last two texts keep their answers. */
function cached(parse: ParseTime): TimeParser {
  let [newest, older] = ["", ""];
  let newestTime: EventTime | undefined;
  let olderTime: EventTime | undefined;
  return timeParser((text, isNumber) => {
    if (isNumber) return parse(text, true);
    if (newestTime !== undefined && text === newest) return newestTime;
    if (olderTime !== undefined && text === older) return olderTime;
    const time = parse(text, false);
    older = newest;
    olderTime = newestTime;
    newest = text;
    newestTime = time;
    return time;
  });
}

function timeParser(parse: ParseTime): TimeParser {
  return {
    parse: (text, isNumber = false) => parse(text, isNumber),
    read: (bytes, start, end) => parse(bytes.toString("latin1", start, end), false),
  };
}

function formattedTime(
  format: string | undefined,
  isLocal: boolean,
  timezone: string | undefined,
  clock: Clock,
): TimeParser {
  const read = readerOf(format);
  const carriesZone = format !== undefined && (format.includes("%z") || format.includes("%Z"));
  const zone = carriesZone || format === "%iso8601" ? undefined : targetZone(isLocal, timezone);
  const parser = cached((text, isNumber) => {
    if (isNumber) throw new MalformedError(`value must be string: ${text}`);
    const fields: TimeFields = {};
    // Ruby knows no zone that is a day away.
    if (!read(text, fields) || Math.abs(fields.offset ?? 0) >= DAY_SECONDS) throw invalidTime(text);
    const moment = wallTime(fields, clock.now());
    if (!(Math.abs(moment.seconds) <= MAX_SECONDS)) throw invalidTime(text);
    return new EventTime(inZone(moment, zone), moment.nanoseconds);
  });
  // fluentd does not see that `%:z` carries a zone, and moves such times, too.
  if (format === undefined || (zone && format.includes("%:z"))) return parser;
  const iso = IsoTime.of(format, (wall) => inZone(localMoment(wall), zone));
  return iso ? isoFirst(iso, parser) : parser;
}

/** A moment on the local wall, taken for one on the wall of `zone`. */
function inZone({ seconds, offset }: { seconds: number; offset: number }, zone: TimeZone | undefined): number {
  return zone ? seconds + offset - zone.offsetAt(seconds + offset) : seconds;
}

const DAY_SECONDS = 86_400;

/** What a Date can hold, less a day for any zone. */
const MAX_SECONDS = 8.64e12 - DAY_SECONDS;

/** More letters than any usual time has. */
const ISO_ROOM_BYTES = 40;

function isoFirst(iso: IsoTime, parser: TimeParser): TimeParser {
  const room = Buffer.alloc(ISO_ROOM_BYTES);
  return {
    parse(text, isNumber = false) {
      const isShort = !isNumber && text.length < room.length;
      return (isShort && iso.read(room, 0, room.write(text, "latin1"))) || parser.parse(text, isNumber);
    },
    read: (bytes, start, end) => iso.read(bytes, start, end) ?? parser.read(bytes, start, end),
  };
}

function readerOf(format: string | undefined): TimeReader {
  if (format === undefined) return freeTime;
  if (format === "%iso8601") return iso8601;
  return strptime(format) ?? rubyStrptime(format);
}

function targetZone(isLocal: boolean, timezone: string | undefined): TimeZone | undefined {
  if (timezone !== undefined) return timeZone(timezone);
  return isLocal ? undefined : utc;
}

const unixtime: ParseTime = (text, isNumber) =>
  new EventTime(isNumber ? Math.trunc(Number(text)) : leadingInteger(text), 0);

/** Digits behind the point are cut after the tenth, as fluentd does it. */
const float: ParseTime = (text) => {
  const [seconds = "", fraction = "0"] = text.split(".", 3);
  return new EventTime(leadingInteger(seconds), leadingInteger(fraction.slice(0, 10).padEnd(9, "0")));
};

/** Ruby's `to_i`. */
function leadingInteger(text: string): number {
  const match = /^\s*([+-]?\d+(?:_\d+)*)/.exec(text);
  return match ? Number((match[1] as string).replaceAll("_", "")) : 0;
}

const DIGITS = String.raw`\d+(?:_\d+)*`;
/** What Ruby's `Float` takes. */
const NUMBER = new RegExp(
  String.raw`^\s*[+-]?(?:0x[\da-f]+|(?:${DIGITS}(?:\.${DIGITS})?|\.${DIGITS})(?:e[+-]?${DIGITS})?)\s*$`,
  "i",
);

/** The first format that reads the text wins; a numeric one is asked only about numbers. */
function mixedParser(options: TimeOptions, clock: Clock): TimeParser {
  const { format, fallbacks, timezone, isLocal, position } = options;
  const formats = [format, ...fallbacks].filter((candidate) => candidate !== undefined);
  if (formats.length === 0) {
    const message = "time_type is :mixed but time_format and time_format_fallbacks is empty.";
    throw new ConfigError(message, position);
  }
  const parsers = formats.map((candidate) => {
    const isNumeric = candidate === "unixtime" || candidate === "float";
    // fluentd gives the name of the format as text where it looks for a symbol: `unixtime` has fractions, too.
    return { isNumeric, parser: isNumeric ? cached(float) : formattedTime(candidate, isLocal, timezone, clock) };
  });
  return timeParser((text, isNumber) => {
    for (const { isNumeric, parser } of parsers) {
      if (isNumeric && !isNumber && !NUMBER.test(text)) continue;
      try {
        return parser.parse(text, isNumber);
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error;
      }
    }
    throw new MalformedError(`invalid time format: value = ${text}, even though fallbacks: ${formats.join(",")}`);
  });
}

function invalidTime(text: string): MalformedError {
  return new MalformedError(
    `invalid time format: value = ${text}, error_class = ArgumentError, error = string doesn't match`,
  );
}
