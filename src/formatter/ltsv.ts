/** `@type ltsv`: `label:value` between tabs. Source: fluentd 1.18 formatter_ltsv.rb. */

import { string } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { mapSize, mapStart } from "../event/record-fields.ts";
import { writeRubyText } from "../event/ruby-text.ts";
import { skipValue } from "../event/walker.ts";
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
    const value = new ByteWriter();
    const delimiterBytes = Buffer.from(delimiter).toString("latin1");
    const replacementBytes = Buffer.from(replacement).toString("latin1");
    return {
      write(target, _tag, packed, _timeStart, recordStart) {
        let key = mapStart(packed, recordStart);
        for (let index = 0, count = mapSize(packed, recordStart); index < count; index++) {
          if (index > 0) target.text(delimiter);
          writeRubyText(target, packed, key);
          target.text(labelDelimiter);
          const valueStart = skipValue(packed, key, packed.length);
          value.truncate(0);
          writeRubyText(value, packed, valueStart);
          const bytes = value.view();
          if (!bytes.includes(delimiter)) target.copy(bytes);
          else
            target.copy(Buffer.from(bytes.toString("latin1").replaceAll(delimiterBytes, replacementBytes), "latin1"));
          key = skipValue(packed, valueStart, packed.length);
        }
        target.text(newline);
      },
    };
  },
};
