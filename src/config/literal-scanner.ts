/**
 * Values as they stand in a configuration: unquoted, 'single', "double" with embedded Ruby, and JSON.
 * Source: fluentd 1.18 config/literal_parser.rb.
 */

import type { SpecialValue } from "./element.ts";
import { scanEmbeddedRuby } from "./embedded-ruby.ts";
import { scanJson } from "./json-literal.ts";
import type { RubyEnvironment } from "./ruby/environment.ts";
import type { TextScanner } from "./text-scanner.ts";

export interface Literal {
  readonly value: string;
  readonly special?: SpecialValue;
  readonly quoted: boolean;
}

const ESCAPES: Record<string, string> = { r: "\r", n: "\n", t: "\t", f: "\f", b: "\b", "0": "\0" };

/** A parameter's value; a bracket or brace at its start makes it JSON. */
export function scanValue(scanner: TextScanner, environment: RubyEnvironment): Literal {
  if (scanner.next === "[" || scanner.next === "{") {
    return { value: scanJson(scanner, environment), quoted: false };
  }
  return scanString(scanner, environment, scanLine);
}

/** A quoted text, or what `unquoted` takes. */
export function scanString(
  scanner: TextScanner,
  environment: RubyEnvironment,
  unquoted: (scanner: TextScanner) => string,
): Literal {
  if (scanner.next === '"') return scanDoubleQuoted(scanner, environment);
  if (scanner.next === "'") return { value: scanSingleQuoted(scanner), quoted: true };
  return { value: unquoted(scanner), quoted: false };
}

/**
 * The rest of the line without blanks at its end. A comment needs a blank before it and one sign of value before that,
 * so a value may begin with `#`.
 */
export function scanLine(scanner: TextScanner): string {
  const line = scanner.scan(/[^\r\n]*/y) ?? "";
  const comment = line.search(/(?<!^)[ \t]#/);
  const value = (comment < 0 ? line : line.slice(0, comment)).replace(/[ \t]+$/, "");
  scanner.offset -= line.length - value.length;
  return value;
}

function scanSingleQuoted(scanner: TextScanner): string {
  const start = scanner.offset++;
  const body = scanner.scan(/(?:\\['\\]|[^'\n])*/y) ?? "";
  if (scanner.scan(/'/y) === undefined) throw scanner.error("unexpected end of file in a single quoted string", start);
  return body.replace(/\\(['\\])/g, "$1");
}

function scanDoubleQuoted(scanner: TextScanner, environment: RubyEnvironment): Literal {
  const start = scanner.offset++;
  let value = "";
  let special: SpecialValue | undefined;
  for (;;) {
    value += scanner.scan(/(?:[^"\\#]|#(?!\{))+/y) ?? "";
    if (scanner.atEnd) throw scanner.error("unexpected end of file in a double quoted string", start);
    if (scanner.scan(/"/y) !== undefined) break;
    if (scanner.scan(/#\{/y) !== undefined) {
      const embedded = scanEmbeddedRuby(scanner, environment);
      if ("text" in embedded) value += embedded.text;
      else if (special !== "nil") special = embedded.special;
    } else value += scanEscape(scanner);
  }
  return special ? { value: "", special, quoted: true } : { value, quoted: true };
}

/** A backslash and the sign behind it; at the end of a line both vanish. */
function scanEscape(scanner: TextScanner): string {
  const sign = scanner.text[scanner.offset + 1] ?? "";
  if (/[a-zA-Z0-9]/.test(sign) && !(sign in ESCAPES)) {
    throw scanner.error(`unexpected back-slash escape character '${sign}'`);
  }
  scanner.offset += 1 + sign.length;
  return sign === "\n" ? "" : (ESCAPES[sign] ?? sign);
}
