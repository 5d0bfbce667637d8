/** Methods of times, and the constant `Time`. */

import { floatValue } from "./number-methods.ts";
import { RubyDateTime, RubyTime } from "./time.ts";
import {
  compare,
  integerOf,
  isNumeric,
  type Method,
  type MethodTable,
  numberOf,
  RubyError,
  type RubyFunction,
  RubyObject,
  type RubyValue,
  textOf,
} from "./values.ts";

const iso8601: Method<RubyTime> = (self, [digits = 0]) => {
  const fraction = integerOf(digits) > 0 ? `.%${integerOf(digits)}N` : "";
  return self.format(`%Y-%m-%dT%H:%M:%S${fraction}${self.isUtc ? "Z" : "%:z"}`);
};

const inUtc: Method<RubyTime> = (self) => self.in("utc");
const inZone: Method<RubyTime> = (self, [zone]) => self.in(zone === undefined ? "local" : zoneOf(textOf(zone)));
const field =
  (directive: string): Method<RubyTime> =>
  (self) =>
    Number(self.format(directive));
const nanoseconds: Method<RubyTime> = (self) => self.nanoseconds;

export const timeMethods: MethodTable<RubyTime> = {
  strftime: (self, [format]) => self.format(textOf(format)),
  utc: inUtc,
  getutc: inUtc,
  gmtime: inUtc,
  getgm: inUtc,
  "utc?": (self) => self.isUtc,
  localtime: inZone,
  getlocal: inZone,
  to_time: (self) => (self instanceof RubyDateTime ? self.toTime() : self),
  to_i: (self) => self.seconds,
  to_f: (self) => floatValue(self.seconds + self.nanoseconds / 1e9),
  to_r: (self) => floatValue(self.seconds + self.nanoseconds / 1e9),
  nsec: nanoseconds,
  usec: (self) => Math.floor(self.nanoseconds / 1000),
  year: field("%Y"),
  month: field("%-m"),
  mon: field("%-m"),
  day: field("%-d"),
  mday: field("%-d"),
  hour: field("%-H"),
  min: field("%-M"),
  sec: field("%-S"),
  wday: field("%w"),
  yday: field("%-j"),
  zone: (self) => self.format("%Z"),
  iso8601,
  xmlschema: iso8601,
  "+": (self, [seconds]) => self.plus(secondsOf(seconds)),
  "-": (self, [other]) =>
    other instanceof RubyTime
      ? floatValue(self.seconds - other.seconds + (self.nanoseconds - other.nanoseconds) / 1e9)
      : self.plus(-secondsOf(other)),
  "<=>": (self, [other]) => (other instanceof RubyTime ? self.compare(other) : null),
  "<": (self, [other = null]) => compare(self, other) < 0,
  "<=": (self, [other = null]) => compare(self, other) <= 0,
  ">": (self, [other = null]) => compare(self, other) > 0,
  ">=": (self, [other = null]) => compare(self, other) >= 0,
};

/** `Time`; `now` gives milliseconds since 1970. `reading` are the functions that read a time from a text. */
export function timeConstant(now: () => number, reading: Readonly<Record<string, RubyFunction>> = {}): RubyObject {
  const parse: RubyFunction = ([text]) => parseTime(textOf(text));
  return new RubyObject("Time", {
    now: () => RubyTime.fromMilliseconds(now()),
    at: ([seconds, fraction, unit]) => {
      if (seconds instanceof RubyTime) return seconds;
      if (seconds instanceof RubyObject && seconds.methods.to_time) return seconds.methods.to_time([]);
      const time = typeof seconds === "number" && Number.isInteger(seconds) ? new RubyTime(seconds, 0) : RubyTime.fromSeconds(secondsOf(seconds)); // biome-ignore format: one decision
      return fraction === undefined ? time : time.plus(secondsOf(fraction) * (FRACTIONS[String(unit)] ?? 1e-6));
    },
    parse,
    iso8601: parse,
    xmlschema: parse,
    ...reading,
  });
}

const FRACTIONS: Record<string, number> = { millisecond: 1e-3, usec: 1e-6, microsecond: 1e-6, nsec: 1e-9, nanosecond: 1e-9 }; // biome-ignore format: a table

/** Times of ISO 8601 and its neighbours: `2024-02-03T04:05:06.789Z`, `2024-02-03 04:05:06 +0900`. */
function parseTime(text: string): RubyTime {
  const match =
    /^\s*(\d{4})[-/](\d\d?)[-/](\d\d?)(?:[T ]+(\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s*(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?\s*$/i.exec(
      text,
    );
  if (!match) throw new RubyError("ArgumentError", `no time information in ${JSON.stringify(text)}`);
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", zone] = match;
  const fields = [Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)] as const;
  const nanosecond = Number(fraction.padEnd(9, "0").slice(0, 9));
  if (fields[1] > 11 || fields[2] > 31 || fields[3] > 24 || fields[4] > 59 || fields[5] > 60) {
    throw new RubyError("ArgumentError", "argument out of range");
  }
  if (zone === undefined) return new RubyTime(new Date(...fields).getTime() / 1000, nanosecond);
  const offset = zoneOf(zone.toUpperCase());
  const minutes = offset === "utc" ? 0 : offset;
  return new RubyTime(Date.UTC(...fields) / 1000 - minutes * 60, nanosecond, offset);
}

function zoneOf(name: string): "utc" | number {
  if (["Z", "UTC", "GMT"].includes(name)) return "utc";
  const match = /^([+-])(\d\d):?(\d\d)?$/.exec(name);
  if (!match) throw new RubyError("ArgumentError", `"+HH:MM", "-HH:MM" or "UTC" expected for utc_offset: ${name}`);
  return (Number(match[2]) * 60 + Number(match[3] ?? 0)) * (match[1] === "-" ? -1 : 1);
}

function secondsOf(value: RubyValue | undefined): number {
  if (isNumeric(value)) return numberOf(value);
  throw new RubyError("TypeError", "a number of seconds is expected");
}
