/** What embedded Ruby sees of a `Fluent::EventTime`, be it the event's own or one in its record. */

import { RubyTime } from "../config/ruby/time.ts";
import type { RubyFunction } from "../config/ruby/values.ts";

export const EVENT_TIME_CLASS = "Fluent::EventTime";

/** As text and as JSON it is its seconds; `inspect` shows all of it. */
export function eventTimeMethods(seconds: number, nanoseconds: number): Readonly<Record<string, RubyFunction>> {
  const text = () => String(seconds);
  return {
    to_i: () => seconds,
    to_f: () => seconds + nanoseconds / 1e9,
    to_s: text,
    to_json: text,
    inspect: () => new RubyTime(seconds, nanoseconds).shown,
  };
}
