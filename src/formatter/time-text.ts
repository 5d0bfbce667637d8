/** How a formatter or `<inject>` writes times: `time_type`, `time_format`, `localtime`, `utc`, `timezone`. */

import { bool, string } from "../config/literals.ts";
import { ConfigError, type SourcePosition } from "../errors.ts";
import { timeFormat } from "../event/strftime.ts";
import { localZone, type TimeZone, timeZone, utc } from "../event/time-zone.ts";

export const timeParameters = {
  time_format: string.optional("strftime format; without it ISO 8601."),
  localtime: bool.optional("Use the machine's zone; false means UTC. Default true."),
  utc: bool.default("Use UTC.", false),
  timezone: string.optional("+09:00 or a name such as Asia/Tokyo; goes before localtime and utc."),
};

export interface TimeTextConfig {
  readonly timeFormat: string | undefined;
  readonly localtime: boolean | undefined;
  readonly utc: boolean;
  readonly timezone: string | undefined;
  readonly element: { readonly position: SourcePosition };
}

const ISO_8601 = "%Y-%m-%dT%H:%M:%S";

/** Text of a time, remembered for the last second. Throws ConfigError. */
export function timeText(config: TimeTextConfig): (seconds: number, nanoseconds: number) => string {
  if (config.localtime !== undefined && config.utc && config.localtime) {
    throw new ConfigError("both of utc and localtime are specified, use only one of them", config.element.position);
  }
  const zone = zoneOf(config);
  const format = config.timeFormat ?? ISO_8601 + (zone === utc ? "Z" : "%:z");
  const render = timeFormat(format, zone);
  if (/%[-0_^#]*\d*[LN]/.test(format)) return render;
  let lastSeconds = Number.NaN;
  let lastText = "";
  return (seconds) => {
    if (seconds !== lastSeconds) {
      lastText = render(seconds, 0);
      lastSeconds = seconds;
    }
    return lastText;
  };
}

function zoneOf(config: TimeTextConfig): TimeZone {
  if (config.timezone === undefined) return config.utc || config.localtime === false ? utc : localZone;
  const zone = timeZone(config.timezone);
  if (!zone) throw new ConfigError(`Unsupported timezone '${config.timezone}'`, config.element.position);
  return zone;
}

/** Seconds with microseconds as a float, cut, not rounded. */
export function floatSeconds(seconds: number, nanoseconds: number): number {
  return Number(`${seconds}.${String(Math.floor(nanoseconds / 1000)).padStart(6, "0")}`);
}
