/** Parameters that every parser has. Source: fluentd 1.18 plugin/parser.rb and time.rb. */

import { array, bool, enumeration, hash, string, time } from "../config/literals.ts";
import type { ConfigOf } from "../config/parameters.ts";
import { section } from "../config/parameters.ts";

export const timeTypes = ["string", "unixtime", "float", "mixed"] as const;
export type TimeType = (typeof timeTypes)[number];

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
    time_key: string.optional("Field with the event's time."),
    null_value_pattern: string.optional("Values that match this regular expression become nil."),
    null_empty_string: bool.default("Empty values become nil.", false),
    estimate_current_event: bool.default("An event without a time gets the current one.", true),
    keep_time_key: bool.default("Keep the time's field in the record.", defaults.keepTimeKey ?? false),
    timeout: time.optional("Accepted; matching is always bounded."),
    time_type: enumeration(...timeTypes).default("What the time's field holds.", defaults.timeType ?? "string"),
    time_format: string.optional("strptime format of the time, or %iso8601."),
    time_format_fallbacks: array.default("Further formats, with time_type mixed.", []),
    localtime: bool.default("Times without a zone are local.", true),
    utc: bool.default("Times without a zone are UTC.", false),
    timezone: string.optional("Zone of times without one: +09:00 or Asia/Tokyo."),
  };
}

const table = section(commonParameters({}));
export type CommonConfig = ConfigOf<typeof table>;
