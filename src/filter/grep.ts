/**
 * `@type grep`: lets events through by what their fields match; those that cannot be matched go on. Source: fluentd 1.18 filter_grep.rb; COMPAT 6.2.
 */

import { regexp, string } from "../config/literals.ts";
import { type ConfigOf, many, section } from "../config/parameters.ts";
import { rubyRegexp } from "../config/ruby/regexp.ts";
import { ConfigError, MalformedError, type SourcePosition } from "../errors.ts";
import type { EventStream } from "../event/event-stream.ts";
import { recordAccessor } from "../event/record-accessor.ts";
import type { FieldPath } from "../event/record-reader.ts";
import { MatchedField } from "../formatter/field-text.ts";
import type { FilterDefinition, PluginContext } from "../plugin.ts";
import { RareWarnings } from "../rare-warnings.ts";
import { idle } from "./event-loop.ts";

const expression = section({
  key: string.required("Field to look at; an accessor such as $.a.b works."),
  pattern: regexp.required("Regular expression for the field's text; an absent field is the empty text."),
});

const expressions = { regexp: many(expression), exclude: many(expression) };

const MAX_NUMBERED = 20;

const numbered = Object.fromEntries(
  Array.from({ length: MAX_NUMBERED }, (_, index) => index + 1).flatMap((number) => [
    [`regexp${number}`, string.optional("Older form of <regexp>: key, blank, pattern.", { deprecated: "Use <regexp> section" })],
    [`exclude${number}`, string.optional("Older form of <exclude>: key, blank, pattern.", { deprecated: "Use <exclude> section" })],
  ]),
); // biome-ignore format: a table

const group = section({}, expressions);
const table = section(numbered, { ...expressions, and: many(group), or: many(group) });

type Config = ConfigOf<typeof table>;
type Expression = ConfigOf<typeof expression>;

/** Whether the record that starts at a position goes on. */
type Keeps = (packed: Buffer, recordStart: number) => boolean;

export const grepFilter: FilterDefinition<Config> = {
  type: "grep",
  kind: "filter",
  table,
  create(config, context) {
    const condition = conditionOf(config, context);
    const warnings = new RareWarnings(context.logger, context.clock);
    const keeps: Keeps = (packed, recordStart) => {
      try {
        return condition(packed, recordStart);
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error;
        warnings.warn("failed to grep events", { error: error.message });
        return true;
      }
    };
    return { ...idle, isPerEvent: true, filter: (_tag, events) => kept(events, keeps) };
  },
};

/** The events that `keeps` lets through: the very stream where all of them do. */
function kept(events: EventStream, keeps: Keeps): EventStream {
  const { packed } = events;
  const runs: Buffer[] = [];
  let size = 0;
  let runStart = -1;
  for (const { start, recordStart } of events.entries()) {
    if (keeps(packed, recordStart)) {
      size += 1;
      if (runStart < 0) runStart = start;
    } else if (runStart >= 0) {
      runs.push(packed.subarray(runStart, start));
      runStart = -1;
    }
  }
  if (size === events.size) return events;
  if (runStart >= 0) runs.push(packed.subarray(runStart));
  return events.joined(runs, size);
}

/** Conditions by key, as fluentd groups them: it keeps one per key in each group. */
class Conditions {
  readonly #byKey = new Map<string, Keeps>();

  add({ key, pattern }: Pick<Expression, "key" | "pattern">, position: SourcePosition, place = ""): void {
    if (this.#byKey.has(key)) throw new ConfigError(`Duplicate key${place}: ${key}`, position);
    const path: FieldPath = recordAccessor(key, position);
    this.#byKey.set(key, (packed, recordStart) => new MatchedField(packed, recordStart, path).match(pattern) !== null);
  }

  get all(): readonly Keeps[] {
    return [...this.#byKey.values()];
  }
}

function conditionOf(config: Config, context: PluginContext): Keeps {
  const regexpAnd = new Conditions();
  const regexpOr = new Conditions();
  const excludeAnd = new Conditions();
  const excludeOr = new Conditions();
  addNumbered(config, "regexp", regexpAnd);
  addNumbered(config, "exclude", excludeOr);
  if (config.regexp.length > 1) context.logger.info("Top level multiple <regexp> is interpreted as 'and' condition");
  if (config.exclude.length > 1) context.logger.info("Top level multiple <exclude> is interpreted as 'or' condition");
  for (const given of config.regexp) regexpAnd.add(given, given.element.position);
  for (const given of config.exclude) excludeOr.add(given, given.element.position);
  for (const { regexp, exclude, element } of config.and) {
    if (regexp.length > 0 && exclude.length > 0) {
      throw new ConfigError("Do not specify both <regexp> and <exclude> in <and>", element.position);
    }
    for (const given of regexp) regexpAnd.add(given, given.element.position, " in <and>");
    for (const given of exclude) excludeAnd.add(given, given.element.position, " in <and>");
  }
  for (const { regexp, exclude, element } of config.or) {
    if (regexp.length > 0 && exclude.length > 0) {
      throw new ConfigError("Do not specify both <regexp> and <exclude> in <or>", element.position);
    }
    for (const given of regexp) regexpOr.add(given, given.element.position, " in <or>");
    for (const given of exclude) excludeOr.add(given, given.element.position, " in <or>");
  }
  return combined(regexpAnd.all, regexpOr.all, excludeAnd.all, excludeOr.all);
}

/** A group without conditions has no say. */
function combined(
  regexpAnd: readonly Keeps[],
  regexpOr: readonly Keeps[],
  excludeAnd: readonly Keeps[],
  excludeOr: readonly Keeps[],
): Keeps {
  return (packed, recordStart) => {
    const holds = (condition: Keeps) => condition(packed, recordStart);
    if (!regexpAnd.every(holds)) return false;
    if (regexpOr.length > 0 && !regexpOr.some(holds)) return false;
    if (excludeAnd.length > 0 && excludeAnd.every(holds)) return false;
    return !excludeOr.some(holds);
  };
}

function addNumbered(config: Config, name: "regexp" | "exclude", to: Conditions): void {
  for (let number = 1; number <= MAX_NUMBERED; number++) {
    const given = config.element.parameter(`${name}${number}`);
    if (!given) continue;
    const blank = given.value.indexOf(" ");
    if (blank < 0) throw new ConfigError(`${name}${number} does not contain 2 parameters`, given.position);
    try {
      const pattern = rubyRegexp(given.value.slice(blank + 1));
      to.add({ key: given.value.slice(0, blank), pattern }, given.position);
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      throw new ConfigError(`${name}${number}: ${(error as Error).message}`, given.position);
    }
  }
}
