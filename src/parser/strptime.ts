/**
 * Times by a format whose every directive has a fixed meaning in digits: the ones of the strptime gem, which fluentd asks
 * first. Formats with other directives go to ruby-strptime.ts; the two differ in what they let pass.
 *
 * | directive | reads |
 * |---|---|
 * | `%Y` | sign, up to 4 digits |
 * | `%y %m %d %e %H %M %S` | up to 2 digits, in their range |
 * | `%b %B %h` | an English month, any case |
 * | `%N` | up to 9 digits of a fraction |
 * | `%z` | `Z`, which is not consumed, or sign, 2 digits, colon, 2 digits |
 * | white space, `%n` | any white space, or none |
 *
 * What follows behind the format's end is not looked at. Source: the gem strptime 0.2.5, observed.
 */

import type { TimeFields } from "./wall-clock.ts";

/** Reads a time; false where the text does not follow the format. */
export type TimeReader = (text: string, fields: TimeFields) => boolean;

/** Reads its part of the text at `position`; returns the position behind it, or NO_MATCH. */
type Step = (text: string, position: number, fields: TimeFields) => number;

const NO_MATCH = -1;

export const MONTHS = [
  "january", "february", "march", "april", "may", "june",
  "july", "august", "september", "october", "november", "december",
]; // biome-ignore format: a table

/** The reader for `format`, or undefined when it has a directive outside the table above. */
export function strptime(format: string): TimeReader | undefined {
  const steps: Step[] = [];
  for (const [piece, letter] of format.matchAll(/%(.?)|\s|[^%\s]+/gs)) {
    if (letter !== undefined) {
      const step = STEPS[letter];
      if (!step) return undefined;
      steps.push(step);
    } else {
      steps.push(/^\s/.test(piece) ? whiteSpace : literal(piece));
    }
  }
  return (text, fields) => {
    let position = 0;
    for (const step of steps) {
      position = step(text, position, fields);
      if (position === NO_MATCH) return false;
    }
    return true;
  };
}

export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

export function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

function literal(piece: string): Step {
  return (text, position) => (text.startsWith(piece, position) ? position + piece.length : NO_MATCH);
}

const whiteSpace: Step = (text, position) => {
  let end = position;
  while (isSpace(text.charCodeAt(end))) end += 1;
  return end;
};

type NumberField = "year" | "month" | "day" | "hour" | "minute" | "second";

function twoDigits(field: NumberField, least: number, most: number): Step {
  return (text, position, fields) => {
    const first = text.charCodeAt(position) - 0x30;
    if (!(first >= 0 && first <= 9)) return NO_MATCH;
    const second = text.charCodeAt(position + 1) - 0x30;
    const hasTwo = second >= 0 && second <= 9;
    const value = hasTwo ? first * 10 + second : first;
    if (value < least || value > most) return NO_MATCH;
    fields[field] = value;
    return position + (hasTwo ? 2 : 1);
  };
}

const year: Step = (text, position, fields) => {
  const sign = text[position];
  const start = sign === "+" || sign === "-" ? position + 1 : position;
  const end = digitsEnd(text, start, 4);
  if (end === start) return NO_MATCH;
  const value = Number(text.slice(start, end));
  fields.year = sign === "-" ? -value : value;
  return end;
};

const shortYear: Step = (text, position, fields) => {
  const end = digitsEnd(text, position, 2);
  if (end === position) return NO_MATCH;
  const value = Number(text.slice(position, end));
  fields.year = value + (value < 69 ? 2000 : 1900);
  return end;
};

const month: Step = (text, position, fields) => {
  const found = monthAt(text, position);
  if (!found) return NO_MATCH;
  fields.month = found.month;
  return position + found.length;
};

const fraction: Step = (text, position, fields) => {
  let value = 0;
  let end = position;
  for (let code = text.charCodeAt(end); end < position + 9 && isDigit(code); code = text.charCodeAt(end)) {
    value = value * 10 + code - 0x30;
    end += 1;
  }
  if (end === position) return NO_MATCH;
  fields.nanosecond = value * (POWERS[9 - (end - position)] as number);
  return end;
};

const POWERS = Array.from({ length: 10 }, (_, exponent) => 10 ** exponent);

const zone: Step = (text, position, fields) => {
  const sign = text[position];
  if (sign === "Z" || sign === "z") {
    fields.offset = 0;
    return position;
  }
  const start = sign === "+" || sign === "-" ? position + 1 : position;
  const hoursEnd = digitsEnd(text, start, 2);
  if (hoursEnd === start) return NO_MATCH;
  const minutesStart = text[hoursEnd] === ":" ? hoursEnd + 1 : hoursEnd;
  const end = digitsEnd(text, minutesStart, 2);
  const offset = Number(text.slice(start, hoursEnd)) * 3600 + Number(text.slice(minutesStart, end)) * 60;
  fields.offset = sign === "-" ? -offset : offset;
  return end;
};

const day = twoDigits("day", 1, 31);

const STEPS: Record<string, Step | undefined> = {
  Y: year,
  y: shortYear,
  m: twoDigits("month", 1, 12),
  d: day,
  e: day,
  H: twoDigits("hour", 0, 23),
  M: twoDigits("minute", 0, 59),
  S: twoDigits("second", 0, 60),
  b: month,
  B: month,
  h: month,
  N: fraction,
  z: zone,
  n: whiteSpace,
};

/** The English month, whole or of three letters, that stands at `position`. */
export function monthAt(text: string, position: number): { month: number; length: number } | undefined {
  const short = text.slice(position, position + 3).toLowerCase();
  const index = MONTHS.findIndex((name) => name.startsWith(short) && short.length === 3);
  if (index < 0) return undefined;
  const name = MONTHS[index] as string;
  const isWhole = text.slice(position, position + name.length).toLowerCase() === name;
  return { month: index + 1, length: isWhole ? name.length : 3 };
}

/** Where the digits at `position` end, at most `limit` of them. */
export function digitsEnd(text: string, position: number, limit: number): number {
  let end = position;
  while (end < position + limit && isDigit(text.charCodeAt(end))) end += 1;
  return end;
}
