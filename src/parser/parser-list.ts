/** Every parser by its `@type`, and how an input or a filter gets the one that its `<parse>` section asks for. */

import type { ConfigElement } from "../config/element.ts";
import { nearest } from "../config/nearest.ts";
import { Problems, raw, readSection } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";
import { flatParseSection } from "./flat-parameters.ts";
import { noneParser } from "./none.ts";
import type { Parser, ParserDefinition, ParserOwner } from "./parser.ts";

export { flatParameters as parseParameters } from "./flat-parameters.ts";

const PARSERS: ReadonlyMap<string, ParserDefinition<any>> = new Map(
  [noneParser].map((definition: ParserDefinition<any>) => [definition.type, definition]),
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

function create(element: ConfigElement, type: string, owner: ParserOwner): Parser {
  const definition = PARSERS.get(type);
  if (!definition) {
    const hint = nearest(type, [...PARSERS.keys()]);
    const advice = hint ? `Did you mean '${hint}'?` : `Suiro has ${[...PARSERS.keys()].join(", ")}.`;
    throw new ConfigError(`Unknown parser plugin '${type}'. ${advice}`, element.position);
  }
  const problems = new Problems();
  const config = readSection(definition.table, element, problems);
  if (problems.errors[0]) throw problems.errors[0];
  for (const { message, position } of problems.warnings) owner.logger.warn(message, { ...position });
  return definition.create(config, {
    clock: owner.clock,
    logger: owner.logger,
    encoding: owner.encoding ?? "binary",
    element,
    createParser: (inner, innerType) => create(inner, innerType, owner),
  });
}
