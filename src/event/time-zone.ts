/**
 * Time zones of the configuration: `+09:00`, `+0900`, `+09`, a name such as `Asia/Tokyo`, or the machine's own.
 * Source: fluentd 1.18 timezone.rb.
 */

/** Seconds east of UTC at a time given in seconds since 1970. */
export interface TimeZone {
  offsetAt(seconds: number): number;
}

export const utc: TimeZone = { offsetAt: () => 0 };

/** The zone of the process (TZ). */
export const localZone: TimeZone = {
  offsetAt: (seconds) => -Math.round(new Date(seconds * 1000).getTimezoneOffset() * 60),
};

/** The zone called `name`. Throws Error with the reason when there is none; abbreviations such as JST are none. */
export function timeZone(name: string): TimeZone {
  const numeric = /^([+-])(\d\d)(?::?(\d\d))?$/.exec(name);
  if (numeric) {
    const offset = Number(numeric[2]) * 3600 + Number(numeric[3] ?? 0) * 60;
    return fixedZone(numeric[1] === "-" ? -offset : offset);
  }
  if (!/^[^/]+(\/[^/]+){1,2}$/.test(name)) throw new Error(`Unsupported timezone '${name}'`);
  return namedZone(name);
}

function fixedZone(offset: number): TimeZone {
  return { offsetAt: () => offset };
}

/** Offsets change at most every quarter of an hour, so the last answer holds that long. */
const SLICE_SECONDS = 900;

function namedZone(name: string): TimeZone {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
  } catch (cause) {
    throw new Error(`Unsupported timezone '${name}'`, { cause });
  }
  let lastSlice = Number.NaN;
  let lastOffset = 0;
  return {
    offsetAt(seconds) {
      const slice = Math.floor(seconds / SLICE_SECONDS);
      if (slice !== lastSlice) {
        lastOffset = offsetOf(format, slice * SLICE_SECONDS);
        lastSlice = slice;
      }
      return lastOffset;
    },
  };
}

/** From `GMT+09:00`; plain `GMT` is zero. */
function offsetOf(format: Intl.DateTimeFormat, seconds: number): number {
  const name = format.formatToParts(seconds * 1000).find((part) => part.type === "timeZoneName")?.value ?? "";
  const match = /([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(name);
  if (!match) return 0;
  const offset = Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4] ?? 0);
  return match[1] === "-" ? -offset : offset;
}
