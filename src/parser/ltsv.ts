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

/** Labels that are kept from text to text; texts with ever new ones must not fill the memory. */
const MAX_LABELS = 1000;

/** A label, and its place in the text that had it last. */
interface Label {
  readonly slot: FieldSlot;
  text: number;
  place: number;
}

export const ltsvParser: ParserDefinition<ConfigOf<typeof table>> = {
  kind: "parser",
  type: "ltsv",
  table,
  create(config, context) {
    const entries = new TextEntries(config, context);
    const delimiter = toByteText(config.delimiter);
    const expression = config.delimiterPattern && new TextPattern(config.delimiterPattern, context.encoding);
    const label = toByteText(config.labelDelimiter);
    const labels = new Map<string, Label>();
    const namedSlot = (name: string) => ({ ...entries.slot(Buffer.from(name, "latin1").toString()), key: keyOf(name) });
    const labelOf = (name: string) => {
      let known = labels.get(name);
      if (!known) {
        const isRaw = context.encoding === "binary" && BEYOND_ASCII.test(name);
        known = { slot: isRaw ? rawSlot(name) : namedSlot(name), text: 0, place: 0 };
        labels.set(name, known);
      }
      return known;
    };
    let texts = 0;
    return {
      parse(bytes, start, end, target) {
        const text = textToSplit(bytes, start, end, context.encoding);
        const pairs = expression ? expression.split(text) : splitLikeRuby(text, delimiter);
        const slots: FieldSlot[] = [];
        const values: string[] = [];
        if (labels.size > MAX_LABELS) labels.clear();
        texts += 1;
        for (const pair of pairs) {
          const split = pair.indexOf(label);
          if (split < 0) continue;
          const known = labelOf(pair.slice(0, split));
          // Of a label that stands twice the last value counts, in the place of the first.
          if (known.text !== texts) {
            known.text = texts;
            known.place = slots.push(known.slot) - 1;
          }
          values[known.place] = pair.slice(split + label.length);
        }
        entries.write(target, slots, values);
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
