/**
 * What a plain scalar of YAML means to Ruby: `yes` is true, `0644` is 420, `1:30` is 90, `:name` is a symbol.
 * Source: Ruby 3.1 psych/scalar_scanner.rb.
 */

import { floatValue } from "./ruby/number-methods.ts";
import { inspect } from "./ruby/values.ts";

/** A value as Ruby's `to_s` writes it, and as JSON. */
export interface YamlScalar {
  /** undefined is nil. */
  readonly text: string | undefined;
  readonly json: string;
  /** What is most likely not meant. */
  readonly doubt?: string;
}

const NIL: YamlScalar = { text: undefined, json: "null" };

/** A scalar in quotes, or one that is nothing but text. */
export function textScalar(text: string): YamlScalar {
  return { text, json: JSON.stringify(text) };
}

const literal = (text: string): YamlScalar => ({ text, json: text });
const float = (value: number): YamlScalar => literal(Object.is(value, -0) ? "-0.0" : inspect(floatValue(value)));

/** The meaning of a scalar without quotes. */
export function plainScalar(text: string): YamlScalar {
  if (text === "" || text === "~" || /^null$/i.test(text)) return NIL;
  if (/^(?:yes|true|on)$/i.test(text)) return literal("true");
  if (/^(?:no|false|off)$/i.test(text)) return literal("false");
  if (/^\+?\.inf$/i.test(text)) return textScalar("Infinity");
  if (/^-\.inf$/i.test(text)) return textScalar("-Infinity");
  if (/^\.nan$/i.test(text)) return textScalar("NaN");
  const symbol = /^:(?:(["'])(.*)\1|.+)/s.exec(text);
  if (symbol) return textScalar(symbol[2] ?? text.slice(1));
  if (/^[-+]?\d[\d_]*(?::[0-5]?\d){1,2}(?:\.[\d_]*)?$/.test(text)) return sexagesimal(text);
  if (/^[-+]?(?:\d[\d_,]*)?\.\d*(?:[eE][-+]\d+)?$/.test(text) && !/^[-+]?\.$/.test(text)) {
    return float(Number(text.replace(/[,_]|\.(?=[Ee]|$)/g, "")));
  }
  return integer(text) ?? textScalar(text);
}

function sexagesimal(text: string): YamlScalar {
  const total = text
    .split(":")
    .reduce((sum, part, index) => sum + Number(part.replaceAll("_", "")) * 60 ** Math.abs(index - 2), 0);
  return doubtful(text, text.includes(".") ? float(total) : literal(String(total)));
}

function doubtful(text: string, scalar: YamlScalar): YamlScalar {
  return { ...scalar, doubt: `${text} is the number ${scalar.text} in YAML; put it in quotes if that is not meant` };
}

function integer(text: string): YamlScalar | undefined {
  const match = /^([-+]?)(?:0b([01_,]+)|0x([\da-f_,]+)|0([0-7_,]+)|(0|[1-9](?:\d|,\d|_\d)*))$/i.exec(text);
  if (!match) return undefined;
  const [, sign, binary, hexadecimal, octal, decimal] = match;
  const prefix = binary !== undefined ? "0b" : hexadecimal !== undefined ? "0x" : octal !== undefined ? "0o" : "";
  const digits = (binary ?? hexadecimal ?? octal ?? decimal ?? "").replace(/[_,]/g, "");
  const value = BigInt(prefix + digits);
  const scalar = literal(String(sign === "-" ? -value : value));
  return octal === undefined ? scalar : doubtful(text, scalar);
}
