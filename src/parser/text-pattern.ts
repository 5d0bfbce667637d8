/**
 * Ruby's regular expressions, matched against bytes in bounded time. The only importer of oniguruma-to-es.
 *
 * Texts are strings whose every character is one byte (latin1), so that a line of a file is matched as it is, whatever
 * its letters. Where the text is UTF-8 by declaration, and has letters beyond ASCII, it is decoded for the match.
 *
 * Time: a match that takes too long is no match; see `boundedRegExp`.
 */

import { toRegExpDetails } from "oniguruma-to-es";
import { type ParseValue, parameterType } from "../config/parameters.ts";
import { type BoundedRegExp, boundedRegExp } from "../config/ruby/bounded-regexp.ts";
import { MalformedError } from "../errors.ts";
import { BEYOND_ASCII, toByteText } from "./byte-text.ts";
import type { TextEncoding } from "./parser.ts";

/** A regular expression as the configuration has it, known to be translatable. */
export interface PatternSource {
  readonly source: string;
  readonly flags: string;
}

/** Values of the named groups, in the order of `names`; undefined for a group that took no part. */
export interface PatternMatch {
  readonly groups: readonly (string | undefined)[];
  /** Bytes of the match. */
  readonly length: number;
  /** What stands behind the match. */
  readonly rest: string;
}

export class TextPattern {
  /** Each name once, in the order of the groups. */
  readonly names: readonly string[];
  readonly #groups: NamedGroups;
  /** For each name the keys of its groups; the last one that took part counts. */
  readonly #groupKeys: readonly (readonly string[])[];
  readonly #flags: string;
  readonly #encoding: TextEncoding;
  /** The expression wants letters, not bytes: fluentd cannot match it with a line of bytes beyond ASCII. */
  readonly #wantsLetters: boolean;
  /** Whether a match may depend on what stands before it. */
  readonly #looksBack: boolean;
  /** The one sign of ASCII that the expression stands for. */
  readonly #sign: string | undefined;
  readonly #compiled = new Map<string, BoundedRegExp>();
  readonly #deadlineMs: number | undefined;

  /** `deadlineMs`: see `boundedRegExp`. Throws Error with the reason, when there is no such expression in JavaScript. */
  constructor({ source, flags }: PatternSource, encoding: TextEncoding, deadlineMs?: number) {
    this.#deadlineMs = deadlineMs;
    this.#groups = renameGroups(source);
    this.names = [...this.#groups.numbers.keys()];
    this.#groupKeys = [...this.#groups.numbers.values()].map((numbers) => numbers.map((number) => `g${number}`));
    this.#flags = flags;
    this.#encoding = encoding;
    this.#looksBack = /\^|\\[AbBGK]|\(\?<[=!]/.test(source);
    this.#sign = source === "\\t" ? "\t" : /^[ \t,;:=&]$/.exec(source)?.[0];
    this.#wantsLetters = /[^\0-\x7f]|\\p\{|\\P\{|\\u/.test(source);
    this.#regexp("bytes");
  }

  test(text: string): boolean {
    return this.#exec(text) !== null;
  }

  /** Throws MalformedError where Ruby refuses to match: bytes that are no letters, and the expression or text has them. */
  match(text: string): PatternMatch | undefined {
    const match = this.#exec(text);
    if (!match) return undefined;
    const isDecoded = match.input.length !== text.length;
    const groups = this.#values(match, isDecoded);
    const rest = match.input.slice(match.index + match[0].length);
    const [found] = match;
    return {
      groups,
      length: isDecoded ? Buffer.byteLength(found) : found.length,
      rest: isDecoded ? toByteText(rest) : rest,
    };
  }

  /** The groups of a match alone. Throws as `match` does. */
  groups(text: string): PatternMatch["groups"] | undefined {
    const match = this.#exec(text);
    return match ? this.#values(match, match.input.length !== text.length) : undefined;
  }

  /** What stands between the matches; empty pieces at the end are dropped, as Ruby's `split` does. */
  split(text: string): string[] {
    const pieces = this.#sign === undefined ? this.#pieces(text) : text.split(this.#sign);
    while (pieces.at(-1) === "") pieces.pop();
    return pieces;
  }

  #pieces(text: string): string[] {
    if (this.#looksBack) return this.#piecesOneByOne(text);
    const { regexp, input } = this.#prepare(text);
    const pieces: string[] = [];
    let start = 0;
    for (const { 0: found, index } of regexp.matches(input)) {
      if (found === "") break;
      pieces.push(input.slice(start, index));
      start = index + found.length;
    }
    pieces.push(input.slice(start));
    return input.length === text.length ? pieces : pieces.map(toByteText);
  }

  /** Each match in what is behind the one before. */
  #piecesOneByOne(text: string): string[] {
    const pieces: string[] = [];
    let rest = text;
    for (let match = this.match(rest); match && match.length > 0; match = this.match(rest)) {
      pieces.push(rest.slice(0, rest.length - match.rest.length - match.length));
      rest = match.rest;
    }
    pieces.push(rest);
    return pieces;
  }

  #values({ groups }: RegExpExecArray, isDecoded: boolean): (string | undefined)[] {
    const values: (string | undefined)[] = [];
    for (const keys of this.#groupKeys) {
      let value: string | undefined;
      for (let index = keys.length - 1; index >= 0 && value === undefined; index--) {
        value = groups?.[keys[index] as string];
      }
      values.push(isDecoded && value !== undefined ? toByteText(value) : value);
    }
    return values;
  }

  #exec(text: string): RegExpExecArray | null {
    const { regexp, input } = this.#prepare(text);
    return regexp.exec(input);
  }

  /** The expression for this text, and the text as that wants it. */
  #prepare(text: string): { regexp: BoundedRegExp; input: string } {
    const takesBytes = this.#encoding === "binary" && !this.#wantsLetters;
    if (takesBytes || !BEYOND_ASCII.test(text)) {
      return { regexp: this.#regexp(text.includes("\n") ? "lines" : "bytes"), input: text };
    }
    if (this.#encoding === "utf-8") return { regexp: this.#regexp("letters"), input: toLetters(text) };
    throw new MalformedError("incompatible encoding regexp match (UTF-8 regexp with ASCII-8BIT string)");
  }

  /** `bytes` knows that there is one line only, which makes `^` and `$` cheap. */
  #regexp(kind: "bytes" | "lines" | "letters"): BoundedRegExp {
    let regexp = this.#compiled.get(kind);
    if (!regexp) {
      regexp = translate(this.#groups.source, this.#flags, kind, this.#deadlineMs);
      this.#compiled.set(kind, regexp);
    }
    return regexp;
  }
}

function translate(
  source: string,
  flags: string,
  kind: "bytes" | "lines" | "letters",
  deadlineMs: number | undefined,
): BoundedRegExp {
  const isLetters = kind === "letters";
  const details = plainDetails(isLetters ? source : asciiBrackets(source), {
    // Ruby's \d, \s and \w are ASCII's in every text.
    flags: `${flags}DSW`,
    rules: { singleline: kind === "bytes", asciiWordBoundaries: !isLetters },
    avoidSubclass: true,
  });
  const pattern = kind === "bytes" ? details.pattern.replaceAll("(?=\\n?$)", "$") : details.pattern;
  return boundedRegExp(pattern, details.flags, deadlineMs);
}

/**
 * Without the flag `v` where the expression needs nothing of it: V8 11 (Node 20) forgets letters of negated classes in
 * loops, such as `(?:\\\\[^\\\\?*]*)+`, when that flag is set.
 */
function plainDetails(source: string, options: Parameters<typeof toRegExpDetails>[1]) {
  try {
    return toRegExpDetails(source, { ...options, target: "ES2018" });
  } catch {
    return toRegExpDetails(source, { ...options, target: "ES2024" });
  }
}

/** In bytes, POSIX brackets know ASCII only. */
function asciiBrackets(source: string): string {
  return source.replace(/\[:(\w+):\]/g, (whole, name: string) => ASCII_BRACKETS[name] ?? whole);
}

const ASCII_BRACKETS: Record<string, string> = {
  alpha: "a-zA-Z",
  digit: "0-9",
  alnum: "a-zA-Z0-9",
  upper: "A-Z",
  lower: "a-z",
  space: " \\t\\n\\v\\f\\r",
  blank: " \\t",
  cntrl: "\\x00-\\x1f\\x7f",
  word: "a-zA-Z0-9_",
  graph: "!-~",
  print: " -~",
};

interface NamedGroups {
  readonly source: string;
  /** Numbers of the groups of each name. */
  readonly numbers: ReadonlyMap<string, readonly number[]>;
}

/** Gives every named group a name of its own: Ruby allows names that stand twice, and signs that JavaScript does not. */
function renameGroups(source: string): NamedGroups {
  const numbers = new Map<string, number[]>();
  let count = 0;
  const renamed = source.replace(
    /\\[kg](?:<([^>]+)>|'([^']+)')|\\.|\(\?(?:<(?![=!])([^>]*)>|'([^']*)')/gs,
    (...found) => {
      const [whole, byAngle, byQuote, angleName, quoteName] = found as (string | undefined)[];
      const reference = byAngle ?? byQuote;
      const name = angleName ?? quoteName;
      if (name !== undefined) {
        if (!/^[^\d\-)]/.test(name)) throw new Error(`group name <${name}> is not valid`);
        numbers.set(name, [...(numbers.get(name) ?? []), count]);
        return `(?<g${count++}>`;
      }
      const target = reference === undefined ? undefined : numbers.get(reference)?.at(-1);
      return target === undefined ? (whole as string) : `${(whole as string).slice(0, 2)}<g${target}>`;
    },
  );
  return { source: renamed, numbers };
}

/** Throws MalformedError when the bytes are no UTF-8. */
function toLetters(text: string): string {
  const bytes = Buffer.from(text, "latin1");
  const letters = bytes.toString();
  if (letters.includes("\ufffd") && !Buffer.from(letters).equals(bytes)) {
    throw new MalformedError("invalid byte sequence in UTF-8");
  }
  return letters;
}

/** Reads `/…/im`, or an expression without slashes. Throws Error with the reason. */
export function parsePattern(text: string): PatternSource {
  let pattern: PatternSource = { source: text, flags: "" };
  if (text.startsWith("/")) {
    const end = text.lastIndexOf("/");
    if (end < text.length - 3) throw new Error(`invalid regexp: missing right slash: ${text}`);
    pattern = { source: text.slice(1, Math.max(1, end)), flags: text.slice(end + 1).replace(/[^im]/g, "") };
  }
  new TextPattern(pattern, "binary");
  return pattern;
}

const parse: ParseValue<PatternSource> = (text) => {
  try {
    return parsePattern(text);
  } catch (error) {
    throw new Error(`invalid regexp: /${text}/: ${(error as Error).message}`);
  }
};

/** A parameter that holds a regular expression of Ruby for texts of bytes. */
export const pattern = parameterType<PatternSource>("regexp", parse);
