/** `@type regexp`: named groups are the fields. Source: fluentd 1.18 plugin/parser_regexp.rb. */

import { bool } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { ConfigError, type SourcePosition } from "../errors.ts";
import { type CommonConfig, commonParameters } from "./common-parameters.ts";
import type { Parser, ParserContext, ParserDefinition } from "./parser.ts";
import { TextEntries } from "./text-entries.ts";
import { type PatternSource, pattern, TextPattern } from "./text-pattern.ts";

const table = section({
  ...commonParameters({ timeKey: "time" }),
  expression: pattern.required("Regular expression with named groups, `/…/` with i and m behind it or bare."),
  ignorecase: bool.default("Older way of writing /…/i.", false, { deprecated: "write /pattern/i instead" }),
  multiline: bool.default("Older way of writing /…/m.", false, { deprecated: "write /pattern/m instead" }),
});

export const regexpParser: ParserDefinition<ConfigOf<typeof table>> = {
  kind: "parser",
  type: "regexp",
  table,
  create(config, context) {
    const { expression, ignorecase, multiline } = config;
    const old = `${ignorecase ? "i" : ""}${multiline ? "m" : ""}`;
    const given = old === "" ? expression : { source: expression.source, flags: old };
    const position = context.element.parameter("expression")?.position ?? context.element.position;
    return createRegexpParser(given, config, context, position);
  },
};

/** The parser for one expression, whichever parser's it is. Throws ConfigError. */
export function createRegexpParser(
  source: PatternSource,
  config: CommonConfig,
  context: ParserContext,
  position: SourcePosition,
): Parser {
  const expression = compile(source, context, position);
  if (expression.names.length === 0) {
    throw new ConfigError(
      "No named captures in 'expression' parameter. The regexp must have at least one named capture",
      position,
    );
  }
  const entries = new TextEntries(config, context);
  const slots = expression.names.map((name) => entries.slot(name));
  return {
    parse(bytes, start, end, target) {
      const values = expression.groups(bytes.toString("latin1", start, end));
      if (!values) return false;
      entries.write(target, slots, values);
      return true;
    },
  };
}

/** Throws ConfigError where JavaScript has no such expression. */
export function compile(source: PatternSource, context: ParserContext, position: SourcePosition): TextPattern {
  try {
    return new TextPattern(source, context.encoding, context.matchDeadlineMs);
  } catch (error) {
    throw new ConfigError(`invalid regexp: /${source.source}/: ${(error as Error).message}`, position);
  }
}
