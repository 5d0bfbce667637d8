/**
 * `Time.parse`, `Time.strptime` and `DateTime` of embedded Ruby in filters: with the readers of the parsers, which
 * know all that Ruby reads. Source: Ruby 3.1 time.rb and date; observed.
 */

import { RubyDateTime, RubyTime } from "../config/ruby/time.ts";
import { RubyError, type RubyFunction, RubyObject, textOf } from "../config/ruby/values.ts";
import { localZone } from "../event/time-zone.ts";
import { freeTime, iso8601 } from "../parser/free-time.ts";
import { rubyStrptime } from "../parser/ruby-strptime.ts";
import type { TimeReader } from "../parser/strptime.ts";
import { type TimeFields, wallTime } from "../parser/wall-clock.ts";

type Functions = Readonly<Record<string, RubyFunction>>;

/** Formats are read once; a configuration has few, and an event cannot make more than these. */
const MAX_FORMATS = 100;
const formats = new Map<string, TimeReader>();

/** What `Time` can besides; `now` gives milliseconds since 1970. */
export function timeReading(now: () => number): Functions {
  const read = (reader: TimeReader, text: string, problem: string) => timeOf(fieldsOf(reader, text, problem), now());
  return {
    parse: ([text]) => read(freeTime, textOf(text), `no time information in ${JSON.stringify(textOf(text))}`),
    iso8601: ([text]) => read(iso8601, textOf(text), `invalid xmlschema format: ${JSON.stringify(textOf(text))}`),
    xmlschema: ([text]) => read(iso8601, textOf(text), `invalid xmlschema format: ${JSON.stringify(textOf(text))}`),
    strptime: ([text, format]) => {
      const problem = `invalid date or strptime format - \`${textOf(text)}' \`${textOf(format)}'`;
      return read(readerOf(textOf(format)), textOf(text), problem);
    },
  };
}

/** `DateTime`: what has no zone is UTC's. */
export function dateTimeConstant(now: () => number): RubyObject {
  const read = (reader: TimeReader, text: string) => dateTimeOf(fieldsOf(reader, text, "invalid date"), now());
  return new RubyObject("DateTime", {
    now: () => {
      const { seconds, nanoseconds } = RubyTime.fromMilliseconds(now());
      return new RubyDateTime(seconds, nanoseconds, localZone.offsetAt(seconds) / 60);
    },
    parse: ([text]) => read(freeTime, textOf(text)),
    iso8601: ([text]) => read(freeTime, textOf(text)),
    strptime: ([text, format]) => read(readerOf(textOf(format ?? "%FT%T%z")), textOf(text)),
  });
}

function readerOf(format: string): TimeReader {
  let reader = formats.get(format);
  if (!reader) {
    if (formats.size >= MAX_FORMATS) formats.clear();
    reader = rubyStrptime(format);
    formats.set(format, reader);
  }
  return reader;
}

function fieldsOf(reader: TimeReader, text: string, problem: string): TimeFields {
  const fields: TimeFields = {};
  if (!reader(text, fields)) throw new RubyError("ArgumentError", problem);
  return fields;
}

/** Ruby shows it in UTC where the text says so, in local time where the offset is the local one, else at the offset. */
function timeOf(fields: TimeFields, nowMs: number): RubyTime {
  const { zone, offset } = fields;
  const { seconds, nanoseconds } = wallTime(fields, nowMs);
  if (zone !== undefined && /^(?:-00(?::?00)?|utc|z|ut)$/i.test(zone)) return new RubyTime(seconds, nanoseconds, "utc");
  const isLocal = offset === undefined || offset === localZone.offsetAt(seconds);
  return new RubyTime(seconds, nanoseconds, isLocal ? "local" : offset / 60);
}

function dateTimeOf({ offset, ...fields }: TimeFields, nowMs: number): RubyDateTime {
  if (offset === undefined && fields.zone !== undefined) {
    throw new RubyError("ArgumentError", `the zone ${fields.zone} is not known`);
  }
  const { seconds, nanoseconds } = wallTime({ ...fields, offset: offset ?? 0 }, nowMs);
  return new RubyDateTime(seconds, nanoseconds, (offset ?? 0) / 60);
}
