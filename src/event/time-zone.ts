/**
 * Offsets from UTC, for slices of time and for texts of times.
 * Accepted are `+09:00`, `+0900`, `+09` and names such as `Asia/Tokyo`; abbreviations are not, since they are ambiguous.
 * Source: fluentd 1.18 timezone.rb.
 */

export interface TimeZone {
  /** Seconds that the zone is ahead of UTC at `seconds` since 1970. */
  offsetAt(seconds: number): number;
}

export const utc: TimeZone = { offsetAt: () => 0 };

/** The machine's zone, with its summer time. */
export const localZone: TimeZone = {
  offsetAt: (seconds) => -new Date(seconds * 1000).getTimezoneOffset() * 60,
};

/** The zone of that name, or undefined where there is none. */
export function timeZone(name: string): TimeZone | undefined {
  const numeric = /^([+-])(\d\d)(?::?(\d\d))?$/.exec(name);
  if (numeric) return fixed(numeric);
  return /^[^/]+\/[^/]+(\/[^/]+)?$/.test(name) ? named(name) : undefined;
}

/** The machine's zone as a fixed offset, as it is at `nowMs`. */
export function localTimeZone(nowMs: number): TimeZone {
  const offset = -new Date(nowMs).getTimezoneOffset() * 60;
  return { offsetAt: () => offset };
}

function fixed([, sign, hours, minutes]: RegExpExecArray): TimeZone {
  const offset = (Number(hours) * 60 + Number(minutes ?? 0)) * 60 * (sign === "-" ? -1 : 1);
  return { offsetAt: () => offset };
}

/** Zones change their offset on a quarter of an hour; asking Intl costs microseconds, so one answer serves a quarter. */
const QUARTER_SECONDS = 15 * 60;

function named(name: string): TimeZone | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
  } catch {
    return undefined;
  }
  let lastQuarter = Number.NaN;
  let lastOffset = 0;
  return {
    offsetAt(seconds) {
      const quarter = Math.floor(seconds / QUARTER_SECONDS);
      if (quarter !== lastQuarter) {
        lastQuarter = quarter;
        lastOffset = offsetOf(format, quarter * QUARTER_SECONDS);
      }
      return lastOffset;
    },
  };
}

function offsetOf(format: Intl.DateTimeFormat, seconds: number): number {
  const name = format.formatToParts(new Date(seconds * 1000)).find((part) => part.type === "timeZoneName")?.value;
  const match = /([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(name ?? "");
  if (!match) return 0;
  const offset = Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4] ?? 0);
  return match[1] === "-" ? -offset : offset;
}
