/** `@type single_value`: one field and nothing else. Source: fluentd 1.18 formatter_single_value.rb. */

import { string } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { ABSENT, findField } from "../event/record-fields.ts";
import { writeRubyText } from "../event/ruby-text.ts";
import type { FormatterDefinition } from "./formatter.ts";
import { addNewlineParameter, newlineParameter, newlineText } from "./newline.ts";

const table = section({
  message_key: string.default("Name of the field.", "message"),
  ...addNewlineParameter,
  ...newlineParameter,
});

export const singleValueFormatter: FormatterDefinition<ConfigOf<typeof table>> = {
  type: "single_value",
  table,
  create(config) {
    const name = Buffer.from(config.messageKey);
    const newline = newlineText(config);
    return {
      write(target, _tag, packed, _timeStart, recordStart) {
        const position = findField(packed, recordStart, name);
        if (position !== ABSENT) writeRubyText(target, packed, position);
        target.text(newline);
      },
    };
  },
};
