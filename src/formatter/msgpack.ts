/** `@type msgpack`: the record's own bytes. Source: fluentd 1.18 formatter_msgpack.rb. */

import { type ConfigOf, section } from "../config/parameters.ts";
import type { FormatterDefinition } from "./formatter.ts";

const table = section({});

export const msgpackFormatter: FormatterDefinition<ConfigOf<typeof table>> = {
  type: "msgpack",
  table,
  create: () => ({
    write: (target, _tag, packed, _timeStart, recordStart, end) => target.copy(packed, recordStart, end),
  }),
};
