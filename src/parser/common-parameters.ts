/** Parameters that every parser has. Source: fluentd 1.18 plugin/parser.rb and time.rb. */

import type { Clock } from "../clock.ts";
import { array, bool, enumeration, hash, string, time } from "../config/literals.ts";
import { type ConfigOf, type Parameter, section } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";
import { pattern } from "./text-pattern.ts";
import { createTimeParser, type TimeParser, type TimeType, timeTypes } from "./time-parser.ts";

/** What a parser has in the place of the defaults. */
export interface CommonDefaults {
  readonly timeKey?: string;
  readonly timeType?: TimeType;
  readonly timeFormat?: string;
  readonly keepTimeKey?: boolean;
}

export function commonParameters(defaults: CommonDefaults) {
  return {
    types: hash.optional("Types of fields: `key:integer,other:time:%Y-%m-%d`, or a JSON object."),
    time_key: (defaults.timeKey === undefined
      ? string.optional("Field with the event's time.")
      : string.default("Field with the event's time.", defaults.timeKey)) as Parameter<string | undefined>,
    null_value_pattern: pattern.optional("Values that match this regular expression become nil."),
    null_empty_string: bool.default("Empty values become nil.", false),
    estimate_current_event: bool.default("An event without a time gets the current one.", true),
    keep_time_key: bool.default("Keep the time's field in the record.", defaults.keepTimeKey ?? false),
    timeout: time.optional(
      "Longest time that the match of a text beyond 4 KiB may take, 1 s by default; shorter ones end by their count of steps.",
    ),
    time_type: enumeration(...timeTypes).default("What the time's field holds.", defaults.timeType ?? "string"),
    time_format: (defaults.timeFormat === undefined
      ? string.optional("strptime format of the time, or %iso8601.")
      : string.default("strptime format of the time, or %iso8601.", defaults.timeFormat)) as Parameter<
      string | undefined
    >,
    time_format_fallbacks: array.default("Further formats, with time_type mixed.", []),
    localtime: bool.default("Times without a zone are local.", true),
    utc: bool.default("Times without a zone are UTC.", false),
    timezone: string.optional("Zone of times without one: +09:00 or Asia/Tokyo."),
  };
}

const table = section(commonParameters({}));
export type CommonConfig = ConfigOf<typeof table>;

/** Whether times without a zone are the machine's. `localtime` counts before `utc`; both may stand where they agree. */
export function isLocalTime(config: CommonConfig): boolean {
  const { element } = config;
  const [local, utc] = [element.parameter("localtime"), element.parameter("utc")];
  if (local && utc && config.localtime === config.utc) {
    throw new ConfigError("both of utc and localtime are specified, use only one of them", utc.position);
  }
  if (local) return config.localtime;
  return !(utc && config.utc);
}

/** The parser of the event's time; `overrides` where a parser fixes the format or the type. Throws ConfigError. */
export function eventTimeParser(
  config: CommonConfig,
  clock: Clock,
  overrides: { type?: TimeType; format?: string } = {},
): TimeParser {
  const options = {
    type: overrides.type ?? config.timeType,
    format: overrides.format ?? config.timeFormat,
    fallbacks: config.timeFormatFallbacks,
    isLocal: isLocalTime(config) && config.timezone === undefined,
    timezone: config.timezone,
    position: (config.element.parameter("time_format") ?? config.element).position,
  };
  return createTimeParser(options, clock);
}

/** The parser of the time of JSON records: a number, but text where only a format is given. Throws ConfigError. */
export function jsonTimeParser(config: CommonConfig, clock: Clock): TimeParser {
  const hasFormat = config.timeFormat !== undefined && config.element.parameter("time_type") === undefined;
  return eventTimeParser(config, clock, hasFormat ? { type: "string" } : {});
}
