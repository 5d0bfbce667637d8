/** `@type tsv`: chosen values between tabs. Source: fluentd 1.18 formatter_tsv.rb. */

import { array, string } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { ABSENT, findField } from "../event/record-fields.ts";
import { writeRubyText } from "../event/ruby-text.ts";
import type { FormatterDefinition } from "./formatter.ts";
import { addNewlineParameter, newlineParameter, newlineText } from "./newline.ts";

const table = section({
  keys: array.required("Names of the fields, in order."),
  delimiter: string.default("Between values.", "\t"),
  ...addNewlineParameter,
  ...newlineParameter,
});

export const tsvFormatter: FormatterDefinition<ConfigOf<typeof table>> = {
  type: "tsv",
  table,
  create(config) {
    const names = config.keys.map((key) => Buffer.from(key));
    const newline = newlineText(config);
    return {
      write(target, _tag, packed, _timeStart, recordStart) {
        for (let index = 0; index < names.length; index++) {
          if (index > 0) target.text(config.delimiter);
          const position = findField(packed, recordStart, names[index] as Buffer);
          if (position !== ABSENT) writeRubyText(target, packed, position);
        }
        target.text(newline);
      },
    };
  },
};
