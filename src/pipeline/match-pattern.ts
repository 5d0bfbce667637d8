/**
 * Match patterns: which tags a `<match>` or `<filter>` takes.
 *
 * | form        | matches                                                                             |
 * |-------------|-------------------------------------------------------------------------------------|
 * | `*`         | one part of a tag, or a piece of one: `a.*` takes `a.b`, not `a.b.c`                |
 * | `**`        | any number of parts: `a.**` takes `a`, `a.b` and `a.b.c`; glued to text any text   |
 * | `{x,y}`     | one of the patterns, which may hold further ones                                   |
 * | `/regexp/`  | the whole tag                                                                      |
 * | `\c`        | the character itself                                                               |
 * | `a b`       | either pattern                                                                     |
 *
 * `[...]` has no meaning. Routes are found once per tag and kept (router.ts), so a pattern becomes a regular expression.
 * Source: fluentd 1.18 match.rb, whose quirks are kept: a dot at the end of a pattern is dropped, braces without an end
 * make their alternatives literal text, and a tag may have a newline behind it.
 */

import { boundedRegExp } from "../config/ruby/bounded-regexp.ts";
import { ConfigError, errorMessage, type SourcePosition } from "../errors.ts";

/** Whether a tag is taken. */
export type MatchTag = (tag: string) => boolean;

/** Compiles the argument of a `<match>` or `<filter>`; "" stands for `**`. Throws ConfigError. */
export function matchPattern(argument: string, position?: SourcePosition): MatchTag {
  const patterns = argument.split(/\s+/).filter((pattern) => pattern !== "");
  const matchers = (patterns.length === 0 ? ["**"] : patterns).map((pattern) => compile(pattern, position));
  const [only, ...others] = matchers as [MatchTag, ...MatchTag[]];
  return others.length === 0 ? only : (tag) => matchers.some((matches) => matches(tag));
}

function compile(pattern: string, position: SourcePosition | undefined): MatchTag {
  if (pattern === "**") return () => true;
  if (/^[a-zA-Z0-9_.-]*[a-zA-Z0-9_-]$/.test(pattern)) return (tag) => tag === pattern || tag === `${pattern}\n`;
  const isRegexp = pattern.startsWith("/");
  const source = isRegexp ? regexpSource(pattern, position) : globSource(pattern);
  try {
    const expression = boundedRegExp(source, isRegexp ? "mu" : "u");
    return (tag) => expression.test(tag);
  } catch (error) {
    throw new ConfigError(`invalid match pattern ${pattern}: ${errorMessage(error)}`, position);
  }
}

/** Ruby's \A, \z and \Z for expressions in which `^` and `$` are the ends of lines. \Z stands before a last newline, too. */
const START = "(?<![\\s\\S])";
const END = "(?![\\s\\S])";
const END_OF_TEXT = `(?=\\n?${END})`;

/** Ruby's `.`, which a line separator does not end. */
const ANY = "[^\\n]*";

/** What is written between slashes, in JavaScript's words. As in fluentd, an alternative at the top is anchored at one side. */
function regexpSource(pattern: string, position: SourcePosition | undefined): string {
  if (!pattern.endsWith("/") || pattern.length < 2) throw new ConfigError("invalid match - regex", position);
  const body = pattern
    .slice(1, -1)
    .replace(/\\[AZzh]|\\[^a-zA-Z0-9^$\\.*+?()[\]{}|/]/g, (found) => RUBY_ESCAPES[found] ?? found.slice(1));
  return `${START}${body}${END_OF_TEXT}`;
}

const RUBY_ESCAPES: Record<string, string> = { "\\A": START, "\\Z": END_OF_TEXT, "\\z": END, "\\h": "[0-9a-fA-F]" };

function globSource(pattern: string): string {
  /** The sources of the alternatives of each open brace, the one in hand last; the bottom is the pattern itself. */
  const open: string[][] = [[""]];
  const write = (source: string) => {
    const alternatives = open.at(-1) as string[];
    alternatives.push(alternatives.pop() + source);
  };
  let dotPending = false;
  for (let index = 0; index < pattern.length; ) {
    const character = String.fromCodePoint(pattern.codePointAt(index) as number);
    if (pattern.startsWith("**", index)) {
      // Behind a dot the next character must be a dot or the end: `a.**` takes `a`, and not `ab`.
      if (dotPending) write("(?![^.])");
      dotPending = false;
      const withDot = pattern[index + 2] === ".";
      write(withDot ? `(?:${ANY}\\.|^)` : ANY);
      index += withDot ? 3 : 2;
      continue;
    }
    if (dotPending) write("\\.");
    dotPending = character === ".";
    index += character.length;
    if (character === "*") write("[^\\.]*");
    else if (character === "{") open.push([""]);
    else if (character === "}" && open.length > 1) write(union(open.pop() as string[]));
    else if (character === "," && open.length > 1) (open.at(-1) as string[]).push("");
    else if (character === "\\") {
      const escaped = pattern.codePointAt(index);
      if (escaped !== undefined) write(literal(String.fromCodePoint(escaped)));
      index += escaped !== undefined && escaped > 0xffff ? 2 : 1;
    } else if (!dotPending) write(literal(character));
  }
  while (open.length > 1) write(union((open.pop() as string[]).map(literal)));
  return `^${(open[0] as string[])[0]}(?=\\n?$)`;
}

function union(alternatives: readonly string[]): string {
  return `(?:${alternatives.join("|")})`;
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
