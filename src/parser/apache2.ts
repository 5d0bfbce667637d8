/**
 * `@type apache2`: the combined log of Apache, with numbers as numbers and `-` as nil. `types` and the nil parameters
 * have no effect, as in fluentd. Source: fluentd 1.18 plugin/parser_apache2.rb.
 */

import { type ConfigOf, section } from "../config/parameters.ts";
import { encode } from "../event/msgpack.ts";
import { commonParameters, eventTimeParser } from "./common-parameters.ts";
import { EntryWriter } from "./entry-writer.ts";
import { ACCESS_TIME_FORMAT } from "./known-lines.ts";
import type { ParserDefinition } from "./parser.ts";
import { compile } from "./regexp.ts";
import { writeInteger, writeText } from "./ruby-number.ts";

const table = section(commonParameters({}));

const SOURCE = [
  String.raw`^(?<host>[^ ]*) [^ ]* (?<user>[^ ]*) \[(?<time>[^\]]*)\]`,
  String.raw`"(?<method>\S+)(?: +(?<path>(?:[^"]|\\")*?)(?: +\S*)?)?" (?<code>[^ ]*) (?<size>[^ ]*)`,
].join(" ");
const TAIL = String.raw`(?: "(?<referer>(?:[^"]|\\")*)" "(?<agent>(?:[^"]|\\")*)")?$`;

const NIL = 0xc0;

/** Fields in the order of the record, with their keys in msgpack. */
const FIELDS = ["host", "user", "method", "path", "code", "size", "referer", "agent"].map((name) => ({
  name,
  key: encode(name),
  dashIsNil: !["method", "path", "code"].includes(name),
  isNumber: name === "code" || name === "size",
}));
const TIME_KEY = encode("time");

export const apache2Parser: ParserDefinition<ConfigOf<typeof table>> = {
  kind: "parser",
  type: "apache2",
  table,
  create(config, context) {
    const expression = compile({ source: SOURCE + TAIL, flags: "" }, context, context.element.position);
    const fields = FIELDS.map((field) => ({ ...field, index: expression.names.indexOf(field.name) }));
    const timeIndex = expression.names.indexOf("time");
    const heads = new EntryWriter(config, context.clock);
    const time = eventTimeParser(config, context.clock, { format: ACCESS_TIME_FORMAT });
    return {
      parse(bytes, start, end, target) {
        const groups = expression.groups(bytes.toString("latin1", start, end));
        if (!groups) return false;
        const text = groups[timeIndex] as string;
        const { seconds, nanoseconds } = time.parse(text);
        const { writer } = target;
        heads.time(target, seconds, nanoseconds);
        writer.mapHeader(FIELDS.length + (config.keepTimeKey ? 1 : 0));
        for (const { key, name, dashIsNil, isNumber, index } of fields) {
          const value = groups[index];
          writer.copy(key);
          if (value === undefined || (dashIsNil && value === "-")) writer.byte(NIL);
          else if (!isNumber) writeText(writer, value, context.encoding);
          // A code that is no number, or 0, is none.
          else if (name === "code" && !/^\s*[+-]?(?:0|_)*[1-9]/.test(value)) writer.byte(NIL);
          else writeInteger(writer, value);
        }
        if (config.keepTimeKey) {
          writer.copy(TIME_KEY);
          writeText(writer, text, context.encoding);
        }
        target.size += 1;
        return true;
      },
    };
  },
};
