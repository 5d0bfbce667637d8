/** `<extract>`: the tag and the time of an event from its own fields. Source: fluentd 1.18 plugin_helper/extract.rb. */

import type { Clock } from "../clock.ts";
import { bool, enumeration, string } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { MalformedError } from "../errors.ts";
import type { EventTime } from "../event/event-time.ts";
import { ABSENT, findField, textStart } from "../event/record-fields.ts";
import { readText } from "../event/record-reader.ts";
import { skipValue } from "../event/walker.ts";
import { createTimeParser } from "./time-parser.ts";

export const extractTable = section({
  tag_key: string.optional("Field with the tag."),
  keep_tag_key: bool.default("Keep that field in the record.", false),
  time_key: string.optional("Field with the time."),
  keep_time_key: bool.default("Keep that field in the record.", false),
  time_type: enumeration("float", "unixtime", "string").default("What the time's field holds.", "float"),
  time_format: string.optional("strptime format of the time, with time_type string; or %iso8601."),
  localtime: bool.default("Times without a zone are local.", true),
  utc: bool.default("Times without a zone are UTC.", false),
  timezone: string.optional("Zone of times without one: +09:00 or Asia/Tokyo."),
});

export type ExtractConfig = ConfigOf<typeof extractTable>;

/** What a record says about its own event. */
export interface Extracted {
  readonly tag: string | undefined;
  readonly time: EventTime | undefined;
  /** Names of fields that the record is to lose. */
  readonly removed: readonly string[];
}

/** Looks into the record, a msgpack map, at `position`. Throws MalformedError for a time that cannot be read. */
export type Extraction = (bytes: Buffer, position: number) => Extracted;

/** Undefined when the section is absent or names no field. Throws ConfigError. */
export function extraction(config: ExtractConfig | undefined, clock: Clock): Extraction | undefined {
  const { tagKey, timeKey } = config ?? {};
  if (!config || (tagKey === undefined && timeKey === undefined)) return undefined;
  const { keepTagKey, keepTimeKey, timeType, timeFormat, timezone } = config;
  const isLocal = config.localtime && !config.utc && timezone === undefined;
  const { position } = config.element;
  const options = { type: timeType, format: timeFormat, fallbacks: [], isLocal, timezone, position };
  const parser = timeKey === undefined ? undefined : createTimeParser(options, clock);
  const names = [keepTagKey ? undefined : tagKey, keepTimeKey ? undefined : timeKey];
  return (bytes, start) => {
    const tagAt = tagKey === undefined ? ABSENT : findField(bytes, start, Buffer.from(tagKey));
    const timeAt = timeKey === undefined ? ABSENT : findField(bytes, start, Buffer.from(timeKey));
    return {
      tag: tagAt === ABSENT ? undefined : (readText(bytes, tagAt, bytes.length) ?? ""),
      time: timeAt === ABSENT || !parser ? undefined : parser.parse(...timeText(bytes, timeAt)),
      removed: names.filter((name, index) => name !== undefined && [tagAt, timeAt][index] !== ABSENT) as string[],
    };
  };
}

/** The text of a string or number, and whether it is a number. Throws MalformedError for anything else. */
export function timeText(bytes: Buffer, position: number): [string, boolean] {
  const end = skipValue(bytes, position, bytes.length);
  const text = textStart(bytes, position);
  if (text !== ABSENT) return [bytes.toString("latin1", text, end), false];
  const type = bytes[position] as number;
  const value = readText(bytes, position, end) ?? "";
  if (type < 0x80 || type >= 0xe0 || (type >= 0xca && type <= 0xd3)) return [value, true];
  throw new MalformedError(`value must be a string or a number: ${value}`);
}
