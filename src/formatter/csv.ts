/** `@type csv`: chosen fields in quotes, between commas. Source: fluentd 1.18 formatter_csv.rb with Ruby's csv. */

import { array, bool, string } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { ABSENT, findField } from "../event/record-fields.ts";
import { writeRubyText } from "../event/ruby-text.ts";
import type { FormatterDefinition } from "./formatter.ts";
import { addNewlineParameter } from "./newline.ts";

const table = section({
  delimiter: string.default("Between fields; TAB or \\t for a tab.", ","),
  force_quotes: bool.default("Put every field into quotes.", true),
  fields: array.required("Names of the fields, in order; `$.a.b` for nested ones."),
  ...addNewlineParameter,
});

export const csvFormatter: FormatterDefinition<ConfigOf<typeof table>> = {
  type: "csv",
  table,
  create(config) {
    const paths = config.fields.filter((field) => field !== "").map(fieldPath);
    if (paths.length === 0) {
      throw new ConfigError("empty value is specified in fields parameter", config.element.position);
    }
    const delimiter = config.delimiter === "TAB" || config.delimiter === "\\t" ? "\t" : config.delimiter;
    const newline = config.addNewline ? "\n" : "";
    const field = new ByteWriter();
    return {
      write(target, _tag, packed, _timeStart, recordStart) {
        for (const [index, path] of paths.entries()) {
          if (index > 0) target.text(delimiter);
          const position = locate(packed, recordStart, path);
          const isNil = position === ABSENT || packed[position] === 0xc0;
          field.truncate(0);
          if (!isNil) writeRubyText(field, packed, position);
          const text = field.view().toString("latin1");
          const quoted = config.forceQuotes || (!isNil && needsQuotes(text, delimiter));
          target.copy(quoted ? Buffer.from(`"${text.replaceAll('"', '""')}"`, "latin1") : field.view());
        }
        target.text(newline);
      },
    };
  },
};

/** `$.a.b` and `$['a']['b']` are paths; anything else is the name of one field. */
function fieldPath(field: string): Buffer[] {
  const names = field.startsWith("$")
    ? [...field.matchAll(/\.([^.[]+)|\['([^']+)'\]/g)].map((m) => m[1] ?? m[2] ?? "")
    : [];
  return (names.length > 0 ? names : [field]).map((name) => Buffer.from(name));
}

function locate(packed: Buffer, recordStart: number, path: readonly Buffer[]): number {
  let position = recordStart;
  for (const name of path) {
    position = findField(packed, position, name);
    if (position === ABSENT) return ABSENT;
  }
  return position;
}

function needsQuotes(text: string, delimiter: string): boolean {
  return text === "" || text.includes(delimiter) || /["\r\n]/.test(text);
}
