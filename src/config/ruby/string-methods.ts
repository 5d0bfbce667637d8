/** Methods of texts. Positions and lengths count characters, as Ruby does for UTF-8. */

import { slicePart } from "./array-methods.ts";
import { floatValue } from "./number-methods.ts";
import {
  checkSize,
  compare,
  equals,
  integerOf,
  isHash,
  MAX_TEXT,
  type MethodTable,
  type RubyBlock,
  RubyError,
  RubyRange,
  type RubyValue,
  textOf,
  toText,
} from "./values.ts";

const LEADING_SPACE = /^[\t\n\v\f\r ]+/;
const TRAILING_SPACE = /[\0\t\n\v\f\r ]+$/;

const capitalized = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1).toLowerCase();

export const stringMethods: MethodTable<string> = {
  "+": (self, [other]) => self + textOf(other),
  "<<": (self, [other]) => self + textOf(other),
  concat: (self, others) => self + others.map(textOf).join(""),
  "*": (self, [count]) => {
    checkSize(self.length * integerOf(count), MAX_TEXT, "characters of text");
    return self.repeat(Math.max(0, integerOf(count)));
  },
  "==": (self, [other = null]) => equals(self, other),
  "<": (self, [other = null]) => compare(self, other) < 0,
  "<=": (self, [other = null]) => compare(self, other) <= 0,
  ">": (self, [other = null]) => compare(self, other) > 0,
  ">=": (self, [other = null]) => compare(self, other) >= 0,
  "<=>": (self, [other = null]) => (typeof other === "string" ? compare(self, other) : null),
  "=~": (self, [pattern]) => {
    const index = pattern instanceof RegExp ? self.search(pattern) : -1;
    return index < 0 ? null : index;
  },
  "match?": (self, [pattern]) => patternOf(pattern).test(self),
  match: (self, [pattern]) => {
    const match = patternOf(pattern).exec(self);
    return match && { ...Object.fromEntries(match.map((group, index) => [index, group ?? null])), ...match.groups };
  },
  scan: (self, [pattern]) =>
    [...self.matchAll(everywhere(pattern))].map((match) =>
      match.length === 1 ? match[0] : match.slice(1).map((group) => group ?? null),
    ),
  "[]": slice,
  slice: slice,
  length: (self) => characters(self).length,
  size: (self) => characters(self).length,
  bytesize: (self) => Buffer.byteLength(self),
  "empty?": (self) => self === "",
  "include?": (self, [part]) => self.includes(textOf(part)),
  "start_with?": (self, parts) =>
    parts.some((part) => (part instanceof RegExp ? part.exec(self)?.index === 0 : self.startsWith(textOf(part)))),
  "end_with?": (self, parts) => parts.some((part) => self.endsWith(textOf(part))),
  index: (self, [part]) => {
    const index = part instanceof RegExp ? self.search(part) : self.indexOf(textOf(part));
    return index < 0 ? null : index;
  },
  upcase: (self) => self.toUpperCase(),
  downcase: (self) => self.toLowerCase(),
  capitalize: (self) => capitalized(self),
  reverse: (self) => characters(self).reverse().join(""),
  strip: (self) => self.replace(LEADING_SPACE, "").replace(TRAILING_SPACE, ""),
  lstrip: (self) => self.replace(LEADING_SPACE, ""),
  rstrip: (self) => self.replace(TRAILING_SPACE, ""),
  chomp: (self, [end]) => (end === undefined ? self.replace(/(?:\r\n|\n|\r)$/, "") : withoutEnd(self, textOf(end))),
  chop: (self) => characters(self).slice(0, -1).join(""),
  delete_prefix: (self, [part]) => (self.startsWith(textOf(part)) ? self.slice(textOf(part).length) : self),
  delete_suffix: (self, [part]) => withoutEnd(self, textOf(part)),
  sub: (self, [pattern, replacement], block) => replace(self, patternOf(pattern), replacement, block),
  gsub: (self, [pattern, replacement], block) => replace(self, everywhere(pattern), replacement, block),
  tr: (self, [from, to]) => translate(self, textOf(from), textOf(to)),
  delete: (self, [set]) => translate(self, textOf(set), ""),
  squeeze: (self) => self.replace(/([\s\S])\1+/gu, "$1"),
  split: (self, [separator, limit]) => split(self, separator, limit === undefined ? 0 : integerOf(limit)),
  chars: (self) => characters(self),
  lines: (self) => self.match(/[^\n]*\n|[^\n]+$/g) ?? [],
  partition: (self, [separator]) => {
    const match = patternOf(separator).exec(self);
    return match ? [self.slice(0, match.index), match[0], self.slice(match.index + match[0].length)] : [self, "", ""];
  },
  ljust: (self, [width, fill = " "]) => self.padEnd(widthOf(width), textOf(fill)),
  rjust: (self, [width, fill = " "]) => self.padStart(widthOf(width), textOf(fill)),
  to_s: (self) => self,
  to_str: (self) => self,
  to_sym: (self) => self,
  intern: (self) => self,
  to_i: (self, [base]) => integerPrefix(self, base === undefined ? 10 : integerOf(base)),
  to_f: (self) =>
    floatValue(Number(/^\s*[+-]?\d[\d_]*(\.\d+)?([eE][+-]?\d+)?/.exec(self)?.[0].replaceAll("_", "") ?? 0)),
  hex: (self) => integerPrefix(self.replace(/^0x/i, ""), 16),
  ord: (self) => self.codePointAt(0) ?? 0,
  // Texts are UTF-8 here, always.
  encode: (self) => self,
  force_encoding: (self) => self,
  scrub: (self) => self.replace(/\p{Surrogate}/gu, "\ufffd"),
};

const characters = (text: string): string[] => Array.from(text);

function withoutEnd(text: string, end: string): string {
  return end !== "" && text.endsWith(end) ? text.slice(0, -end.length) : text;
}

function widthOf(value: RubyValue | undefined): number {
  checkSize(integerOf(value), MAX_TEXT, "characters of text");
  return integerOf(value);
}

/** A pattern to look for: a regexp, or a text that stands for itself. */
function patternOf(value: RubyValue | undefined): RegExp {
  return value instanceof RegExp ? value : new RegExp(textOf(value).replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "u");
}

function everywhere(value: RubyValue | undefined): RegExp {
  const pattern = patternOf(value);
  return new RegExp(pattern.source, `${pattern.flags}g`);
}

function replace(text: string, pattern: RegExp, by: RubyValue | undefined, block: RubyBlock | undefined): string {
  let length = text.length;
  return text.replace(pattern, (...match: (string | undefined)[]) => {
    const found = match[0] as string;
    let result: string;
    if (by === undefined && block) result = toText(block(found));
    else if (by !== undefined && isHash(by)) result = toText(Object.hasOwn(by, found) ? (by[found] ?? null) : null);
    else result = expand(textOf(by), match);
    length += result.length;
    checkSize(length, MAX_TEXT, "characters of text");
    return result;
  });
}

/** `\1`, `\0` and `\k<name>` of a replacement. */
function expand(template: string, match: readonly unknown[]): string {
  const groups = match.at(-1) as Record<string, string> | string | undefined;
  return template.replace(/\\(?:(\d)|k<(\w+)>|(\\))/g, (_, digit?: string, name?: string) => {
    if (digit !== undefined) return typeof match[Number(digit)] === "string" ? (match[Number(digit)] as string) : "";
    if (name !== undefined) return typeof groups === "object" ? (groups[name] ?? "") : "";
    return "\\";
  });
}

/** `tr`: sets of letters and ranges, `^` for all others; a shorter target repeats its last letter. */
function translate(text: string, from: string, to: string): string {
  const negated = from.length > 1 && from.startsWith("^");
  const source = expandSet(negated ? from.slice(1) : from);
  const target = expandSet(to);
  return characters(text)
    .map((letter) => {
      const index = source.lastIndexOf(letter);
      if (negated ? index >= 0 : index < 0) return letter;
      return (negated ? target.at(-1) : (target[index] ?? target.at(-1))) ?? "";
    })
    .join("");
}

function expandSet(set: string): string[] {
  return set.replace(/([^\\])-([^\\])/gu, (whole, first: string, last: string) => {
    const [start, end] = [first.codePointAt(0) as number, last.codePointAt(0) as number];
    if (start > end) throw new RubyError("ArgumentError", `invalid range "${whole}" in string transliteration`);
    return Array.from({ length: end - start + 1 }, (_, index) => String.fromCodePoint(start + index)).join("");
  }).replace(/\\([\\^-])/g, "$1").match(/[\s\S]/gu) ?? []; // biome-ignore format: one chain
}

/** Without separator at blanks; empty texts at the end are dropped unless there is a limit. */
function split(text: string, separator: RubyValue | undefined, limit: number): string[] {
  const atBlanks = separator === undefined || separator === null || separator === " ";
  const rest = atBlanks ? text.replace(LEADING_SPACE, "") : text;
  if (rest === "") return [];
  const parts: string[] = [];
  let start = 0;
  for (const match of rest.matchAll(atBlanks ? /[\0\t\n\v\f\r ]+/g : everywhere(separator))) {
    if (limit > 0 && parts.length === limit - 1) break;
    if (match[0] === "" && (match.index === 0 || match.index === rest.length)) continue;
    parts.push(rest.slice(start, match.index), ...match.slice(1).filter((group) => group !== undefined));
    start = match.index + match[0].length;
  }
  parts.push(rest.slice(start));
  while (limit === 0 && parts.at(-1) === "") parts.pop();
  return parts;
}

function integerPrefix(text: string, base: number): number {
  if (base < 2 || base > 36) throw new RubyError("ArgumentError", `invalid radix ${base}`);
  const value = Number.parseInt(text.replaceAll("_", ""), base);
  return Number.isNaN(value) ? 0 : value;
}

/** `[index]`, `[start, length]`, `[range]`, `[regexp, group]`, `[part]`. */
function slice(self: string, parameters: RubyValue[]): RubyValue {
  const [first, second] = parameters;
  if (first instanceof RegExp) {
    const match = first.exec(self);
    if (typeof second === "string") return match?.groups?.[second] ?? null;
    return match?.[second === undefined ? 0 : integerOf(second)] ?? null;
  }
  if (typeof first === "string") return self.includes(first) ? first : null;
  const letters = characters(self);
  const part = slicePart(letters.length, parameters);
  if (!part || (part[0] === letters.length && second === undefined && !(first instanceof RubyRange))) return null;
  return letters.slice(...part).join("");
}
