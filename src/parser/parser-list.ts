/** Every parser by its `@type`, and how an input or a filter gets the one that its `<parse>` section asks for. */

import type { ConfigElement } from "../config/element.ts";
import { nearest } from "../config/nearest.ts";
import { Problems, raw, readSection } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";
import { silentLogger } from "../logger.ts";
import { apache2Parser } from "./apache2.ts";
import { criParser } from "./cri.ts";
import { csvParser } from "./csv.ts";
import { flatParseSection } from "./flat-parameters.ts";
import { grokParser, multilineGrokParser } from "./grok.ts";
import { jsonParser } from "./json.ts";
import { jsonInJsonParser } from "./json-in-json.ts";
import {
  apacheErrorParser,
  apacheParser,
  kubernetesParser,
  multilineKubernetesParser,
  nginxParser,
} from "./known-lines.ts";
import { ltsvParser } from "./ltsv.ts";
import { msgpackParser } from "./msgpack.ts";
import { multiFormatParser } from "./multi-format.ts";
import { multilineParser } from "./multiline.ts";
import { noneParser } from "./none.ts";
import type { Parser, ParserDefinition, ParserOwner, TextEncoding } from "./parser.ts";
import { regexpParser } from "./regexp.ts";
import { syslogParser } from "./syslog.ts";
import { tsvParser } from "./tsv.ts";

export { flatParameters as parseParameters } from "./flat-parameters.ts";

/** Each once. */
export const PARSERS: ReadonlyMap<string, ParserDefinition<any>> = new Map(
  [
    apacheParser,
    apache2Parser,
    apacheErrorParser,
    criParser,
    csvParser,
    grokParser,
    jsonParser,
    jsonInJsonParser,
    kubernetesParser,
    ltsvParser,
    msgpackParser,
    multiFormatParser,
    multilineGrokParser,
    multilineParser,
    multilineKubernetesParser,
    nginxParser,
    noneParser,
    regexpParser,
    syslogParser,
    tsvParser,
  ].map((definition: ParserDefinition<any>) => [definition.type, definition]),
);

/** The section of a plugin that parses; `createParser` reads it from the element. */
export const parseSections = { parse: raw };

/**
 * The parser that `<parse>` in `section` asks for, or the keys of fluentd 0.12 in it, such as `format json`, where there
 * is no such section. Throws ConfigError with the first error; warnings are logged.
 */
export function createParser(section: ConfigElement, owner: ParserOwner): Parser {
  const [given, second] = section.childrenNamed("parse");
  if (second) throw new ConfigError("'<parse>' section cannot be written twice or more", second.position);
  const element = given ?? flatParseSection(section);
  if (!element) throw new ConfigError("<parse> section is required.", section.position);
  const type = element.text("@type");
  if (type === undefined) throw new ConfigError("@type is required in <parse>", element.position);
  return create(element, type, owner);
}

/** The parsers of one section for texts of either encoding, for who gets both. Throws as `createParser` does. */
export function createParsers(section: ConfigElement, owner: Omit<ParserOwner, "encoding">): ParserPair {
  return {
    "utf-8": createParser(section, { ...owner, encoding: "utf-8" }),
    // Its warnings would be the same.
    binary: createParser(section, { ...owner, encoding: "binary", logger: silentLogger }),
  };
}

export type ParserPair = Readonly<Record<TextEncoding, Parser>>;

function create(given: ConfigElement, givenType: string, owner: ParserOwner): Parser {
  const isExpression = givenType.length > 1 && givenType.startsWith("/") && givenType.endsWith("/");
  const type = isExpression ? "regexp" : givenType;
  const element = isExpression ? withExpression(given, givenType.slice(1, -1)) : given;
  const definition = PARSERS.get(type);
  if (!definition) {
    const hint = nearest(type, [...PARSERS.keys()]);
    const advice = hint ? `Did you mean '${hint}'?` : `Suiro has ${[...PARSERS.keys()].join(", ")}.`;
    throw new ConfigError(`Unknown parser plugin '${type}'. ${advice}`, element.position);
  }
  const problems = new Problems();
  const read = readSection(definition.table, element, problems);
  const config = owner.noTimeKey && !element.parameter("time_key") ? { ...read, timeKey: undefined } : read;
  if (problems.errors[0]) throw problems.errors[0];
  for (const { message, position } of problems.warnings) owner.logger.warn(message, { ...position });
  return definition.create(config, {
    clock: owner.clock,
    logger: owner.logger,
    encoding: owner.encoding ?? "binary",
    ...(owner.emitsUnmatched !== undefined && { emitsUnmatched: owner.emitsUnmatched }),
    element,
    matchDeadlineMs: config.timeout > 0 ? config.timeout * 1000 : undefined,
    createParser: (inner, innerType) => create(inner, innerType, { ...owner, noTimeKey: false }),
  });
}

/** A type written as `/expression/`: its slashes are no part of it, and no flags follow. */
function withExpression(element: ConfigElement, value: string): ConfigElement {
  const { position } = element.parameter("@type") ?? element;
  const own = element.parameter("expression");
  const parameters = element.parameters.filter(({ key }) => key !== "@type" && key !== "type");
  return element.withParameters(own ? parameters : [...parameters, { key: "expression", value, position }]);
}
