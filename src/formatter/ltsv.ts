/** `@type ltsv`: `label:value` between tabs. Source: fluentd 1.18 formatter_ltsv.rb. */

import { string } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { stopBytes } from "../event/byte-writer.ts";
import { mapSize, mapStart } from "../event/record-fields.ts";
import { writeRubyText } from "../event/ruby-text.ts";
import type { FormatterDefinition } from "./formatter.ts";
import { addNewlineParameter, newlineParameter, newlineText } from "./newline.ts";

const table = section({
  delimiter: string.default("Between fields.", "\t"),
  label_delimiter: string.default("Between label and value.", ":"),
  replacement: string.default("Stands for the delimiter inside values.", " "),
  ...addNewlineParameter,
  ...newlineParameter,
});

export const ltsvFormatter: FormatterDefinition<ConfigOf<typeof table>> = {
  type: "ltsv",
  table,
  create({ delimiter, labelDelimiter, replacement, ...config }) {
    const newline = newlineText(config);
    const delimiterBytes = Buffer.from(delimiter).toString("latin1");
    const replacementBytes = Buffer.from(replacement).toString("latin1");
    const first = delimiterBytes.charCodeAt(0);
    const mayBeDelimiter = stopBytes((byte) => byte === first);
    return {
      write(target, _tag, packed, _timeStart, recordStart) {
        let next = mapStart(packed, recordStart);
        for (let index = 0, count = mapSize(packed, recordStart); index < count; index++) {
          if (index > 0) target.text(delimiter);
          next = writeRubyText(target, packed, next);
          target.text(labelDelimiter);
          const start = target.length;
          next = writeRubyText(target, packed, next);
          if (delimiter !== "" && !target.has(mayBeDelimiter, start)) continue;
          const value = target.view().toString("latin1", start);
          target.truncate(start);
          target.latin1(value.replaceAll(delimiterBytes, replacementBytes));
        }
        target.text(newline);
      },
    };
  },
};
