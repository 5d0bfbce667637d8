/**
 * `@type csv`: one line of comma-separated values, named by `keys`. `normal` follows Ruby's CSV, `fast` fluentd's own
 * reading, which takes a column apart by counting its quotes. Source: fluentd 1.18 plugin/parser_csv.rb; csv 3.3.
 */

import { array, enumeration, string } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { MalformedError } from "../errors.ts";
import { textToSplit, toByteText } from "./byte-text.ts";
import { commonParameters } from "./common-parameters.ts";
import type { ParserDefinition } from "./parser.ts";
import { type FieldValue, TextEntries } from "./text-entries.ts";

const table = section({
  ...commonParameters({}),
  keys: array.required("Names of the values, in their order."),
  delimiter: string.default("What stands between values.", ","),
  parser_engine: enumeration("normal", "fast").default("How quotes are read.", "normal", { alias: "parser_type" }),
});

export const csvParser: ParserDefinition<ConfigOf<typeof table>> = {
  kind: "parser",
  type: "csv",
  table,
  create(config, context) {
    const entries = new TextEntries(config, context);
    const { slots, columns } = entries.columnSlots(config.keys);
    const delimiter = toByteText(config.delimiter);
    const isFast = config.parserEngine === "fast";
    return {
      parse(bytes, start, end, target) {
        const text = textToSplit(bytes, start, end, context.encoding);
        const values = isFast ? fastValues(text, delimiter) : normalValues(text, delimiter);
        // The fast engine leaves out what is missing, the normal one has nil for it.
        const missing = isFast ? undefined : null;
        const valueOf = (column: number) => (column < values.length ? values[column] : missing);
        entries.write(
          target,
          slots,
          columns.map((same) => same.map(valueOf).findLast((value) => value !== undefined)),
        );
        return true;
      },
    };
  },
};

/** The first line's values; an empty value is nil, an empty one in quotes is empty. Throws MalformedError. */
function normalValues(text: string, delimiter: string): FieldValue[] {
  const values: FieldValue[] = [];
  let position = 0;
  if (text === "") throw new MalformedError("the line is empty");
  for (;;) {
    const isQuoted = text[position] === '"';
    const end = isQuoted ? quotedEnd(text, position + 1) : plainEnd(text, position, delimiter);
    const raw = text.slice(isQuoted ? position + 1 : position, end);
    if (!isQuoted && raw.includes('"')) throw new MalformedError("Illegal quoting in line 1.");
    values.push(isQuoted ? raw.replaceAll('""', '"') : raw === "" ? null : raw);
    position = isQuoted ? end + 1 : end;
    if (text.startsWith(delimiter, position)) {
      position += delimiter.length;
    } else if (position >= text.length || text[position] === "\n" || text[position] === "\r") {
      return values;
    } else {
      throw new MalformedError("Any value after quoted field isn't allowed in line 1.");
    }
  }
}

/** Where the quote that closes stands. */
function quotedEnd(text: string, start: number): number {
  for (let position = text.indexOf('"', start); position >= 0; position = text.indexOf('"', position + 2)) {
    if (text[position + 1] !== '"') return position;
  }
  throw new MalformedError("Unclosed quoted field in line 1.");
}

function plainEnd(text: string, start: number, delimiter: string): number {
  const next = text.indexOf(delimiter, start);
  const end = next < 0 ? text.length : next;
  const newline = /[\r\n]/.exec(text.slice(start, end));
  return newline ? start + newline.index : end;
}

function fastValues(text: string, delimiter: string): FieldValue[] {
  const values: FieldValue[] = [];
  const line = text.replace(/(?:\r\n|\n|\r)$/, "");
  if (line === "") return values;
  const columns = line.split(delimiter);
  for (let index = 0; index < columns.length; index++) {
    const column = columns[index] as string;
    const quotes = column.split('"').length - 1;
    if (quotes === 1 && column.startsWith('"')) {
      const parts = [column];
      while (++index < columns.length) {
        const part = columns[index] as string;
        parts.push(part);
        if (part.endsWith('"')) break;
      }
      values.push(parts.join(delimiter).slice(1, -1));
    } else {
      values.push(unquoted(column, quotes));
    }
  }
  return values;
}

function unquoted(column: string, quotes: number): FieldValue {
  if (column === "") return null;
  if (quotes < 2) return column;
  const inner = column.startsWith('"') && column.endsWith('"') ? column.slice(1, -1) : column;
  return quotes === 2 ? inner : inner.replaceAll('""', '"');
}
