/** `@type csv`: chosen fields in quotes, between commas. Source: fluentd 1.18 formatter_csv.rb with Ruby's csv. */

import { array, bool, string } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";
import { ByteWriter, stopBytes } from "../event/byte-writer.ts";
import { stringHeader } from "../event/msgpack-header.ts";
import { ABSENT, findField } from "../event/record-fields.ts";
import { writeRubyText } from "../event/ruby-text.ts";
import { skipValue } from "../event/walker.ts";
import type { FormatterDefinition } from "./formatter.ts";
import { addNewlineParameter } from "./newline.ts";

const table = section({
  delimiter: string.default("Between fields; TAB or \\t for a tab.", ","),
  force_quotes: bool.default("Put every field into quotes.", true),
  fields: array.required("Names of the fields, in order; `$.a.b` for nested ones."),
  ...addNewlineParameter,
});

const NIL = 0xc0;

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
    const writeField = config.forceQuotes ? writeQuoted : fieldWriter(delimiter);
    const other = new ByteWriter();
    return {
      write(target, _tag, packed, _timeStart, recordStart) {
        for (let index = 0; index < paths.length; index++) {
          if (index > 0) target.text(delimiter);
          const position = locate(packed, recordStart, paths[index] as Buffer[]);
          const type = position === ABSENT ? NIL : (packed[position] as number);
          const header = stringHeader(type);
          if (header > 0) {
            writeField(target, packed, position + header, skipValue(packed, position, packed.length));
          } else if (type !== NIL) {
            other.truncate(0);
            writeRubyText(other, packed, position);
            writeField(target, other.view(), 0, other.length);
          } else if (config.forceQuotes) target.text('""');
        }
        target.text(newline);
      },
    };
  },
};

/** Writes the text `bytes[start, end)` as a field. */
type FieldWriter = (target: ByteWriter, bytes: Buffer, start: number, end: number) => void;

const QUOTES = stopBytes((byte) => byte === 0x22);

const writeQuoted: FieldWriter = (target, bytes, start, end) => {
  target.text('"');
  let at = target.copyUntil(QUOTES, bytes, start, end);
  while (at < end) {
    target.text('""');
    at = target.copyUntil(QUOTES, bytes, at + 1, end);
  }
  target.text('"');
};

/** Puts only those fields into quotes that need them. */
function fieldWriter(delimiter: string): FieldWriter {
  const first = delimiter.charCodeAt(0);
  const mayNeedQuotes = stopBytes(
    (byte) => /["\r\n]/.test(String.fromCharCode(byte)) || delimiter === "" || byte === first,
  );
  return (target, bytes, start, end) => {
    const before = target.length;
    if (start < end && target.copyUntil(mayNeedQuotes, bytes, start, end) === end) return;
    target.truncate(before);
    if (needsQuotes(bytes.toString("latin1", start, end), delimiter)) writeQuoted(target, bytes, start, end);
    else target.copy(bytes, start, end);
  };
}

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
