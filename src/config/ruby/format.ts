/** Ruby's `format`: `%s %d %05.1f %x %-10s %%` with flags, width and precision; `%<name>d` and `%{name}` from a hash. */

import {
  checkSize,
  inspect,
  integerOf,
  isHash,
  isNumeric,
  MAX_TEXT,
  numberOf,
  RubyError,
  type RubyValue,
  toText,
  UnsupportedRubyError,
} from "./values.ts";

const DIRECTIVE = /%(?:([-+ 0#]*)(?:<(\w+)>)?(\d*)(?:\.(\d+))?([a-zA-Z%])|\{(\w+)\})/g;

/** Fills `template` with `values`. Throws RubyError as Ruby does. */
export function formatText(template: string, values: readonly RubyValue[]): string {
  let next = 0;
  const named = (name: string): RubyValue => {
    const [first = null] = values;
    if (!isHash(first)) throw new RubyError("ArgumentError", "one hash required");
    if (!first.has(name)) throw new RubyError("KeyError", `key<${name}> not found`);
    return first.get(name) ?? null;
  };
  return template.replace(DIRECTIVE, (_, flags = "", name, width, precision, letter, braced) => {
    if (braced !== undefined) return toText(named(braced));
    if (letter === "%") return "%";
    if (name === undefined && next >= values.length) throw new RubyError("ArgumentError", "too few arguments");
    const value = name === undefined ? (values[next++] as RubyValue) : named(name);
    const text = converted(value, letter, flags, precision === undefined ? undefined : Number(precision));
    return padded(text, flags, Number(width || 0), letter !== "s" && letter !== "p");
  });
}

function converted(value: RubyValue, letter: string, flags: string, precision: number | undefined): string {
  switch (letter) {
    case "s":
      return toText(value).slice(0, precision);
    case "p":
      return inspect(value).slice(0, precision);
    case "d":
    case "i":
      return signed(integerText(value, 10), flags);
    case "x":
      return signed(integerText(value, 16), flags);
    case "X":
      return signed(integerText(value, 16).toUpperCase(), flags);
    case "o":
      return signed(integerText(value, 8), flags);
    case "b":
      return signed(integerText(value, 2), flags);
    case "f":
      return signed(floatOf(value).toFixed(Math.min(precision ?? 6, 100)), flags);
    default:
      throw new UnsupportedRubyError(`format directive %${letter} is not supported`);
  }
}

function integerText(value: RubyValue, base: number): string {
  if (typeof value === "bigint") return value.toString(base);
  if (typeof value === "string" && /^\s*[+-]?\d+\s*$/.test(value)) return BigInt(value.trim()).toString(base);
  return isNumeric(value) ? Math.floor(numberOf(value)).toString(base) : integerOf(value).toString(base);
}

function floatOf(value: RubyValue): number {
  if (isNumeric(value)) return numberOf(value);
  if (typeof value === "string" && /^\s*[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\s*$/.test(value)) return Number(value);
  throw new RubyError("TypeError", `can't convert ${inspect(value)} into Float`);
}

function signed(text: string, flags: string): string {
  if (text.startsWith("-")) return text;
  return flags.includes("+") ? `+${text}` : flags.includes(" ") ? ` ${text}` : text;
}

function padded(text: string, flags: string, width: number, isNumber: boolean): string {
  checkSize(width, MAX_TEXT, "characters of text");
  if (flags.includes("-")) return text.padEnd(width);
  if (!isNumber || !flags.includes("0")) return text.padStart(width);
  const sign = /^[-+ ]/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}
