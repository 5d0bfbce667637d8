/** Times without a format: ISO 8601 as `%iso8601` wants it, and the guesses of `Time.parse`. Source: Ruby 3.1. */

import { timeParts } from "./free-time-parts.ts";
import type { TimeReader } from "./strptime.ts";
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
  if (zone !== undefined) setZone(fields, zone);
  return isInRange(fields);
};

/**
 * Dates and times as people and programs commonly write them: `2024-01-02 03:04:05.6 +0900`, `Tue Jan  2 03:04:05 2024`,
 * `2 Jan 2024 03:04:05 GMT`, `2024/01/02 03:04`, `20240102T030405Z`. What is missing above is today's.
 */
export const freeTime: TimeReader = (text, fields) => {
  const { fraction, zone, isFullYear, ...parts } = timeParts(text);
  if (fraction === undefined && Object.values(parts).every((part) => part === undefined)) return false;
  Object.assign(fields, parts);
  if (fraction !== undefined) fields.nanosecond = nanoseconds(fraction);
  if (zone !== undefined) setZone(fields, zone);
  return isInRange(fields) && isInYear(fields);
};

const DAY_SECONDS = 86_400;

/** Ruby looks for the moment whose day has the number, and so takes 24:00 for the day's beginning. */
function isInYear(fields: TimeFields): boolean {
  const { yearDay, year = 2000, hour = 0, minute = 0, second = 0 } = fields;
  if (yearDay === undefined) return true;
  if (hour * 3600 + minute * 60 + second >= DAY_SECONDS) fields.yearDay = yearDay - 1;
  const isLeap = new Date(Date.UTC(year, 1, 29)).getUTCMonth() === 1;
  return yearDay >= 1 && yearDay <= (isLeap ? 366 : 365);
}

function setClock(fields: TimeFields, hour: string, minute: string, second: string, fraction: string | undefined) {
  fields.hour = Number(hour);
  fields.minute = Number(minute);
  fields.second = Number(second);
  if (fraction !== undefined) fields.nanosecond = nanoseconds(fraction);
}

function setZone(fields: TimeFields, zone: string): void {
  fields.zone = zone;
  fields.offset = zoneOffset(zone);
}

const nanoseconds = (digits: string) => Number(digits.slice(0, 9).padEnd(9, "0"));

function isInRange({ month = 1, day = 1, hour = 0, minute = 0, second = 0 }: TimeFields): boolean {
  const inClock = hour <= 24 && minute <= 59 && second <= 60 && (hour < 24 || minute + second === 0);
  return month >= 1 && month <= 12 && day >= 1 && day <= 31 && inClock;
}
