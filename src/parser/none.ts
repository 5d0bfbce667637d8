/** `@type none`: the whole text is one field. Source: fluentd 1.18 plugin/parser_none.rb. */

import { string } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { encode } from "../event/msgpack.ts";
import { commonParameters } from "./common-parameters.ts";
import { EntryWriter } from "./entry-writer.ts";
import type { ParserDefinition } from "./parser.ts";
import { writeTextHeader } from "./ruby-number.ts";
import { checkUnused } from "./unused-parameters.ts";

const table = section({
  ...commonParameters({}),
  message_key: string.default("Field that the text goes to.", "message"),
});

export const noneParser: ParserDefinition<ConfigOf<typeof table>> = {
  kind: "parser",
  type: "none",
  table,
  create(config, { clock, encoding }) {
    checkUnused(config, clock);
    const entries = new EntryWriter(config, clock);
    const key = encode(config.messageKey);
    return {
      parse(bytes, start, end, target) {
        entries.currentTime(target);
        target.writer.byte(0x81);
        target.writer.copy(key);
        writeTextHeader(target.writer, end - start, encoding);
        target.writer.copy(bytes, start, end);
        target.size += 1;
        return true;
      },
      parseValue(bytes, start, end, target) {
        entries.currentTime(target);
        target.writer.byte(0x81);
        target.writer.copy(key);
        target.writer.copy(bytes, start, end);
        target.size += 1;
        return true;
      },
    };
  },
};
