/** `@type hash`: the record as Ruby prints a hash. Source: fluentd 1.18 formatter_hash.rb. */

import { type ConfigOf, section } from "../config/parameters.ts";
import { writeInspect } from "../event/ruby-text.ts";
import type { FormatterDefinition } from "./formatter.ts";
import { addNewlineParameter, newlineParameter, newlineText } from "./newline.ts";

const table = section({ ...addNewlineParameter, ...newlineParameter });

export const hashFormatter: FormatterDefinition<ConfigOf<typeof table>> = {
  type: "hash",
  table,
  create(config) {
    const newline = newlineText(config);
    return {
      write(target, _tag, packed, _timeStart, recordStart) {
        writeInspect(target, packed, recordStart);
        target.text(newline);
      },
    };
  },
};
