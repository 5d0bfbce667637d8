/**
 * `@type multi_format`: parsers in `<pattern>` sections, of which the first that makes an event wins.
 * Source: fluent-plugin-multi-format-parser 1.1.0.
 */

import type { ConfigElement } from "../config/element.ts";
import { string } from "../config/literals.ts";
import { type ConfigOf, raw, section } from "../config/parameters.ts";
import { ConfigError, MalformedError } from "../errors.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { encode } from "../event/msgpack.ts";
import { addedField } from "../event/record-merge.ts";
import { hasTime, splitEntries, writeEntryWithFields } from "./added-fields.ts";
import { commonParameters } from "./common-parameters.ts";
import type { Parser, ParserContext, ParserDefinition } from "./parser.ts";
import { checkUnused } from "./unused-parameters.ts";

const table = section(
  { ...commonParameters({}), format_key: string.optional("Field for the name of the pattern that matched.") },
  { pattern: raw, format: raw },
);

interface Alternative {
  readonly parser: Parser;
  /** The name in msgpack; nil without `format_name`. */
  readonly name: Buffer;
}

export const multiFormatParser: ParserDefinition<ConfigOf<typeof table>> = {
  kind: "parser",
  type: "multi_format",
  table,
  create(config, context) {
    checkUnused(config, context.clock);
    const alternatives = alternativesOf(context);
    const key = config.formatKey === undefined ? undefined : encode(config.formatKey);
    const writer = new ByteWriter();
    const first =
      (method: "parse" | "parseValue"): Parser["parse"] =>
      (bytes, start, end, target) => {
        for (const { parser, name } of alternatives) {
          writer.truncate(0);
          tryParse(() => parser[method]?.(bytes, start, end, { writer, size: 0 }));
          const entry = [...splitEntries(writer.view())].find(hasTime);
          if (!entry) continue;
          if (key) writeEntryWithFields(target.writer, entry, [addedField(key, name)]);
          else target.writer.copy(entry);
          target.size += 1;
          return true;
        }
        return false;
      };
    return { parse: first("parse"), parseValue: first("parseValue") };
  },
};

function alternativesOf({ element, createParser }: ParserContext): Alternative[] {
  return element.children
    .filter((child) => child.name === "pattern" || child.name === "format")
    .map((child) => {
      const type = child.text("format") ?? child.text("@type");
      if (type === undefined)
        throw new ConfigError("'format' parameter is required, in section pattern", child.position);
      return { parser: createParser(withoutOwnKeys(child), type), name: encode(child.text("format_name") ?? null) };
    });
}

/** The section as the parser knows it. */
function withoutOwnKeys(pattern: ConfigElement): ConfigElement {
  const parameters = pattern.parameters.filter(({ key }) => key !== "format_name");
  return pattern.withParameters(
    parameters.map((given) => (given.key === "format" ? { ...given, key: "@type" } : given)),
  );
}

/** A text that is wrong for one parser may be right for the next. */
function tryParse(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
  }
}
