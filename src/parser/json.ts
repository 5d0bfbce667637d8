/**
 * `@type json`: an object is an event, an array of objects several. Bytes go to msgpack without objects in between.
 * Source: fluentd 1.18 plugin/parser_json.rb; broken UTF-8 passes, as with Oj, which fluentd's images have.
 */

import { enumeration, integer } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { LimitError, MalformedError } from "../errors.ts";
import { writeJsonAsMsgpack } from "../event/json-reader.ts";
import { isMapType } from "../event/walker.ts";
import { commonParameters, jsonTimeParser } from "./common-parameters.ts";
import type { ParserDefinition } from "./parser.ts";
import { RecordEntries } from "./record-entries.ts";

const table = section({
  ...commonParameters({ timeKey: "time", timeType: "float" }),
  json_parser: enumeration("oj", "yajl", "json").default(
    "Whose rules hold: `yajl` takes UTF-8 only, `oj` and `json` take a few forms beyond the standard, too.",
    "oj",
  ),
  stream_buffer_size: integer.default("Accepted; texts are read as they come.", 8192),
});

export const jsonParser: ParserDefinition<ConfigOf<typeof table>> = {
  kind: "parser",
  type: "json",
  table,
  create(config, context) {
    const entries = new RecordEntries(config, context, jsonTimeParser(config, context.clock));
    const isStrict = config.jsonParser === "yajl";
    return {
      parse(bytes, start, end, target) {
        if (!mayHoldObject(bytes, start, end)) return false;
        const { writer } = target;
        const entry = entries.begin(target);
        const value = writer.length;
        try {
          writeJsonAsMsgpack(bytes.subarray(start, end), writer, isStrict);
        } catch (error) {
          writer.truncate(entry);
          if (error instanceof MalformedError || error instanceof LimitError) return false;
          throw error;
        }
        if (isMapType(writer.at(value))) {
          entries.finish(target, entry, true);
          return true;
        }
        const array = Buffer.from(writer.view().subarray(value));
        writer.truncate(entry);
        return entries.write(target, array, 0);
      },
    };
  },
};

/** False where an object, an array or a comment cannot begin: lines that are no JSON are many, and to throw takes longer. */
function mayHoldObject(bytes: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at < end && bytes[at] === 0x20) at++;
  const first = at < end ? (bytes[at] as number) : 0;
  const isLetter = first > 0x20 && first < 0x7f;
  return !isLetter || first === 0x7b || first === 0x5b || first === 0x2f;
}
