/** Embedded Ruby as tokens. Strings keep their interpolations as token lists, so that quotes and braces nest. */

import { RubyFloat, type RubyValue, UnsupportedRubyError } from "./values.ts";

export type TokenType =
  | "literal"
  | "text"
  | "regexp"
  | "words"
  | "identifier"
  | "constant"
  | "label"
  | "keyword"
  | "operator"
  | "newline"
  | "end";

export interface Token {
  readonly type: TokenType;
  readonly text: string;
  /** Of a literal. */
  readonly value?: RubyValue;
  /** Of a text or regexp: its letters, and the tokens of its interpolations. */
  readonly parts?: readonly (string | readonly Token[])[];
  readonly spaceBefore: boolean;
  readonly spaceAfter: boolean;
}

/** How deep interpolations may nest within one another. */
const MAX_NESTING = 16;

const KEYWORDS = new Set(
  "nil true false if unless elsif else then end do begin rescue ensure and or not while until case when def class module lambda proc return self".split(
    " ",
  ),
);

const OPERATORS =
  "**= ||= &&= ... <=> === += -= *= /= << >> ** && || &. .. :: == != >= <= =~ !~ => -> + - * / % = < > ! & | ^ ~ ? : , . ( ) [ ] { } ;".split(
    " ",
  );

const CLOSERS: Record<string, string> = { "(": ")", "[": "]", "{": "}", "<": ">" };

const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r", s: " ", "0": "\0", e: "\x1b", a: "\x07", b: "\b", f: "\f", v: "\v" }; // biome-ignore format: a table

/**
 * Reads tokens of `text` from `start` on: up to the brace that closes an interpolation, or to the end of the text.
 * `end` is the offset of that brace. Throws UnsupportedRubyError.
 */
export function lex(text: string, start: number, inBraces: boolean, nesting = 0): { tokens: Token[]; end: number } {
  if (nesting > MAX_NESTING) throw new UnsupportedRubyError("interpolations nest too deep");
  return new Lexer(text, start, nesting).run(inBraces);
}

class Lexer {
  private readonly text: string;
  private readonly nesting: number;
  private readonly tokens: Token[] = [];
  private offset: number;
  /** Open `? :` pairs: a colon after a value belongs to one of them. */
  private ternaries = 0;

  constructor(text: string, offset: number, nesting: number) {
    this.text = text;
    this.offset = offset;
    this.nesting = nesting;
  }

  run(inBraces: boolean): { tokens: Token[]; end: number } {
    let depth = 0;
    for (;;) {
      this.match(/(?:[ \t\r]|\\\n)+/y);
      const next = this.text[this.offset];
      if (next === undefined) {
        if (inBraces) throw new UnsupportedRubyError("expected end of embedded code but $end");
        break;
      }
      if (next === "}" && depth === 0 && inBraces) break;
      if (next === "{") depth++;
      if (next === "}") depth--;
      this.token(next);
    }
    const end = this.offset;
    this.push("end", "");
    return { tokens: this.tokens, end };
  }

  private token(next: string): void {
    if (next === "#") this.match(/#[^\n]*/y);
    else if (next === "\n" || next === ";") this.take("newline", 1);
    else if (next === '"') this.quoted('"', '"', true, "text");
    else if (next === "'") this.quoted("'", "'", false, "text");
    else if (next === "/" && this.startsRegexp()) this.quoted("/", "/", true, "regexp");
    else if (!(this.number() || this.word() || this.symbol() || this.percent())) this.operator(next);
  }

  private operator(next: string): void {
    const operator = OPERATORS.find((candidate) => this.text.startsWith(candidate, this.offset));
    if (operator === undefined) throw new UnsupportedRubyError(`'${next}' is not understood`);
    if (operator === "?") this.ternaries++;
    if (operator === ":") this.ternaries--;
    this.take("operator", operator.length);
  }

  private number(): boolean {
    const digits = this.match(/0[xX][0-9a-fA-F]+|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?/y);
    if (digits !== undefined) this.push("literal", digits, { value: numberValue(digits) });
    return digits !== undefined;
  }

  private word(): boolean {
    // A trailing ? or ! belongs to the name, unless it is the start of != or ?: would be cut.
    const match = this.match(/\$(?:[1-9&]|~)/y);
    if (match !== undefined) {
      this.push("identifier", match);
      return true;
    }
    const word = this.match(/[\p{L}_][\p{L}\p{N}_]*(?:[?!](?![=])|[?!](?==[=~>]))?/uy);
    if (word === undefined) return false;
    const afterDot = [".", "&."].includes(this.tokens.at(-1)?.text ?? "");
    const mayBeLabel = ["{", ",", "("].includes(this.tokens.at(-1)?.text ?? "");
    if (mayBeLabel && /:(?!:)/y.test(this.text.slice(this.offset, this.offset + 2))) {
      this.offset++;
      this.push("label", word);
    } else if (!afterDot && KEYWORDS.has(word)) {
      this.push("keyword", word);
    } else {
      this.push(/^\p{Lu}/u.test(word) ? "constant" : "identifier", word);
    }
    return true;
  }

  /** `:name` and `:"name"`; not the colon of `? :` or `::`. */
  private symbol(): boolean {
    if (this.ternaries > 0 && this.afterValue()) return false;
    const name = this.match(/:[\p{L}_][\p{L}\p{N}_]*[?!]?/uy);
    if (name !== undefined) {
      this.push("literal", name, { value: name.slice(1) });
      return true;
    }
    if (this.afterValue() || !/^:["']/.test(this.text.slice(this.offset, this.offset + 2))) return false;
    this.offset++;
    const quote = this.text[this.offset] as string;
    this.quoted(quote, quote, quote === '"', "text");
    return true;
  }

  /** `%w[a b]`, `%q(text)`, `%Q(text)`, `%(text)`. */
  private percent(): boolean {
    if (this.afterValue()) return false;
    const opening = this.match(/%[wqQ]?[([{<|!/]/y);
    if (opening === undefined) return false;
    this.offset--;
    const open = opening.at(-1) as string;
    this.quoted(open, CLOSERS[open] ?? open, !/[wq]/.test(opening), opening[1] === "w" ? "words" : "text");
    return true;
  }

  /** Reads a quoted token whose opening sign is next. */
  private quoted(open: string, close: string, interpolates: boolean, type: TokenType): void {
    const start = this.offset++;
    const parts: (string | Token[])[] = [];
    let letters = "";
    let depth = 1;
    for (;;) {
      const sign = this.text[this.offset];
      if (sign === undefined) throw new UnsupportedRubyError(`${open} is not closed`);
      if (sign === "\\") {
        letters += type === "regexp" ? this.regexpEscape() : this.escape(interpolates, close);
      } else if (interpolates && this.text.startsWith("#{", this.offset)) {
        const { tokens, end } = lex(this.text, this.offset + 2, true, this.nesting + 1);
        parts.push(letters, tokens);
        letters = "";
        this.offset = end + 1;
      } else {
        this.offset++;
        if (sign === close && --depth === 0) break;
        if (sign === open && open !== close) depth++;
        letters += sign;
      }
    }
    parts.push(letters);
    const flags = type === "regexp" ? (this.match(/[imxounse]*/y) ?? "") : this.text.slice(start, this.offset);
    this.push(type, flags, { parts }, start);
  }

  /** An escape within a regexp stays as it is, but for the escaped slash. */
  private regexpEscape(): string {
    const pair = this.text.slice(this.offset, this.offset + 2);
    this.offset += 2;
    return pair === "\\/" ? "/" : pair;
  }

  private escape(interpolates: boolean, close: string): string {
    const sign = this.text[this.offset + 1] ?? "";
    this.offset += 2;
    if (!interpolates) return sign === close || sign === "\\" ? sign : `\\${sign}`;
    if (sign === "\n") return "";
    if (sign === "u" || sign === "x") {
      const digits = this.match(sign === "u" ? /\{[0-9a-fA-F]{1,6}\}|[0-9a-fA-F]{4}/y : /[0-9a-fA-F]{1,2}/y);
      const code = Number.parseInt(digits?.replace(/[{}]/g, "") ?? "", 16);
      if (!(code <= 0x10ffff)) throw new UnsupportedRubyError(`\\${sign} without its hexadecimal digits`);
      return String.fromCodePoint(code);
    }
    return ESCAPES[sign] ?? sign;
  }

  /** A slash divides after a value, except in `name /regexp/`. */
  private startsRegexp(): boolean {
    if (!this.afterValue()) return true;
    return (
      this.tokens.at(-1)?.type === "identifier" && this.spaceBefore() && !/\s/.test(this.text[this.offset + 1] ?? " ")
    );
  }

  private afterValue(): boolean {
    const last = this.tokens.at(-1);
    if (last === undefined) return false;
    if (last.type === "operator") return [")", "]", "}"].includes(last.text);
    if (last.type === "keyword") return ["nil", "true", "false", "end", "self"].includes(last.text);
    return last.type !== "newline" && last.type !== "label";
  }

  private spaceBefore(at = this.offset): boolean {
    return /\s/.test(this.text[at - 1] ?? " ");
  }

  private take(type: TokenType, length: number): void {
    const text = this.text.slice(this.offset, this.offset + length);
    this.offset += length;
    this.push(type, text);
  }

  private push(
    type: TokenType,
    text: string,
    more: Pick<Token, "value" | "parts"> = {},
    start = this.offset - text.length,
  ): void {
    const spaceBefore = this.spaceBefore(start);
    this.tokens.push({ type, text, spaceBefore, spaceAfter: /\s/.test(this.text[this.offset] ?? " "), ...more });
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.offset;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) return undefined;
    this.offset += found.length;
    return found;
  }
}

function numberValue(text: string): RubyValue {
  const value = Number(text.replaceAll("_", ""));
  return /^0[xX]|^[\d_]+$/.test(text) || !Number.isInteger(value) ? value : new RubyFloat(value);
}
