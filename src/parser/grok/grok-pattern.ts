/**
 * `%{NAME:field:type}` in grok patterns, replaced by what NAME stands for until none is left.
 * Source: fluent-plugin-grok-parser 2.6.3, lib/fluent/plugin/grok.rb.
 */

import { nearest } from "../../config/nearest.ts";

/** Regular expressions of Ruby by their names. */
export type PatternLibrary = ReadonlyMap<string, string>;

export interface ExpandedPattern {
  /** A regular expression of Ruby. */
  readonly source: string;
  /** Type of each field, `string` where none is given; fields without a name of the pattern's own are not among them. */
  readonly types: ReadonlyMap<string, string>;
}

const REFERENCE =
  /%\{([A-z0-9]+)(?::([@[\]A-z0-9_:.-]+?)(?::(string|bool|integer|float|time(?::.+?)?|array(?::.)?))?)?\}/g;

/** The longest of the base patterns has some 20 thousand letters. */
const MAX_LENGTH = 1_000_000;

/** Throws Error with the reason: a name that the library has not, or a pattern that contains itself. */
export function expandPattern(pattern: string, library: PatternLibrary): ExpandedPattern {
  const types = new Map<string, string>();
  let length = 0;
  const expand = (text: string, outer: readonly string[]): string =>
    text.replace(REFERENCE, (_, name: string, given: string | undefined, type = "string") => {
      const definition = library.get(name);
      if (definition === undefined) throw new Error(notFound(name, library));
      if (outer.includes(name)) throw new Error(`grok pattern ${name} contains itself`);
      length += definition.length;
      if (length > MAX_LENGTH) throw new Error(`grok pattern ${name} becomes longer than ${MAX_LENGTH} letters`);
      const field = given === undefined ? undefined : fieldName(given);
      if (field !== undefined) types.set(field, type);
      return `(?${field === undefined ? ":" : `<${field}>`}${expand(definition, [...outer, name])})`;
    });
  return { source: expand(pattern, []), types };
}

function notFound(name: string, library: PatternLibrary): string {
  const hint = nearest(name, [...library.keys()]);
  const advice = hint ? `Did you mean '${hint}'?` : "Put it into a file, and name the file in custom_pattern_path.";
  return `grok pattern not found: ${name}. ${advice}`;
}

/** `[client][address]` is the field `client.address`. */
function fieldName(given: string): string {
  return /^\[.*\]$/.test(given) ? given.slice(1, -1).split("][").join(".") : given;
}

/** Reads lines `NAME REGULAR-EXPRESSION` into `library`; empty lines and those that begin with `#` are skipped. */
export function readPatterns(text: string, library: Map<string, string>): void {
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [, name, pattern] = /^(\S*)\s+(.*)$/s.exec(line.replace(/\r$/, "")) ?? [];
    if (name !== undefined && pattern !== undefined) library.set(name, pattern);
  }
}
