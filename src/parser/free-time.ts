/** Times without a format: ISO 8601 as `%iso8601` wants it, and the guesses of `Time.parse`. Source: Ruby 3.1. */

import { monthAt, type TimeReader } from "./strptime.ts";
import type { TimeFields } from "./wall-clock.ts";
import { zoneOffset } from "./zone-name.ts";

const ISO_8601 = /^\s*(-?\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d(?::?\d\d)?)?\s*$/i;

/** `2024-01-02T03:04:05.678+09:00`; fraction and zone may be absent. */
export const iso8601: TimeReader = (text, fields) => {
  const match = ISO_8601.exec(text);
  if (!match) return false;
  const [, year, month, day, hour = "", minute = "", second = "", fraction, zone] = match;
  fields.year = Number(year);
  fields.month = Number(month);
  fields.day = Number(day);
  setClock(fields, hour, minute, second, fraction);
  if (zone !== undefined) fields.offset = zoneOffset(zone);
  return isInRange(fields);
};

const CLOCK =
  /(\d+)\s*:\s*(\d+)(?:\s*:\s*(\d+)(?:[,.](\d*))?)?(?:\s*([ap])(?:m\b|\.m\.))?(?:\s*((?:gmt|utc?)?[-+]\d+(?:[,.:]\d+(?::\d+)?)?|[a-z]+\b))?/i;
const MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)";
const DAY_FIRST = new RegExp(`(\\d+)[^-\\d\\s]*\\s*${MONTH}[^-\\d\\s']*(?:\\s*(-?\\d+))?`, "i");
const MONTH_FIRST = new RegExp(`\\b${MONTH}[^-\\d\\s']*\\s*(\\d+)(?:st|nd|rd|th)?\\b(?:\\s*,?\\s*(-?\\d+))?`, "i");
const DASHES = /([+-]?\d+)-(\d+)-(\d+)/;
const MONTH_IN_DASHES = new RegExp(`(\\d+)-${MONTH}[^-/.]*-(\\d+)`, "i");
const SLASHES = /(\d+)\/(\d+)(?:\/(\d+))?/;
const DIGITS = /^\s*(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)?)?(Z|[+-]\d\d:?\d\d)?\s*$/i;

/**
 * Dates and times as people and programs commonly write them: `2024-01-02 03:04:05.6 +0900`, `Tue Jan  2 03:04:05 2024`,
 * `2 Jan 2024 03:04:05 GMT`, `2024/01/02 03:04`, `20240102T030405Z`. What is missing above is today's.
 */
export const freeTime: TimeReader = (text, fields) => {
  const digits = DIGITS.exec(text);
  if (digits) {
    const [, year, month, day, hour, minute, second = "0", zone] = digits;
    Object.assign(fields, { year: Number(year), month: Number(month), day: Number(day) });
    if (hour !== undefined && minute !== undefined) setClock(fields, hour, minute, second, undefined);
    if (zone !== undefined) fields.offset = zoneOffset(zone);
    return isInRange(fields);
  }
  const clock = CLOCK.exec(text);
  let rest = text;
  if (clock) {
    const [whole, hour = "", minute = "", second, fraction, half, zone] = clock;
    setClock(fields, hour, minute, second ?? "0", fraction === "" ? undefined : fraction);
    if (half !== undefined) fields.hour = ((fields.hour ?? 0) % 12) + (half.toLowerCase() === "p" ? 12 : 0);
    if (zone !== undefined) fields.offset = zoneOffset(zone.replace(/^(?:gmt|utc?)(?=[-+])/i, ""));
    rest = `${text.slice(0, clock.index)} ${text.slice(clock.index + whole.length)}`;
  }
  const hasDate = setDate(fields, rest);
  return (hasDate || clock !== null) && isInRange(fields);
};

function setDate(fields: TimeFields, text: string): boolean {
  const dayFirst = DAY_FIRST.exec(text) ?? MONTH_IN_DASHES.exec(text);
  if (dayFirst) return setNamed(fields, dayFirst[2], dayFirst[1], dayFirst[3]);
  const monthFirst = MONTH_FIRST.exec(text);
  if (monthFirst) return setNamed(fields, monthFirst[1], monthFirst[2], monthFirst[3]);
  const numbers = DASHES.exec(text) ?? SLASHES.exec(text);
  if (!numbers) return false;
  const [, first = "", second = "", third] = numbers;
  if (third === undefined) return setNumbers(fields, undefined, first, second);
  return setNumbers(fields, first, second, third);
}

/** `2024-01-02`, and `24-01-02` of this century; a year stands last only where the first cannot be one. */
function setNumbers(fields: TimeFields, year: string | undefined, month: string, day: string): boolean {
  if (year !== undefined) fields.year = fullYear(year);
  fields.month = Number(month);
  fields.day = Number(day);
  return true;
}

function setNamed(fields: TimeFields, name = "", day = "", year: string | undefined): boolean {
  const found = monthAt(name, 0);
  if (!found) return false;
  fields.month = found.month;
  fields.day = Number(day);
  if (year !== undefined) fields.year = fullYear(year);
  return true;
}

function fullYear(digits: string): number {
  const year = Number(digits);
  return digits.length > 2 ? year : year + (year >= 69 ? 1900 : 2000);
}

function setClock(fields: TimeFields, hour: string, minute: string, second: string, fraction: string | undefined) {
  fields.hour = Number(hour);
  fields.minute = Number(minute);
  fields.second = Number(second);
  if (fraction !== undefined) fields.nanosecond = Number(fraction.slice(0, 9).padEnd(9, "0"));
}

function isInRange({ month = 1, day = 1, hour = 0, minute = 0, second = 0 }: TimeFields): boolean {
  const inClock = hour <= 24 && minute <= 59 && second <= 60 && (hour < 24 || minute + second === 0);
  return month >= 1 && month <= 12 && day >= 1 && day <= 31 && inClock;
}
