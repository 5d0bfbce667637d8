/** Methods of texts. Positions and lengths count characters, as Ruby does for UTF-8. */

import { slicePart } from "./array-methods.ts";
import { BoundedRegExp } from "./bounded-regexp.ts";
import { formatText } from "./format.ts";
import { checkedText, lastMatch, matchText } from "./match.ts";
import { floatValue, integerValue } from "./number-methods.ts";
import { rubyRegexp } from "./regexp.ts";
import { hasRawBytes, textBytes } from "./text.ts";
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
  RubyMatch,
  RubyRange,
  type RubyValue,
  textOf,
  toText,
  UnsupportedRubyError,
} from "./values.ts";

const LEADING_SPACE = /^[\t\n\v\f\r ]+/;
const TRAILING_SPACE = "\0\t\n\v\f\r ";

const capitalized = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1).toLowerCase();

export const stringMethods: MethodTable<string> = {
  "+": (self, [other]) => self + textOf(other),
  "<<": refuseChange,
  concat: refuseChange,
  prepend: refuseChange,
  replace: refuseChange,
  clear: refuseChange,
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
  "=~": (self, [pattern]) => (pattern instanceof RegExp ? (matchText(pattern, self)?.match.index ?? null) : null),
  "match?": (self, [pattern]) => regexpOf(pattern).test(checkedText(self)),
  match: (self, [pattern]) => matchText(regexpOf(pattern), self),
  scan: (self, [pattern], block) => {
    const found = matchesOf(pattern, checkedText(self)).map((match) =>
      match.length === 1 ? match[0] : match.slice(1).map((group) => group ?? null),
    );
    if (!block) return found;
    for (const item of found) block(item);
    return self;
  },
  "%": (self, [values = null]) => formatText(self, Array.isArray(values) ? values : [values]),
  rpartition: (self, [separator]) => {
    const found = matchesOf(separator, self).at(-1);
    return found ? [self.slice(0, found.index), found[0], self.slice(found.index + found[0].length)] : ["", "", self];
  },
  rindex: (self, [part]) => {
    const index = self.lastIndexOf(textOf(part));
    return index < 0 ? null : characters(self.slice(0, index)).length;
  },
  casecmp: (self, [other]) => compare(self.toLowerCase(), textOf(other).toLowerCase()),
  "casecmp?": (self, [other]) => self.toLowerCase() === textOf(other).toLowerCase(),
  swapcase: (self) =>
    characters(self)
      .map((letter) => (letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase()))
      .join(""),
  center: (self, [width, fill = " "]) => {
    const missing = Math.max(0, widthOf(width) - characters(self).length);
    return self
      .padStart(self.length + Math.floor(missing / 2), textOf(fill))
      .padEnd(self.length + missing, textOf(fill));
  },
  insert: (self, [index, part]) => {
    const letters = characters(self);
    const at = integerOf(index);
    letters.splice(at < 0 ? letters.length + at + 1 : at, 0, textOf(part));
    return letters.join("");
  },
  count: (self, [set]) => characters(self).length - characters(translate(checkedText(self), textOf(set), "")).length,
  bytes: (self) => [...textBytes(self)],
  "ascii_only?": (self) => /^[\0-\x7f]*$/.test(self),
  "valid_encoding?": (self) => !hasRawBytes(self),
  encoding: () => "UTF-8",
  unicode_normalize: (self, [form = "nfc"]) => checkedText(self).normalize(textOf(form).toUpperCase()),
  each_char: (self, _, block) => {
    if (!block) return characters(self);
    for (const letter of characters(self)) block(letter);
    return self;
  },
  each_line: (self, _, block) => {
    if (!block) return linesOf(self);
    for (const line of linesOf(self)) block(line);
    return self;
  },
  "[]": slice,
  slice: slice,
  length: (self) => characters(self).length,
  size: (self) => characters(self).length,
  bytesize: (self) => textBytes(self).length,
  "empty?": (self) => self === "",
  "include?": (self, [part]) => self.includes(textOf(part)),
  "start_with?": (self, parts) =>
    parts.some((part) =>
      part instanceof RegExp ? matchText(part, self)?.match.index === 0 : self.startsWith(textOf(part)),
    ),
  "end_with?": (self, parts) => parts.some((part) => self.endsWith(textOf(part))),
  index: (self, [part, start = 0]) => {
    const letters = characters(self);
    const rest = integerOf(start) === 0 ? self : letters.slice(integerOf(start)).join("");
    const index = part instanceof RegExp ? (part.exec(rest)?.index ?? -1) : rest.indexOf(textOf(part));
    return index < 0 ? null : characters(rest.slice(0, index)).length + integerOf(start);
  },
  upcase: (self) => checkedText(self).toUpperCase(),
  downcase: (self) => checkedText(self).toLowerCase(),
  capitalize: (self) => capitalized(checkedText(self)),
  reverse: (self) => characters(self).reverse().join(""),
  strip: (self) => withoutTrailingSpace(self.replace(LEADING_SPACE, "")),
  lstrip: (self) => self.replace(LEADING_SPACE, ""),
  rstrip: (self) => withoutTrailingSpace(self),
  chomp: (self, [end]) => (end === undefined ? self.replace(/(?:\r\n|\n|\r)$/, "") : withoutEnd(self, textOf(end))),
  chop: (self) => characters(self).slice(0, -1).join(""),
  delete_prefix: (self, [part]) => (self.startsWith(textOf(part)) ? self.slice(textOf(part).length) : self),
  delete_suffix: (self, [part]) => withoutEnd(self, textOf(part)),
  sub: (self, [pattern, replacement], block) => {
    const match = patternOf(pattern).exec(searchable(self, pattern));
    return match ? replace(self, [match], replacement, block) : self;
  },
  gsub: (self, [pattern, replacement], block) =>
    replace(self, matchesOf(pattern, searchable(self, pattern)), replacement, block),
  tr: (self, [from, to]) => translate(checkedText(self), textOf(from), textOf(to)),
  delete: (self, [set]) => translate(checkedText(self), textOf(set), ""),
  squeeze: (self, [set]) =>
    checkedText(self).replace(/([\s\S])\1+/gu, (run: string, sign: string) =>
      set === undefined || translate(sign, textOf(set), "") === "" ? sign : run,
    ),
  split: (self, [separator, limit]) => split(checkedText(self), separator, limit === undefined ? 0 : integerOf(limit)),
  chars: (self) => characters(self),
  lines: (self) => linesOf(self),
  partition: (self, [separator]) => {
    const match = patternOf(separator).exec(self);
    return match ? [self.slice(0, match.index), match[0], self.slice(match.index + match[0].length)] : [self, "", ""];
  },
  ljust: (self, [width, fill = " "]) => self + padding(self, width, fill),
  rjust: (self, [width, fill = " "]) => padding(self, width, fill) + self,
  to_s: (self) => self,
  to_str: (self) => self,
  to_sym: (self) => self,
  intern: (self) => self,
  to_i: (self, [base]) => integerPrefix(self, base === undefined ? 10 : integerOf(base)),
  to_f: (self) =>
    floatValue(
      Number(/^\s*[+-]?(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?/.exec(self)?.[0].replaceAll("_", "") ?? 0),
    ),
  hex: (self) => integerPrefix(self.replace(/^0x/i, ""), 16),
  ord: (self) => {
    const code = self.codePointAt(0);
    if (code === undefined) throw new RubyError("ArgumentError", "empty string");
    return code;
  },
  // Their work is done where texts of bytes are known; here they are names.
  b: (self) => self,
  encode: (self) => self,
  force_encoding: (self) => self,
  scrub: (self, [by = "\ufffd"]) => self.replace(/\p{Surrogate}/gu, () => textOf(by)),
};

/** Texts are values here; one that changed in place would change the record that it came from. */
function refuseChange(): never {
  throw new UnsupportedRubyError("a text cannot be changed in place; write text = text + more");
}

/** An expression for them would look again from each blank within the text. */
function withoutTrailingSpace(text: string): string {
  let end = text.length;
  while (end > 0 && TRAILING_SPACE.includes(text[end - 1] as string)) end -= 1;
  return text.slice(0, end);
}

const characters = (text: string): string[] => Array.from(text);
const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

function withoutEnd(text: string, end: string): string {
  return end !== "" && text.endsWith(end) ? text.slice(0, -end.length) : text;
}

/** What `self` lacks of `width` letters. */
function padding(self: string, width: RubyValue | undefined, fill: RubyValue): string {
  const letters = characters(textOf(fill));
  if (letters.length === 0) throw new RubyError("ArgumentError", "zero width padding");
  const missing = Math.max(0, widthOf(width) - characters(self).length);
  return Array.from({ length: missing }, (_, index) => letters[index % letters.length]).join("");
}

function widthOf(value: RubyValue | undefined): number {
  checkSize(integerOf(value), MAX_TEXT, "characters of text");
  return integerOf(value);
}

/** A pattern to look for: a regexp, or a text that stands for itself. */
function patternOf(value: RubyValue | undefined): RegExp {
  return value instanceof RegExp ? value : new RegExp(textOf(value).replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "u");
}

/** A pattern to match: a text is the source of a regexp. */
function regexpOf(value: RubyValue | undefined): RegExp {
  return value instanceof RegExp ? value : rubyRegexp(textOf(value));
}

/** The last text that was looked for everywhere: an expression looks for the same one in event after event. */
let lastText: { readonly text: string; readonly pattern: RegExp } | undefined;

/** Every match of a regexp, or of a text, in `text`. */
function matchesOf(value: RubyValue | undefined, text: string): RegExpExecArray[] {
  if (value instanceof BoundedRegExp) return value.matches(text);
  if (lastText === undefined || lastText.text !== value) {
    lastText = { text: textOf(value), pattern: new RegExp(patternOf(value).source, "gu") };
  }
  return [...text.matchAll(lastText.pattern)];
}

/** Only an expression needs valid UTF-8. */
const searchable = (text: string, pattern: RubyValue | undefined): string =>
  typeof pattern === "string" ? text : checkedText(text);

/** `text` with another text in the place of each match. */
function replace(
  text: string,
  matches: readonly RegExpExecArray[],
  by: RubyValue | undefined,
  block: RubyBlock | undefined,
): string {
  let result = "";
  let end = 0;
  for (const match of matches) {
    const [found] = match;
    let replacement: string;
    if (by === undefined && block) {
      lastMatch.value = new RubyMatch(match);
      replacement = toText(block(found));
    } else if (isHash(by)) replacement = toText(by.get(found) ?? null);
    else replacement = expand(textOf(by), match);
    result += text.slice(end, match.index) + replacement;
    end = match.index + found.length;
    checkSize(result.length + text.length - end, MAX_TEXT, "characters of text");
  }
  return result + text.slice(end);
}

/** `\1`, `\0` and `\k<name>` of a replacement. */
function expand(template: string, match: RegExpExecArray): string {
  return template.replace(/\\(?:(\d)|k<(\w+)>|(\\))/g, (_, digit?: string, name?: string) => {
    if (digit !== undefined) return match[Number(digit)] ?? "";
    if (name !== undefined) return match.groups?.[name] ?? "";
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

const BLANKS = /[\0\t\n\v\f\r ]+/g;

/** Without separator at blanks; empty texts at the end are dropped unless there is a limit. */
function split(text: string, separator: RubyValue | undefined, limit: number): string[] {
  const atBlanks = separator === undefined || separator === null || separator === " ";
  const rest = atBlanks ? text.replace(LEADING_SPACE, "") : text;
  if (rest === "") return [];
  const isPlain = limit <= 0 && (atBlanks || (typeof separator === "string" && separator !== ""));
  const parts = isPlain
    ? rest.split(atBlanks ? BLANKS : (separator as string))
    : partsOf(rest, atBlanks ? rest.matchAll(BLANKS) : matchesOf(separator, rest), limit);
  while (limit === 0 && parts.at(-1) === "") parts.pop();
  return parts;
}

/** With the groups of what parts it. */
function partsOf(text: string, matches: Iterable<RegExpExecArray>, limit: number): string[] {
  const parts: string[] = [];
  let start = 0;
  for (const match of matches) {
    if (limit > 0 && parts.length === limit - 1) break;
    if (match[0] === "" && (match.index === 0 || match.index === text.length)) continue;
    parts.push(text.slice(start, match.index), ...match.slice(1).filter((group) => group !== undefined));
    start = match.index + match[0].length;
  }
  parts.push(text.slice(start));
  return parts;
}

function integerPrefix(text: string, base: number): number | bigint {
  if (base < 2 || base > 36) throw new RubyError("ArgumentError", `invalid radix ${base}`);
  const value = Number.parseInt(text.replaceAll("_", ""), base);
  if (base === 10 && !Number.isSafeInteger(value) && !Number.isNaN(value)) {
    return integerValue(BigInt(/^\s*([+-]?\d+)/.exec(text.replaceAll("_", ""))?.[1]?.replace("+", "") ?? 0));
  }
  return Number.isNaN(value) ? 0 : value;
}

/** `[index]`, `[start, length]`, `[range]`, `[regexp, group]`, `[part]`. */
function slice(self: string, parameters: RubyValue[]): RubyValue {
  const [first, second] = parameters;
  if (first instanceof RegExp) {
    const match = matchText(first, self);
    return match?.group(typeof second === "string" ? second : second === undefined ? 0 : integerOf(second)) ?? null;
  }
  if (typeof first === "string") return self.includes(first) ? first : null;
  const letters = characters(self);
  const part = slicePart(letters.length, parameters);
  if (!part || (part[0] === letters.length && second === undefined && !(first instanceof RubyRange))) return null;
  return letters.slice(...part).join("");
}
