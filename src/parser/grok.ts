/**
 * `@type grok` and `@type multiline_grok`: regular expressions put together from named patterns. A text that none of
 * them matches becomes an event with the whole text as `message`. Source: fluent-plugin-grok-parser 2.6.3.
 */

import { ConfigElement, type ConfigParameter } from "../config/element.ts";
import { bool, enumeration, string } from "../config/literals.ts";
import { type ConfigOf, many, section } from "../config/parameters.ts";
import { ConfigError, errorMessage } from "../errors.ts";
import { encode } from "../event/msgpack.ts";
import { addedField } from "../event/record-merge.ts";
import { hasTime, writeEntryWithFields } from "./added-fields.ts";
import { commonParameters } from "./common-parameters.ts";
import { EntryWriter } from "./entry-writer.ts";
import { type ExpandedPattern, expandPattern } from "./grok/grok-pattern.ts";
import { PATTERN_SERIES, patternLibrary } from "./grok/pattern-library.ts";
import type { Parser, ParserContext, ParserDefinition, ParseTarget } from "./parser.ts";
import { writeTextHeader } from "./ruby-number.ts";
import { TextPattern } from "./text-pattern.ts";

const grokTable = section({
  name: string.optional("Name of the pattern, for grok_name_key; its number unless given."),
  pattern: string.required("The pattern."),
  keep_time_key: bool.default("Keep the time's field in the record.", false),
  time_key: string.default("Field with the event's time.", "time"),
  time_format: string.optional("strptime format of the time; that of the parser unless given."),
  timezone: string.optional("Zone of times without one; that of the parser unless given."),
});

const parameters = {
  ...commonParameters({ timeKey: "time" }),
  grok_pattern: string.optional("The pattern, such as `%{IP:client} %{NUMBER:bytes:integer}`; or <grok> sections."),
  custom_pattern_path: string.optional("File, or folder of files, with patterns: `NAME REGULAR-EXPRESSION` a line."),
  grok_failure_key: string.optional("Field that says so where no pattern matched."),
  grok_name_key: string.optional("Field for the name of the <grok> section that matched."),
  grok_pattern_series: enumeration(...PATTERN_SERIES).default("Field names of the patterns.", "legacy"),
};
const sections = { grok: many(grokTable) };
const table = section(parameters, sections);
const multilineTable = section(
  { ...parameters, multiline_start_regexp: string.optional("Expression of an event's first line, between slashes.") },
  sections,
);

type Config = ConfigOf<typeof table>;

export const grokParser: ParserDefinition<Config> = {
  kind: "parser",
  type: "grok",
  table,
  create: (config, context) => createGrokParser(config, context, false),
};

export const multilineGrokParser: ParserDefinition<ConfigOf<typeof multilineTable>> = {
  kind: "parser",
  type: "multiline_grok",
  table: multilineTable,
  create(config, context) {
    const parser: Parser = { ...createGrokParser(config, context, true), isMultiline: true };
    const start = context.element.parameter("multiline_start_regexp");
    if (!start || config.multilineStartRegexp === undefined) return parser;
    const first = guarded(
      start,
      () => new TextPattern({ source: start.value.slice(1, -1), flags: "" }, context.encoding),
    );
    return { ...parser, isFirstLine: (bytes, from, to) => first.test(bytes.toString("latin1", from, to)) };
  },
};

/** One pattern's parser, and what grok_name_key gets, in msgpack. */
interface Alternative {
  readonly parser: Parser;
  readonly name: Buffer;
}

const MESSAGE = encode("message");
const NO_MATCH = encode("No grok pattern matched");

function createGrokParser(config: Config, context: ParserContext, isMultiline: boolean): Parser {
  const alternatives = alternativesOf(config, context, isMultiline);
  const heads = new EntryWriter({ estimateCurrentEvent: true }, context.clock);
  const nameKey = config.grokNameKey === undefined ? undefined : encode(config.grokNameKey);
  const failureKey = config.grokFailureKey === undefined ? undefined : encode(config.grokFailureKey);
  return {
    parse(bytes, start, end, target) {
      if (alternatives.some((alternative) => tryParse(alternative, nameKey, bytes, start, end, target))) return true;
      heads.currentTime(target);
      target.writer.mapHeader(failureKey ? 2 : 1);
      target.writer.copy(MESSAGE);
      writeTextHeader(target.writer, end - start, context.encoding);
      target.writer.copy(bytes, start, end);
      if (failureKey) {
        target.writer.copy(failureKey);
        target.writer.copy(NO_MATCH);
      }
      target.size += 1;
      return true;
    },
  };
}

/** An event without a time, where the configuration wants one, counts as no match. */
function tryParse(
  { parser, name }: Alternative,
  nameKey: Buffer | undefined,
  bytes: Buffer,
  start: number,
  end: number,
  target: ParseTarget,
): boolean {
  const { writer, size } = target;
  const before = writer.length;
  if (!parser.parse(bytes, start, end, target)) return false;
  const entry = Buffer.from(writer.view().subarray(before));
  if (hasTime(entry) && !nameKey) return true;
  writer.truncate(before);
  if (hasTime(entry) && nameKey) {
    writeEntryWithFields(writer, entry, [addedField(nameKey, name)]);
    return true;
  }
  target.size = size;
  return false;
}

function alternativesOf(config: Config, context: ParserContext, isMultiline: boolean): Alternative[] {
  const { element } = context;
  const customPath = element.parameter("custom_pattern_path");
  const library = guarded(customPath ?? element.parameter("@type"), () =>
    patternLibrary(config.grokPatternSeries, config.customPatternPath),
  );
  const create = (given: ConfigParameter, others: readonly ConfigParameter[]) => {
    const expanded = guarded(given, () => expandPattern(given.value, library));
    return context.createParser(regexpElement(given, expanded, others, isMultiline, element), "regexp");
  };
  const single = element.parameter("grok_pattern");
  if (single && config.grokPattern !== undefined) {
    const others = element.parameters.filter(({ key }) => !key.startsWith("@") && !OWN_KEYS.has(key));
    return [{ parser: create(single, others), name: encode("grok_pattern") }];
  }
  const found = element.childrenNamed("grok").map((child, index) => ({
    parser: create(child.parameter("pattern") as ConfigParameter, ownParameters(child, element)),
    name: encode(child.text("name") ?? index),
  }));
  if (found.length > 0) return found;
  throw new ConfigError(
    "no grok patterns. Check configuration, e.g. typo, configuration syntax, etc",
    element.position,
  );
}

const OWN_KEYS = new Set([
  "type",
  "grok_pattern",
  "custom_pattern_path",
  "grok_failure_key",
  "grok_name_key",
  "grok_pattern_series",
  "multiline_start_regexp",
]);

/** What a <grok> section says about the time, and what it leaves to the parser's own section. */
function ownParameters(child: ConfigElement, parent: ConfigElement): ConfigParameter[] {
  const inherited = ["keep_time_key", "time_format", "timezone"].flatMap((key) => {
    const own = child.parameter(key);
    return (key === "keep_time_key" && own?.value === "false" ? undefined : own) ?? parent.parameter(key) ?? [];
  });
  return [...inherited, ...child.parameters.filter(({ key }) => key === "time_key")];
}

/** The section of the regexp parser that one pattern stands for. */
function regexpElement(
  { position }: ConfigParameter,
  { source, types }: ExpandedPattern,
  others: readonly ConfigParameter[],
  isMultiline: boolean,
  parent: ConfigElement,
): ConfigElement {
  const expression = { key: "expression", value: `/${source}/${isMultiline ? "m" : ""}`, position };
  const pairs = [...types].map(([field, type]) => `${field}:${type}`).join(",");
  const typed = types.size > 0 ? [{ key: "types", value: pairs, position }] : [];
  const element = new ConfigElement("parse", "", position, [...others, expression, ...typed]);
  element.isStrict = parent.isStrict;
  return element;
}

/** Runs `action`; whatever it throws becomes a ConfigError at `parameter`. */
function guarded<T>(parameter: ConfigParameter | undefined, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!parameter) throw error;
    throw new ConfigError(`${parameter.key}: ${errorMessage(error)}`, parameter.position, { cause: error });
  }
}
