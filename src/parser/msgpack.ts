/** `@type msgpack`: maps, or arrays of maps, one behind the other. Source: fluentd 1.18 plugin/parser_msgpack.rb. */

import { type ConfigOf, section } from "../config/parameters.ts";
import { LimitError, MalformedError } from "../errors.ts";
import { INCOMPLETE, skipValue } from "../event/walker.ts";
import { commonParameters } from "./common-parameters.ts";
import type { ParserDefinition } from "./parser.ts";
import { RecordEntries } from "./record-entries.ts";

const table = section(commonParameters({}));

export const msgpackParser: ParserDefinition<ConfigOf<typeof table>> = {
  kind: "parser",
  type: "msgpack",
  table,
  create(config, context) {
    const entries = new RecordEntries(config, context);
    return {
      parse(bytes, start, end, target) {
        const [length, size] = [target.writer.length, target.size];
        let areMaps = true;
        try {
          for (let position = start; position < end; ) {
            const next = wholeValue(bytes, position, end);
            areMaps = entries.write(target, bytes, position) && areMaps;
            position = next;
          }
        } catch (error) {
          target.writer.truncate(length);
          target.size = size;
          throw error;
        }
        return areMaps;
      },
    };
  },
};

/** The position behind the value. Throws MalformedError when it is torn or no msgpack. */
function wholeValue(bytes: Buffer, position: number, end: number): number {
  try {
    const next = skipValue(bytes, position, end);
    if (next === INCOMPLETE) throw new MalformedError(`no whole msgpack value at byte ${position}`);
    return next;
  } catch (error) {
    if (error instanceof LimitError) throw new MalformedError(error.message, { cause: error });
    throw error;
  }
}
