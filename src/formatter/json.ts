/** `@type json`: the record as one line of JSON. Source: fluentd 1.18 formatter_json.rb. */

import { string } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { writeJsonAt } from "../event/json.ts";
import type { FormatterDefinition } from "./formatter.ts";
import { addNewlineParameter, newlineParameter, newlineText } from "./newline.ts";

const table = section({
  json_parser: string.default("Accepted; Suiro has one JSON writer.", "oj"),
  ...addNewlineParameter,
  ...newlineParameter,
});

export const jsonFormatter: FormatterDefinition<ConfigOf<typeof table>> = {
  type: "json",
  table,
  create(config) {
    const newline = newlineText(config);
    return {
      write(target, _tag, packed, _timeStart, recordStart) {
        writeJsonAt(target, packed, recordStart);
        target.text(newline);
      },
    };
  },
};
