/** `@type ltsv`: `label:value` between tabs. Source: fluentd 1.18 plugin/parser_ltsv.rb. */

import { string } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { BEYOND_ASCII, textToSplit, toByteText } from "./byte-text.ts";
import { commonParameters } from "./common-parameters.ts";
import type { ParserDefinition } from "./parser.ts";
import { writeTextHeader } from "./ruby-number.ts";
import { type FieldSlot, TextEntries } from "./text-entries.ts";
import { pattern, TextPattern } from "./text-pattern.ts";
import { splitLikeRuby } from "./value-conversion.ts";

const table = section({
  ...commonParameters({ timeKey: "time" }),
  delimiter: string.default("What stands between pairs.", "\t"),
  delimiter_pattern: pattern.optional("Regular expression of what stands between pairs."),
  label_delimiter: string.default("What stands between label and value.", ":"),
});

/** Labels whose slots are kept; texts with ever new labels must not fill the memory. */
const MAX_SLOTS = 1000;

export const ltsvParser: ParserDefinition<ConfigOf<typeof table>> = {
  kind: "parser",
  type: "ltsv",
  table,
  create(config, context) {
    const entries = new TextEntries(config, context);
    const delimiter = toByteText(config.delimiter);
    const expression = config.delimiterPattern && new TextPattern(config.delimiterPattern, context.encoding);
    const label = toByteText(config.labelDelimiter);
    const known = new Map<string, FieldSlot>();
    const namedSlot = (name: string) => ({ ...entries.slot(Buffer.from(name, "latin1").toString()), key: keyOf(name) });
    const slotOf = (name: string) => {
      let slot = known.get(name);
      if (!slot) {
        slot = context.encoding === "binary" && BEYOND_ASCII.test(name) ? rawSlot(name) : namedSlot(name);
        if (known.size < MAX_SLOTS) known.set(name, slot);
      }
      return slot;
    };
    return {
      parse(bytes, start, end, target) {
        const text = textToSplit(bytes, start, end, context.encoding);
        const pairs = expression ? expression.split(text) : splitLikeRuby(text, delimiter);
        const fields = new Map<string, string>();
        for (const pair of pairs) {
          const split = pair.indexOf(label);
          if (split >= 0) fields.set(pair.slice(0, split), pair.slice(split + label.length));
        }
        entries.write(target, [...fields.keys()].map(slotOf), [...fields.values()]);
        return true;
      },
    };
  },
};

/** To Ruby a label of bytes is none of those that the configuration names. */
const rawSlot = (name: string): FieldSlot => ({ key: keyOf(name), isTime: false, conversion: undefined });

/** In msgpack, whatever bytes it has. */
function keyOf(name: string): Buffer {
  const writer = new ByteWriter(name.length + 5);
  writeTextHeader(writer, name.length, "utf-8");
  writer.copy(Buffer.from(name, "latin1"));
  return writer.take();
}
