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
import { rubyStrptime } from "./ruby-strptime.ts";
import { strptime, type TimeReader } from "./strptime.ts";
import { type TimeFields, wallTime } from "./wall-clock.ts";

export const timeTypes = ["string", "unixtime", "float", "mixed"] as const;
export type TimeType = (typeof timeTypes)[number];

export interface TimeParser {
  /** The time of a text, or of a number as Ruby prints it. Throws MalformedError, with fluentd's text. */
  parse(text: string, isNumber?: boolean): EventTime;
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
  return cached(formattedTime(format, isLocal, timezone, clock));
}

type ParseTime = (text: string, isNumber: boolean) => EventTime;

/** Lines that follow one another often have the same time: the last two texts keep their answers. */
function cached(parse: ParseTime): TimeParser {
  let [newest, older] = ["", ""];
  let newestTime: EventTime | undefined;
  let olderTime: EventTime | undefined;
  return {
    parse(text, isNumber = false) {
      if (isNumber) return parse(text, true);
      if (newestTime !== undefined && text === newest) return newestTime;
      if (olderTime !== undefined && text === older) return olderTime;
      const time = parse(text, false);
      [older, olderTime] = [newest, newestTime];
      [newest, newestTime] = [text, time];
      return time;
    },
  };
}

function formattedTime(
  format: string | undefined,
  isLocal: boolean,
  timezone: string | undefined,
  clock: Clock,
): ParseTime {
  const read = readerOf(format);
  const carriesZone = format !== undefined && (format.includes("%z") || format.includes("%Z"));
  const zone = carriesZone || format === "%iso8601" ? undefined : targetZone(isLocal, timezone);
  return (text, isNumber) => {
    if (isNumber) throw new MalformedError(`value must be string: ${text}`);
    const fields: TimeFields = {};
    if (!read(text, fields)) throw invalidTime(text);
    const { seconds, nanoseconds, offset } = wallTime(fields, clock.now());
    return new EventTime(zone ? seconds + offset - zone.offsetAt(seconds + offset) : seconds, nanoseconds);
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

const NUMBER = /^\s*[+-]?(?:0x[\da-f]+|\d+(?:_\d+)*(?:\.\d+)?(?:e[+-]?\d+)?)\s*$/i;

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
    return { isNumeric, parser: cached(isNumeric ? float : formattedTime(candidate, isLocal, timezone, clock)) };
  });
  return {
    parse(text, isNumber = false) {
      for (const { isNumeric, parser } of parsers) {
        if (isNumeric && !isNumber && !NUMBER.test(text)) continue;
        try {
          return parser.parse(text, isNumber);
        } catch (error) {
          if (!(error instanceof MalformedError)) throw error;
        }
      }
      throw new MalformedError(`invalid time format: value = ${text}, even though fallbacks: ${formats.join(",")}`);
    },
  };
}

function invalidTime(text: string): MalformedError {
  return new MalformedError(
    `invalid time format: value = ${text}, error_class = ArgumentError, error = string doesn't match`,
  );
}
