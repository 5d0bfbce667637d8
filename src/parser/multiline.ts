/**
 * `@type multiline`: format1 to format20 make one expression, whose `.` also matches newlines.
 * Source: fluentd 1.18 plugin/parser_multiline.rb.
 */

import type { ConfigParameter } from "../config/element.ts";
import { string } from "../config/literals.ts";
import { type ConfigOf, type Parameter, section } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";
import { encode } from "../event/msgpack.ts";
import { type CommonConfig, commonParameters } from "./common-parameters.ts";
import { EntryWriter } from "./entry-writer.ts";
import type { Parser, ParserContext, ParserDefinition, ParseTarget } from "./parser.ts";
import { compile } from "./regexp.ts";
import { writeText } from "./ruby-number.ts";
import { TextEntries } from "./text-entries.ts";
import type { TextPattern } from "./text-pattern.ts";

const FORMATS = Array.from({ length: 20 }, (_, index) => `format${index + 1}`);
const formatParameters: Record<string, Parameter<string | undefined>> = Object.fromEntries(
  FORMATS.map((name) => [name, string.optional("Part of the expression, between slashes.")]),
);

const table = section({
  ...commonParameters({ timeKey: "time" }),
  ...formatParameters,
  format_firstline: string.optional("Expression of an event's first line, between slashes."),
  unmatched_lines: string.optional("Text that does not match becomes the field unmatched_line."),
});

export const multilineParser: ParserDefinition<ConfigOf<typeof table>> = {
  kind: "parser",
  type: "multiline",
  table,
  create(config, context) {
    const formats = formatsOf(context);
    const source = formats.map(({ value }) => value.slice(1, -1)).join("");
    const position = formats[0]?.position ?? context.element.position;
    const expression = compile({ source, flags: "m" }, context, position);
    if (expression.names.length === 0) throw new ConfigError(`Invalid regexp '${source}': No named captures`, position);
    const firstline = context.element.parameter("format_firstline");
    const first = firstline && firstLinePattern(firstline, context);
    const owner = { ...context, emitsUnmatched: context.emitsUnmatched ?? config.unmatchedLines !== undefined };
    return createMultilineParser(expression, first, config, owner);
  },
};

/** The parser for `expression`, whose events begin with `first` where that is given. Throws ConfigError. */
export function createMultilineParser(
  expression: TextPattern,
  first: TextPattern | undefined,
  config: CommonConfig,
  context: ParserContext,
): Parser {
  const entries = new TextEntries(config, context);
  const slots = expression.names.map((name) => entries.slot(name));
  const unmatched = context.emitsUnmatched ? unmatchedWriter(context) : undefined;
  const parse = (text: string, target: ParseTarget): boolean => {
    for (let rest = text; ; ) {
      const match = expression.match(rest);
      if (!match) {
        unmatched?.(target, rest);
        return unmatched !== undefined;
      }
      entries.write(target, slots, match.groups);
      // An expression that matches nothing would match it for ever.
      if (match.rest.length === rest.length) return true;
      rest = match.rest.startsWith("\n") ? match.rest.slice(1) : match.rest;
      if (rest === "") return true;
    }
  };
  const parser: Parser = {
    isMultiline: true,
    parse(bytes, start, end, target) {
      const [length, size] = [target.writer.length, target.size];
      try {
        return parse(bytes.toString("latin1", start, end), target);
      } catch (error) {
        target.writer.truncate(length);
        target.size = size;
        throw error;
      }
    },
  };
  if (!first) return parser;
  return { ...parser, isFirstLine: (bytes, start, end) => first.test(bytes.toString("latin1", start, end)) };
}

function unmatchedWriter({ clock, encoding }: ParserContext): (target: ParseTarget, text: string) => void {
  const heads = new EntryWriter({ estimateCurrentEvent: true }, clock);
  const key = encode("unmatched_line");
  return (target, text) => {
    heads.currentTime(target);
    target.writer.mapHeader(1);
    target.writer.copy(key);
    writeText(target.writer, text, encoding);
    target.size += 1;
  };
}

/** format1 to format20 without a gap, each between slashes. Throws ConfigError. */
function formatsOf({ element }: ParserContext): ConfigParameter[] {
  const wrong = element.parameters.find(({ key }) => /^format\d+$/.test(key) && !FORMATS.includes(key));
  if (wrong) throw new ConfigError(`Invalid formatN found. N should be 1 - 20: ${wrong.key}`, wrong.position);
  const formats: ConfigParameter[] = [];
  for (const [index, name] of FORMATS.entries()) {
    const format = element.parameter(name);
    if (!format) continue;
    if (formats.length < index) {
      const message = `Jump of format index found. format${index} is missing.`;
      throw new ConfigError(message, format.position);
    }
    checkSlashes(format);
    formats.push(format);
  }
  return formats;
}

function firstLinePattern(parameter: ConfigParameter, context: ParserContext): TextPattern {
  checkSlashes(parameter);
  return compile({ source: parameter.value.slice(1, -1), flags: "" }, context, parameter.position);
}

function checkSlashes({ key, value, position }: ConfigParameter): void {
  if (value.length >= 2 && value.startsWith("/") && value.endsWith("/")) return;
  throw new ConfigError(`format should be Regexp, need //, in ${key}: '${value}'`, position);
}
