/**
 * Times by any format that Ruby's `Time.strptime` reads. Source: Ruby 3.1 date/strptime and time.rb, observed.
 *
 * Numbers take as many digits as their directive allows; where another number follows at once, `%Y` takes 4, `%L` 3 and
 * `%N` 9. A blank may stand for the first digit of `%d %H %I`. A directive that Ruby does not know stands for itself.
 */

import { digitsEnd, isSpace, monthAt, type TimeReader } from "./strptime.ts";
import type { TimeFields } from "./wall-clock.ts";
import { zoneOffset } from "./zone-name.ts";

interface Scan extends TimeFields {
  text: string;
  position: number;
  century?: number;
  isAfternoon?: boolean;
  hasWeek?: boolean;
}

/** Reads at the scan's position and moves it; false where the text does not match. */
type Step = (scan: Scan) => boolean;

const COMPOSED: Record<string, string> = {
  c: "%a %b %e %H:%M:%S %Y",
  D: "%m/%d/%y",
  x: "%m/%d/%y",
  F: "%Y-%m-%d",
  R: "%H:%M",
  r: "%I:%M:%S %p",
  T: "%H:%M:%S",
  X: "%H:%M:%S",
  v: "%e-%b-%Y",
  "+": "%a %b %e %H:%M:%S %Z %Y",
  n: " ",
  t: " ",
};

/** Directives that start with a digit: what stands before them must not take their digits. */
const NUMERIC = /^(?:\d|%[EO]?[CDdeFGgHIjkLlMmNQRrSsTUuVvWwXxYy\d])/;

/** The reader for `format`. */
export function rubyStrptime(format: string): TimeReader {
  const steps = compile(format);
  return (text, fields) => {
    const scan: Scan = { text, position: 0 };
    if (!steps.every((step) => step(scan))) return false;
    return finish(scan, fields);
  };
}

function compile(format: string): Step[] {
  const steps: Step[] = [];
  const directive = /%([EO]?)(:{0,3})(.)|\s+|[^%\s]|%/gsy;
  for (let match = directive.exec(format); match; match = directive.exec(format)) {
    const [piece, , colons, letter] = match;
    const beforeNumber = NUMERIC.test(format.slice(directive.lastIndex));
    if (/^\s/.test(piece)) steps.push(whiteSpace);
    else if (letter === undefined || (colons !== "" && letter !== "z")) steps.push(literal(piece));
    else if (COMPOSED[letter] !== undefined) steps.push(...compile(COMPOSED[letter]));
    else steps.push(DIRECTIVES[letter]?.(beforeNumber) ?? literal(letter === "%" ? "%" : piece));
  }
  return steps;
}

function literal(piece: string): Step {
  return (scan) => {
    if (!scan.text.startsWith(piece, scan.position)) return false;
    scan.position += piece.length;
    return true;
  };
}

const whiteSpace: Step = (scan) => {
  while (isSpace(scan.text.charCodeAt(scan.position))) scan.position += 1;
  return true;
};

/** A number of up to `limit` digits within a range. */
function number(limit: number, least: number, most: number, set: (scan: Scan, value: number) => void): Step {
  return (scan) => {
    const end = digitsEnd(scan.text, scan.position, limit);
    const value = Number(scan.text.slice(scan.position, end));
    if (end === scan.position || value < least || value > most) return false;
    scan.position = end;
    set(scan, value);
    return true;
  };
}

/** The same, where a blank may stand for the first of two digits. */
function blankPadded(least: number, most: number, set: (scan: Scan, value: number) => void): Step {
  const two = number(2, least, most, set);
  const one = number(1, least, most, set);
  return (scan) => {
    if (scan.text[scan.position] !== " ") return two(scan);
    scan.position += 1;
    return one(scan);
  };
}

/** A number with a sign and without an end. */
function signed(limit: number, set: (scan: Scan, value: number, digits: string) => void): Step {
  return (scan) => {
    const sign = scan.text[scan.position];
    const start = sign === "-" || sign === "+" ? scan.position + 1 : scan.position;
    const end = digitsEnd(scan.text, start, limit);
    if (end === start) return false;
    const digits = scan.text.slice(start, end);
    scan.position = end;
    set(scan, sign === "-" ? -Number(digits) : Number(digits), digits);
    return true;
  };
}

/** More digits are no number that a time could hold. */
const MOST_DIGITS = 40;

function fraction(width: number) {
  return (beforeNumber: boolean) =>
    signed(beforeNumber ? width : MOST_DIGITS, (scan, _, digits) => {
      scan.nanosecond = Number(digits.slice(0, 9).padEnd(9, "0"));
    });
}

function pattern(expression: RegExp, set: (scan: Scan, found: string) => void): Step {
  return (scan) => {
    expression.lastIndex = scan.position;
    const found = expression.exec(scan.text)?.[0];
    if (found === undefined) return false;
    scan.position += found.length;
    set(scan, found);
    return true;
  };
}

const month: Step = (scan) => {
  const found = monthAt(scan.text, scan.position);
  if (!found) return false;
  scan.month = found.month;
  scan.position += found.length;
  return true;
};

const weekday = pattern(
  /(?:sunday|monday|tuesday|wednesday|thursday|friday|saturday|sun|mon|tue|wed|thu|fri|sat)/iy,
  () => {},
);
const ZONE = /(?:gmt|utc?)?[-+]\d+(?:[,.:]\d+(?::\d+)?)?|[a-z.\s]+(?:standard|daylight)\stime\b|[a-z]+(?:\sdst)?\b/iy;
const zone = pattern(ZONE, (scan, found) => {
  scan.zone = found;
  scan.offset = zoneOffset(found);
});
const hour = blankPadded(0, 24, (scan, value) => {
  scan.hour = value;
});
const hour12 = blankPadded(1, 12, (scan, value) => {
  scan.hour = value;
});
const dayOfMonth = blankPadded(1, 31, (scan, value) => {
  scan.day = value;
});
const week = (limit: number, least: number, most: number) =>
  number(limit, least, most, (scan) => {
    scan.hasWeek = true;
  });

const DIRECTIVES: Record<string, (beforeNumber: boolean) => Step> = {
  A: () => weekday,
  a: () => weekday,
  B: () => month,
  b: () => month,
  h: () => month,
  C: (beforeNumber) =>
    signed(beforeNumber ? 2 : MOST_DIGITS, (scan, value) => {
      scan.century = value;
    }),
  d: () => dayOfMonth,
  e: () => dayOfMonth,
  H: () => hour,
  k: () => hour,
  I: () => hour12,
  l: () => hour12,
  j: () => number(3, 1, 366, (scan, value) => setField(scan, "yearDay", value)),
  L: fraction(3),
  N: fraction(9),
  M: () => number(2, 0, 59, (scan, value) => setField(scan, "minute", value)),
  m: () => number(2, 1, 12, (scan, value) => setField(scan, "month", value)),
  P: () => meridian,
  p: () => meridian,
  Q: () =>
    signed(MOST_DIGITS, (scan, value) => {
      scan.epoch = Math.floor(value / 1000);
      scan.nanosecond = (value - scan.epoch * 1000) * 1e6;
    }),
  S: () => number(2, 0, 60, (scan, value) => setField(scan, "second", value)),
  s: () => signed(MOST_DIGITS, (scan, value) => setField(scan, "epoch", value)),
  U: () => week(2, 0, 53),
  W: () => week(2, 0, 53),
  V: () => week(2, 1, 53),
  G: () => week(4, 0, 9999),
  g: () => week(2, 0, 99),
  u: () => number(1, 1, 7, () => {}),
  w: () => number(1, 0, 6, () => {}),
  Y: (beforeNumber) =>
    signed(beforeNumber ? 4 : MOST_DIGITS, (scan, value) => {
      scan.year = value;
    }),
  y: () =>
    number(2, 0, 99, (scan, value) => {
      scan.year = value;
      scan.century ??= value >= 69 ? 19 : 20;
    }),
  Z: () => zone,
  z: () => zone,
};

const meridian = pattern(/[ap](?:m\b|\.m\.)/iy, (scan, found) => {
  scan.isAfternoon = /^p/i.test(found);
});

function setField(scan: Scan, field: "yearDay" | "minute" | "month" | "second" | "epoch", value: number): void {
  scan[field] = value;
}

/** Puts century and half of the day in. 24:00 is the last hour of a day. Weeks without a date are not read, since no log has them. */
function finish(scan: Scan, fields: TimeFields): boolean {
  const { text: _text, position: _position, century, isAfternoon, hasWeek, ...read } = scan;
  if (century !== undefined) read.year = century * 100 + (read.year ?? 0);
  if (isAfternoon !== undefined && read.hour !== undefined) read.hour = (read.hour % 12) + (isAfternoon ? 12 : 0);
  Object.assign(fields, read);
  if (read.hour === 24 && (read.minute ?? 0) + (read.second ?? 0) > 0) return false;
  if (read.yearDay === 366 && read.year !== undefined && !isLeapYear(read.year)) return false;
  const { offset: _offset, zone: _zone, ...date } = read;
  return Object.keys(date).length > 0 && !(hasWeek && read.day === undefined);
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}
