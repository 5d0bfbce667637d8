/**
 * The parts of a date and time that is written in no particular way, found one after the other, each taken out of the text
 * before the next is looked for. Source: Ruby 3.1 `Date._parse` (date_parse.c), whose names the readers bear.
 */

import { monthAt } from "./strptime.ts";

/** What a text says. Numbers are as they stand there: nothing is checked. */
export interface TimeParts {
  year?: number | undefined;
  month?: number | undefined;
  day?: number | undefined;
  yearDay?: number | undefined;
  hour?: number | undefined;
  minute?: number | undefined;
  second?: number | undefined;
  /** Digits behind the point. */
  fraction?: string | undefined;
  zone?: string | undefined;
  /** Whether a year of two digits means one of our time. */
  isFullYear?: boolean;
}

const MONTHS = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)";
const ERA = "(c(?:e|\\.e\\.)|b(?:ce|\\.c\\.e\\.)|a(?:d|\\.d\\.)|b(?:c|\\.c\\.))?";

type Found = readonly (string | undefined)[];
type Reader = readonly [pattern: RegExp, take: (parts: TimeParts, found: Found) => void];

const DAY: Reader = [/\b(?:sun|mon|tue|wed|thu|fri|sat)[^-/\d\s]*/i, () => {}];

const TIME: Reader = [
  /(\d+\s*(?:(?::\s*\d+(?:\s*:\s*\d+(?:[,.]\d*)?)?|h(?:\s*\d+m?(?:\s*\d+s?)?)?)(?:\s*[ap](?:m\b|\.m\.))?|[ap](?:m\b|\.m\.)))(?:\s*((?:gmt|utc?)?[-+]\d+(?:[,.:]\d+(?::\d+)?)?|[a-z.\s]+(?:standard|daylight)\stime\b|[a-z]+(?:\sdst)?\b))?/i,
  (parts, [, time = "", zone]) => {
    if (zone !== undefined) parts.zone = zone;
    const [, hour, minute, second, fraction, half] =
      /^(\d+)h?(?:\s*:?\s*(\d+)m?(?:\s*:?\s*(\d+)(?:[,.](\d*))?s?)?)?(?:\s*([ap])(?:m\b|\.m\.))?/i.exec(time) ?? [];
    const hours = Number(hour);
    parts.hour = half === undefined ? hours : (hours % 12) + (/p/i.test(half) ? 12 : 0);
    if (minute !== undefined) parts.minute = Number(minute);
    if (second !== undefined) parts.second = Number(second);
    if (fraction !== undefined) parts.fraction = fraction;
  },
];

const EUROPEAN: Reader = [
  new RegExp(`('?\\d+)[^-\\d\\s]*\\s*${MONTHS}[^-\\d\\s']*(?:\\s*${ERA}\\s*('?-?\\d+(?:(?:st|nd|rd|th)\\b)?))?`, "i"),
  (parts, [, day, month, era, year]) => setDate(parts, year, monthNumber(month), day, isBefore(era)),
];

const AMERICAN: Reader = [
  new RegExp(`\\b${MONTHS}[^-\\d\\s']*\\s*('?\\d+)[^-\\d\\s']*(?:\\s*,?\\s*${ERA}\\s*('?-?\\d+))?`, "i"),
  (parts, [, month, day, era, year]) => setDate(parts, year, monthNumber(month), day, isBefore(era)),
];

const ISO: Reader = [/('?[-+]?\d+)-(\d+)-('?-?\d+)/, (parts, [, year, month, day]) => setDate(parts, year, month, day)];

const JAPANESE_ERAS: Readonly<Record<string, number>> = { m: 1867, t: 1911, s: 1925, h: 1988, r: 2018 };

const JAPANESE: Reader = [
  /\b([mtshr])(\d+)\.(\d+)\.(\d+)/i,
  (parts, [, era = "", year, month, day]) => {
    parts.year = Number(year) + (JAPANESE_ERAS[era.toLowerCase()] as number);
    parts.month = Number(month);
    parts.day = Number(day);
  },
];

const VMS_DAY_FIRST: Reader = [
  new RegExp(`('?-?\\d+)-${MONTHS}[^-/.]*-('?-?\\d+)`, "i"),
  (parts, [, day, month, year]) => setDate(parts, year, monthNumber(month), day),
];

const VMS_MONTH_FIRST: Reader = [
  new RegExp(`\\b${MONTHS}[^-/.]*-('?-?\\d+)(?:-('?-?\\d+))?`, "i"),
  (parts, [, month, day, year]) => setDate(parts, year, monthNumber(month), day),
];

const SLASHES: Reader = [
  /('?-?\d+)\/\s*('?\d+)(?:\D\s*('?-?\d+))?/,
  (parts, [, year, month, day]) => setDate(parts, year, month, day),
];

const DOTS: Reader = [
  /('?-?\d+)\.\s*('?\d+)\.\s*('?-?\d+)/,
  (parts, [, year, month, day]) => setDate(parts, year, month, day),
];

/** A day of a week: Ruby finds it, and `Time.parse` leaves it aside. */
const WEEK: Reader = [/\b(?:\d{2}|\d{4})?-?w\d{2}(?:-?\d)?\b/i, () => {}];
const WEEK_DAY: Reader = [/-w-\d\b/i, () => {}];

const NO_YEAR: Reader = [
  /--(\d{2})?-(\d{2})\b/,
  (parts, [, month, day]) => {
    if (month !== undefined) parts.month = Number(month);
    parts.day = Number(day);
  },
];

const NO_YEAR_PACKED: Reader = [
  /--(\d{2})(\d{2})?\b/,
  (parts, [, month, day]) => {
    parts.month = Number(month);
    if (day !== undefined) parts.day = Number(day);
  },
];

const YEAR_DAY: Reader = [
  /\b(\d{2}|\d{4})-(\d{3})\b/,
  (parts, [, year, day]) => {
    parts.year = Number(year);
    parts.yearDay = Number(day);
  },
];

const YEAR_DAY_ALONE: Reader = [
  /\b-(\d{3})\b/,
  (parts, [, day]) => {
    parts.yearDay = Number(day);
  },
];

const YEAR: Reader = [
  /'(\d+)\b/,
  (parts, [, year]) => {
    parts.year = Number(year);
  },
];

const MONTH: Reader = [
  new RegExp(`\\b${MONTHS}\\S*`, "i"),
  (parts, [, month]) => {
    parts.month = Number(monthNumber(month));
  },
];

const ORDINAL: Reader = [
  /(\d+)(?:st|nd|rd|th)\b/i,
  (parts, [, day]) => {
    parts.day = Number(day);
  },
];

const DIGITS: Reader = [
  /([-+]?)(\d{2,14})(?:\s*t?\s*(\d{2,6})?(?:[,.](\d*))?)?(z\b|[-+]\d{1,4}\b|\[[-+]?\d[^\]]*\])?/i,
  (parts, found) => setDigits(parts, found),
];

/** A day that is the whole of what is left, beside a time; or an hour beside a date. */
const REST: Reader = [
  /^\s*(\d{1,2})\s*$/,
  (parts, [, digits]) => {
    const value = Number(digits);
    if (parts.hour !== undefined && parts.day === undefined && value >= 1 && value <= 31) parts.day = value;
    if (parts.day !== undefined && parts.hour === undefined && value <= 24) parts.hour = value;
  },
];

/** Of these the first that finds something has the date. */
const DATES: readonly Reader[] = [
  EUROPEAN,
  AMERICAN,
  ISO,
  JAPANESE,
  VMS_DAY_FIRST,
  VMS_MONTH_FIRST,
  SLASHES,
  DOTS,
  WEEK,
  WEEK_DAY,
  NO_YEAR,
  NO_YEAR_PACKED,
  YEAR_DAY,
  YEAR_DAY_ALONE,
  YEAR,
  MONTH,
  ORDINAL,
  DIGITS,
];

/** Where these are found, the reader is not asked. */
const EXCLUDED = new Map<Reader, RegExp>([
  [YEAR_DAY, /[,.](?:\d{2}|\d{4})-\d{3}\b/],
  [YEAR_DAY_ALONE, /\d-\d{3}\b/],
]);

/** Every part that the text has; an empty object where it has none. */
export function timeParts(text: string): TimeParts {
  const parts: TimeParts = {};
  const rest = { text: text.replace(/[^-+',./:@\d[\]a-z]+/gi, " ") };
  if (/[a-z]/i.test(rest.text)) find(parts, rest, DAY);
  find(parts, rest, TIME);
  DATES.some((reader) => !EXCLUDED.get(reader)?.test(rest.text) && find(parts, rest, reader));
  const isBeforeChrist = /\b(?:bc\b|bce\b|b\.c\.|b\.c\.e\.)/i.test(rest.text);
  if (isBeforeChrist) rest.text = rest.text.replace(/\b(?:bc\b|bce\b|b\.c\.|b\.c\.e\.)/i, " ");
  find(parts, rest, REST);
  if (parts.year === undefined) return parts;
  if (isBeforeChrist) parts.year = 1 - parts.year;
  if (parts.isFullYear !== true && parts.year >= 0 && parts.year <= 99) parts.year += parts.year >= 69 ? 1900 : 2000;
  return parts;
}

/** Takes what `reader` finds out of the text. */
function find(parts: TimeParts, rest: { text: string }, [pattern, take]: Reader): boolean {
  const found = pattern.exec(rest.text);
  if (!found) return false;
  rest.text = `${rest.text.slice(0, found.index)} ${rest.text.slice(found.index + found[0].length)}`;
  take(parts, found);
  return true;
}

const isBefore = (era: string | undefined) => era !== undefined && /^b/i.test(era);

const monthNumber = (name = "") => String(monthAt(name, 0)?.month ?? "");

/** Finds out which of three numbers is the year, by apostrophes, digits and ordinals. Source: `s3e`. */
function setDate(
  parts: TimeParts,
  first: string | undefined,
  second: string | undefined,
  third: string | undefined,
  isBeforeChrist = false,
): void {
  let [year, month, day] = [first, second, third];
  if (year !== undefined && month !== undefined && day === undefined) [year, month, day] = [day, year, month];
  if (year === undefined && day !== undefined && isYear(day)) [year, day] = [day, undefined];
  const ordinal = year === undefined ? null : /[-+]?\d+(?=[^\d])/.exec(year.replace(/^[^-+\d]+/, ""));
  if (ordinal) [year, day] = [day, ordinal[0]];
  if (month !== undefined && isYear(month)) [year, month, day] = [month, day, year];
  if (day !== undefined && isYear(day)) [year, day] = [day, year];
  if (year !== undefined) {
    const digits = /([-+]?)(\d+)/.exec(year) as RegExpExecArray;
    parts.year = Number(digits[0]);
    if (year.startsWith("'")) parts.isFullYear = false;
    if (digits[1] !== "" || (digits[2] as string).length > 2) parts.isFullYear = true;
    if (isBeforeChrist) parts.year = 1 - parts.year;
  }
  if (month !== undefined) parts.month = Number(/\d+/.exec(month)?.[0]);
  if (day !== undefined) parts.day = Number(/\d+/.exec(day)?.[0]);
}

const isYear = (digits: string) => digits.startsWith("'") || digits.length > 2;

/** `20240102`, `20240102T030405`, `20240102T030405.678Z`, and less of it. Source: `parse_ddd_cb`. */
function setDigits(parts: TimeParts, [, sign = "", digits = "", clock, fraction, zone]: Found): void {
  const isClock = clock === undefined && fraction !== undefined;
  if (isClock) setFromEnd(parts, digits);
  else setFromStart(parts, sign, digits);
  const isPaired = clock !== undefined && clock.length % 2 === 0;
  if (isPaired && fraction !== undefined) setFromEnd(parts, clock);
  else if (isPaired) {
    const [hour, minute, second] = pairs(clock);
    Object.assign(parts, { hour, ...(minute !== undefined && { minute }), ...(second !== undefined && { second }) });
  }
  if (fraction !== undefined) parts.fraction = fraction;
  if (zone?.startsWith("[")) {
    const [offset = "", name] = zone.slice(1, -1).split(":", 2);
    parts.zone = name ?? (/^\d/.test(offset) ? `+${offset}` : offset);
  } else if (zone !== undefined) parts.zone = zone;
}

const pairs = (digits: string): number[] => (digits.match(/\d\d/g) ?? []).map(Number);

function setFromStart(parts: TimeParts, sign: string, digits: string): void {
  const [first, second] = pairs(digits);
  const signed = (text: string) => Number(`${sign}${text}`);
  switch (digits.length) {
    case 2:
      parts.day = first;
      return;
    case 3:
      parts.yearDay = Number(digits);
      return;
    case 4:
      parts.month = first;
      parts.day = second;
      return;
    case 5:
      parts.year = signed(digits.slice(0, 2));
      parts.yearDay = Number(digits.slice(2));
      return;
    case 6: {
      parts.year = signed(digits.slice(0, 2));
      [, parts.month, parts.day] = pairs(digits);
      return;
    }
    case 7:
      parts.year = signed(digits.slice(0, 4));
      parts.yearDay = Number(digits.slice(4));
      return;
    case 8:
    case 10:
    case 12:
    case 14: {
      parts.year = signed(digits.slice(0, 4));
      const [month, day, hour, minute, seconds] = pairs(digits.slice(4));
      Object.assign(parts, { month, day });
      if (hour !== undefined) parts.hour = hour;
      if (minute !== undefined) parts.minute = minute;
      if (seconds !== undefined) parts.second = seconds;
      parts.isFullYear = true;
    }
  }
}

const FROM_END = ["second", "minute", "hour", "day", "month", "year"] as const;

/** Seconds stand last, then minutes; an odd digit is left for the first of them. */
function setFromEnd(parts: TimeParts, digits: string): void {
  if (digits.length > 8 && digits.length % 2 === 1) return;
  let end = digits.length;
  for (const name of FROM_END) {
    if (end <= 0) break;
    const start = Math.max(0, name === "year" && end > 2 ? end - 4 : end - 2);
    parts[name] = Number(digits.slice(start, end));
    if (name === "year" && end > 2) parts.isFullYear = true;
    end = start;
  }
}
