/** From what a calendar shows to seconds since 1970, with Ruby's way of filling what a text leaves out. */

import { localZone } from "../event/time-zone.ts";

/** What a format read. Months and days count from 1. */
export interface TimeFields {
  year?: number;
  month?: number;
  day?: number;
  hour?: number;
  minute?: number;
  second?: number;
  nanosecond?: number;
  /** Day of the year, from 1. */
  yearDay?: number;
  /** Seconds east of UTC. */
  offset?: number | undefined;
  /** The zone as the text has it. */
  zone?: string;
  /** Seconds since 1970, read as such. */
  epoch?: number;
}

/** A moment, and the offset of the wall that it was read from. */
export interface WallTime {
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly offset: number;
}

const UNITS = ["year", "month", "day", "hour", "minute", "second"] as const;

/**
 * The moment of `fields`. Units above the first one that was read are those of `nowMs`, on the wall of the text's zone or
 * the local one; units below it start. A day that the month does not have runs over into the next month.
 */
export function wallTime(fields: TimeFields, nowMs: number): WallTime {
  const nanoseconds = fields.nanosecond ?? 0;
  if (fields.epoch !== undefined) {
    const seconds = fields.epoch;
    return { seconds, nanoseconds, offset: fields.offset ?? localZone.offsetAt(seconds) };
  }
  if (fields.year === undefined) fillFromNow(fields, nowMs);
  const { year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = fields;
  const days =
    fields.yearDay === undefined ? daysSince1970(year, month) + day : daysSince1970(year, 1) + fields.yearDay;
  const wall = (days - 1) * 86_400 + hour * 3600 + minute * 60 + second;
  if (fields.offset !== undefined) return { seconds: wall - fields.offset, nanoseconds, offset: fields.offset };
  return { ...localMoment(wall), nanoseconds };
}

/** When the local wall shows `wall` seconds since 1970, as if it were UTC's. */
export function localMoment(wall: number): { readonly seconds: number; readonly offset: number } {
  const seconds = wall - localOffset(wall);
  return { seconds, offset: localZone.offsetAt(seconds) };
}

function fillFromNow(fields: TimeFields, nowMs: number): void {
  const nowSeconds = Math.floor(nowMs / 1000);
  const wall = new Date((nowSeconds + (fields.offset ?? localZone.offsetAt(nowSeconds))) * 1000);
  const now = [
    wall.getUTCFullYear(),
    wall.getUTCMonth() + 1,
    wall.getUTCDate(),
    wall.getUTCHours(),
    wall.getUTCMinutes(),
    wall.getUTCSeconds(),
  ];
  for (const [index, unit] of UNITS.entries()) {
    if (fields[unit] !== undefined || (unit === "month" && fields.yearDay !== undefined)) return;
    fields[unit] = now[index] as number;
  }
}

/** Days from 1970 to the first of `month`. */
export function daysSince1970(year: number, month: number): number {
  // Years that start in March, so that the leap day is the last.
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5);
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** Zones change their offset on a quarter of an hour: one question to the system serves a quarter. */
const QUARTER_SECONDS = 15 * 60;
let lastQuarter = Number.NaN;
let lastOffset = 0;

/** What the local wall is ahead of UTC when it shows `wall`; of two such moments the first. */
function localOffset(wall: number): number {
  const quarter = Math.floor(wall / QUARTER_SECONDS);
  if (quarter !== lastQuarter) {
    const shown = new Date(quarter * QUARTER_SECONDS * 1000);
    const local = new Date(0);
    local.setFullYear(shown.getUTCFullYear(), shown.getUTCMonth(), shown.getUTCDate());
    local.setHours(shown.getUTCHours(), shown.getUTCMinutes(), 0, 0);
    lastOffset = quarter * QUARTER_SECONDS - local.getTime() / 1000;
    lastQuarter = quarter;
  }
  return lastOffset;
}
