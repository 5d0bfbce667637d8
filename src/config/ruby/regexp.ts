/**
 * Ruby's regular expressions as JavaScript's. Both have the same core; this rewrites what differs, and refuses what
 * JavaScript cannot do (possessive quantifiers, atomic groups, subexpression calls, options within a part).
 *
 * | Ruby | becomes |
 * |---|---|
 * | `.` | `[^\n]`; with Ruby's m, any sign |
 * | `^` | flag m, but not behind other line ends than `\n`, and not behind the last of them: no line begins there |
 * | `$` | `(?![^\n])`, since only `\n` ends a line |
 * | `\A` `\z` `\Z` | `(?<![^])`, `(?![^])`, `(?=\n?(?![^]))` |
 * | `\h` `\s` `\R` `[[:alpha:]]` | sets with Ruby's members |
 * | `(…)` beside `(?<name>…)` | `(?:…)`: with names, only names capture |
 *
 * Known difference: without `\p`, `\u{…}` or such letters in the pattern, the flag u stays off, which halves the time on
 * texts beyond Latin-1; then one `.` is one UTF-16 unit.
 */

import { type BoundedRegExp, boundedRegExp } from "./bounded-regexp.ts";

/** Members of a set, as they stand between brackets. */
const CLASSES: Record<string, string> = { h: "0-9a-fA-F", s: " \\t\\r\\n\\f\\v", d: "0-9", w: "a-zA-Z0-9_" };

const POSIX: Record<string, string> = {
  alpha: "\\p{Alphabetic}",
  digit: "\\p{Nd}",
  alnum: "\\p{Alphabetic}\\p{Nd}",
  upper: "\\p{Uppercase}",
  lower: "\\p{Lowercase}",
  space: "\\s",
  blank: " \\t",
  cntrl: "\\p{Cc}",
  punct: "\\p{P}\\p{S}",
  xdigit: "0-9a-fA-F",
  word: "\\p{L}\\p{M}\\p{Nd}\\p{Pc}",
  graph: "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}",
  print: "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S} ",
  ascii: "\\x00-\\x7f",
};

/** V8 looks for `^` first, so what stands behind it costs nothing. */
const LINE_START = "^(?<![\\r\\u2028\\u2029]|\\n(?![^]))";

const SCRIPTS = /^(?:Han|Hiragana|Katakana|Hangul|Latin|Greek|Cyrillic|Arabic|Hebrew|Thai)$/i;

/**
 * The expression for Ruby's `/source/flags`; of the flags only i, m and x have effect. A match that would take too long
 * is no match. Throws Error with the reason.
 */
export function rubyRegexp(source: string, flags = ""): BoundedRegExp {
  const translation = new Translation(source, flags);
  const pattern = translation.run();
  const ignoreCase = translation.ignoreCase ? "i" : "";
  try {
    const regexp = boundedRegExp(pattern, `m${ignoreCase}${translation.unicode ? "u" : ""}`);
    regexp.isOfLetters = /[^\0-\x7f]|\\[pP]\{|\\u/.test(source);
    regexp.written = `/${source}/${flags}`;
    return regexp;
  } catch (error) {
    throw new Error(`invalid regexp: /${source}/: ${(error as Error).message.replace(/^.*: /, "")}`);
  }
}

interface Modes {
  /** Ruby's m. */
  readonly dotAll: boolean;
  /** Ruby's x: blanks and comments in the pattern mean nothing. */
  readonly extended: boolean;
}

class Translation {
  ignoreCase: boolean;
  unicode: boolean;
  private readonly source: string;
  private readonly hasNames: boolean;
  private offset = 0;
  private modes: Modes;
  /** The modes to come back to at each open group's end. */
  private readonly groups: Modes[] = [];

  constructor(source: string, flags: string) {
    this.source = source;
    this.hasNames = /\(\?(?:<[^=!]|')/.test(source);
    this.ignoreCase = flags.includes("i");
    this.modes = { dotAll: flags.includes("m"), extended: flags.includes("x") };
    this.unicode = /\\[pP]\{|\\u\{|\[:\^?(?!xdigit|blank|ascii|space)\w+:\]|[\u{10000}-\u{10ffff}]/u.test(source);
  }

  run(): string {
    let pattern = "";
    while (this.offset < this.source.length) pattern += this.part();
    return pattern;
  }

  private part(): string {
    const sign = this.source[this.offset++] as string;
    switch (sign) {
      case "\\":
        return this.escape();
      case "[":
        return this.set();
      case "(":
        return this.group();
      case ")":
        this.modes = this.groups.pop() ?? this.modes;
        return ")";
      case ".":
        return this.modes.dotAll ? "[^]" : "[^\\n]";
      case "^":
        return LINE_START;
      case "$":
        return "(?![^\\n])";
      case "*":
      case "+":
      case "?":
        return this.quantifier(sign);
      case "{":
        return this.braces();
      case "}":
      case "]":
        return `\\${sign}`;
      case "#":
        if (this.modes.extended) this.take(/[^\n]*/y);
        return this.modes.extended ? "" : "#";
      default:
        return this.modes.extended && /\s/.test(sign) ? "" : sign;
    }
  }

  private quantifier(sign: string): string {
    if (this.source[this.offset] === "+") throw this.unsupported(`possessive ${sign}+`);
    return sign + (this.take(/\?/y) ?? "");
  }

  /** `{2,3}`; `{,3}` starts at 0; any other brace is itself. */
  private braces(): string {
    const counts = this.take(/(?:\d+(?:,\d*)?|,\d+)\}/y);
    if (counts === undefined) return "\\{";
    return (counts.startsWith(",") ? `{0${counts}` : `{${counts}`) + (this.take(/\?/y) ?? "");
  }

  private group(): string {
    this.groups.push(this.modes);
    if (this.source[this.offset] !== "?") return this.hasNames ? "(?:" : "(";
    if (this.take(/\?#[^)]*\)/y) !== undefined) {
      this.groups.pop();
      return "";
    }
    const plain = this.take(/\?(?::|=|!|<=|<!)/y);
    if (plain !== undefined) return `(${plain}`;
    const name = this.take(/\?(?:<[^>]+>|'[^']+')/y);
    if (name !== undefined) return `(?<${name.slice(2, -1)}>`;
    return this.options();
  }

  /** `(?i)` and `(?m-ix:…)`. Case cannot change within a pattern; the other options can. */
  private options(): string {
    const options = this.take(/\?[imx]*(?:-[imx]*)?[:)]/y);
    if (options === undefined) throw this.unsupported(`group '(${this.source.slice(this.offset, this.offset + 3)}'`);
    const [on = "", off = ""] = options.slice(1, -1).split("-");
    const atStart = this.offset === options.length + 1;
    if (on.includes("i") && atStart && options.endsWith(")")) this.ignoreCase = true;
    else if (on.includes("i") !== this.ignoreCase && (on + off).includes("i")) {
      throw this.unsupported(`option i for a part, '(${options}'`);
    }
    this.modes = {
      dotAll: (this.modes.dotAll || on.includes("m")) && !off.includes("m"),
      extended: (this.modes.extended || on.includes("x")) && !off.includes("x"),
    };
    if (options.endsWith(":")) return "(?:";
    // Without a colon the options hold to the end of the group around, whose own modes stay on the stack.
    this.groups.pop();
    return "";
  }

  private escape(): string {
    const sign = this.source[this.offset++];
    if (sign === undefined) throw new Error(`invalid regexp: /${this.source}/: too short escape sequence`);
    if (sign === "A") return "(?<![^])";
    if (sign === "z") return "(?![^])";
    if (sign === "Z") return "(?=\\n?(?![^]))";
    if (sign === "R") return "(?:\\r\\n|[\\n\\v\\f\\r\\x85\\u2028\\u2029])";
    if (sign === "b" || sign === "B") return `\\${sign}`;
    if (sign === "k") return `\\k<${this.reference()}>`;
    if ("gGKXyY".includes(sign)) throw this.unsupported(`\\${sign}`);
    if (/[1-9]/.test(sign)) return `(?:\\${sign}${this.take(/\d+/y) ?? ""})`;
    const members = CLASSES[sign.toLowerCase()];
    if (members) return sign === sign.toLowerCase() ? `[${members}]` : `[^${members}]`;
    return this.letterEscape(sign);
  }

  private reference(): string {
    const name = this.take(/<[^>]+>|'[^']+'/y);
    if (name === undefined) throw this.unsupported("\\k without its name");
    return name.slice(1, -1);
  }

  /** Escapes that mean one letter or a property, outside and inside of sets. */
  private letterEscape(sign: string): string {
    if (sign === "p" || sign === "P") return this.property(sign);
    if (sign === "x") return `\\x${(this.take(/[0-9a-fA-F]{1,2}/y) ?? "").padStart(2, "0")}`;
    if (sign === "u") return `\\u${this.take(/\{[0-9a-fA-F]+\}|[0-9a-fA-F]{4}/y) ?? ""}`;
    if (sign === "0") return `\\x${hex(Number.parseInt(`0${this.take(/[0-7]{1,2}/y) ?? ""}`, 8))}`;
    if (sign === "e") return "\\x1b";
    if (sign === "a") return "\\x07";
    if ("ntrfv".includes(sign)) return `\\${sign}`;
    // A letter or sign that stands for itself; escaped only where it would mean something.
    return /[\^$\\.*+?()[\]{}|/]/.test(sign) ? `\\${sign}` : sign === "-" ? "\\x2d" : sign;
  }

  private property(sign: string): string {
    const name = this.take(/\{\^?[\w ]+\}/y);
    if (name === undefined) throw this.unsupported(`\\${sign} without its property`);
    const negated = name.startsWith("{^") !== (sign === "P");
    const bare = name.replace(/[{}^]/g, "");
    const members = POSIX[bare.toLowerCase()];
    if (members) {
      if (!/^\\p\{\w+\}$/.test(members)) throw this.unsupported(`\\${sign}${name}`);
      return negated ? members.replace("\\p", "\\P") : members;
    }
    return `\\${negated ? "P" : "p"}{${SCRIPTS.test(bare) ? `Script=${bare[0]?.toUpperCase()}${bare.slice(1).toLowerCase()}` : bare}}`;
  }

  /** A set `[…]`, whose opening bracket is read. */
  private set(): string {
    let set = this.take(/\^/y) === undefined ? "[" : "[^";
    // A bracket that closes at once is a member.
    if (this.take(/\]/y) !== undefined) set += "\\]";
    let afterClass = false;
    for (;;) {
      const sign = this.source[this.offset++];
      if (sign === undefined) throw new Error(`invalid regexp: /${this.source}/: premature end of char-class`);
      if (sign === "]") return `${set}]`;
      if (sign === "&" && this.source[this.offset] === "&") throw this.unsupported("&& within a set");
      const isRangeAfterClass = sign === "-" && (afterClass || this.take(/(?=\\[hsdwHSDW]|\[:|\])/y) !== undefined);
      afterClass = sign === "[" || (sign === "\\" && /[hsdwHSDWpP]/.test(this.source[this.offset] ?? ""));
      set += isRangeAfterClass ? "\\x2d" : this.member(sign);
    }
  }

  private member(sign: string): string {
    if (sign === "[") return this.posix();
    if (sign !== "\\") return sign;
    const escaped = this.source[this.offset++] ?? "";
    if (escaped === "b") return "\\x08";
    const members = CLASSES[escaped.toLowerCase()];
    if (members === undefined) return escaped === "R" ? "\\r\\n" : this.letterEscape(escaped);
    if (escaped === escaped.toLowerCase()) return members;
    if (escaped === "H") throw this.unsupported("\\H within a set");
    return `\\${escaped}`;
  }

  private posix(): string {
    const name = this.take(/:\^?\w+:\]/y);
    if (name === undefined) throw this.unsupported("a set within a set");
    const members = POSIX[name.replace(/\W/g, "")];
    if (members === undefined) throw this.unsupported(`[[${name}]`);
    if (!name.startsWith(":^")) return members;
    if (!/^\\(?:p\{\w+\}|s)$/.test(members)) throw this.unsupported(`[[${name}]`);
    return members.replace("\\p", "\\P").replace("\\s", "\\S");
  }

  private take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.offset;
    const found = pattern.exec(this.source)?.[0];
    if (found !== undefined) this.offset += found.length;
    return found;
  }

  private unsupported(what: string): Error {
    return new Error(`regexp /${this.source}/: ${what} is not supported`);
  }
}

const hex = (code: number): string => code.toString(16).padStart(2, "0");
