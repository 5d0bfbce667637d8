/** `@type tsv`: values between tabs, named by `keys`; the last key gets the rest. Source: fluentd 1.18 plugin/parser_tsv.rb. */

import { array, string } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { textToSplit, toByteText } from "./byte-text.ts";
import { commonParameters } from "./common-parameters.ts";
import type { ParserDefinition } from "./parser.ts";
import { TextEntries } from "./text-entries.ts";

const table = section({
  ...commonParameters({}),
  keys: array.required("Names of the values, in their order."),
  delimiter: string.default("What stands between values.", "\t"),
});

export const tsvParser: ParserDefinition<ConfigOf<typeof table>> = {
  kind: "parser",
  type: "tsv",
  table,
  create(config, context) {
    const entries = new TextEntries(config, context);
    const { slots, columns } = entries.columnSlots(config.keys);
    const delimiter = toByteText(config.delimiter);
    const isSplit = config.keys.length > 1;
    return {
      parse(bytes, start, end, target) {
        const text = bytes.toString("latin1", start, end);
        const values = splitAtMost(text, delimiter, config.keys.length);
        // With a blank Ruby looks no further than the rest.
        const unseen = delimiter === " " ? (values.at(-1)?.length ?? 0) : 0;
        if (isSplit) textToSplit(bytes, start, end - unseen, context.encoding);
        entries.write(
          target,
          slots,
          columns.map((same) => values[same.at(-1) as number] ?? null),
        );
        return true;
      },
    };
  },
};

/** Ruby's `split` with a limit: the last piece is the rest; of an empty text there is none. */
function splitAtMost(text: string, delimiter: string, limit: number): string[] {
  if (text === "") return [];
  if (delimiter === " " && limit > 1) return splitAtBlanks(text, limit);
  const pieces: string[] = [];
  let start = 0;
  while (pieces.length < limit - 1) {
    const next = text.indexOf(delimiter, start);
    if (next < 0) break;
    pieces.push(text.slice(start, next));
    start = next + delimiter.length;
  }
  pieces.push(text.slice(start));
  return pieces;
}

/** A single blank stands for any white space to Ruby, and what stands before the first piece does not count. */
function splitAtBlanks(text: string, limit: number): string[] {
  const pieces: string[] = [];
  const blanks = /[\t-\r ]*/y;
  let start = 0;
  for (;;) {
    blanks.lastIndex = start;
    blanks.exec(text);
    start = blanks.lastIndex;
    const length = text.slice(start).search(/[\t-\r ]/);
    if (length < 0 || pieces.length === limit - 1) break;
    pieces.push(text.slice(start, start + length));
    start += length;
  }
  pieces.push(text.slice(start));
  return pieces;
}
