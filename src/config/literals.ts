/**
 * Values: the text of a parameter to what it means, with fluentd's own unanchored ways of reading sizes and times.
 * Source: fluentd 1.18 config/types.rb.
 */

import { parameterType } from "./parameters.ts";
import { rubyRegexp } from "./ruby/regexp.ts";

/** Bytes. The first of `digits+k`, m, g, t anywhere in the text, ×1024^n; else leading digits. */
export function parseSize(text: string, isStrict = false): number {
  for (const [index, unit] of ["k", "m", "g", "t"].entries()) {
    const match = new RegExp(`(\\d+)${unit}`, "i").exec(text);
    if (match) return Number(match[1]) * 1024 ** (index + 1);
  }
  return parseInteger(text, isStrict);
}

/** Seconds. The first of `digits+s`, m, h, d anywhere in the text; else a leading decimal number. */
export function parseTime(text: string, isStrict = false): number {
  for (const [unit, seconds] of [
    ["s", 1],
    ["m", 60],
    ["h", 3600],
    ["d", 86400],
  ] as const) {
    const match = new RegExp(`(\\d+)${unit}`).exec(text);
    if (match) return Number(match[1]) * seconds;
  }
  return parseFloatLeading(text, isStrict);
}

/** Ruby's `to_i`: leading digits, else 0. Strict: Ruby's `Integer()`, which throws instead. */
export function parseInteger(text: string, isStrict = false): number {
  if (isStrict) return parseWholeInteger(text);
  const match = /^\s*([+-]?\d+(?:_\d+)*)/.exec(text);
  return match ? Number((match[1] as string).replaceAll("_", "")) : 0;
}

/** Decimal, or with a prefix: 0x hexadecimal, 0b binary, 0 or 0o octal. */
function parseWholeInteger(text: string): number {
  const match = /^\s*([+-]?)(0x[\da-f]+|0b[01]+|0o?[0-7]+|0|[1-9]\d*)\s*$/i.exec(
    text.replace(/(?<=[\da-f])_(?=[\da-f])/gi, ""),
  );
  const digits = match?.[2]?.replace(/^0(?=[0-7])/, "0o");
  if (digits === undefined || Number.isNaN(Number(digits))) {
    throw new Error(`invalid value for Integer(): ${JSON.stringify(text)}`);
  }
  return match?.[1] === "-" ? -Number(digits) : Number(digits);
}

/** Ruby's `to_f`: a leading decimal number, else 0. Strict: Ruby's `Float()`, which throws instead. */
export function parseFloatLeading(text: string, isStrict = false): number {
  if (isStrict) return parseWholeFloat(text);
  const match = /^\s*[+-]?(?:\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?|\.\d+)(?:[eE][+-]?\d+)?/.exec(text);
  return match ? Number(match[0].replaceAll("_", "")) : 0;
}

/** Decimal, or hexadecimal with 0x. */
function parseWholeFloat(text: string): number {
  const digits = text.replace(/(?<=[\da-f])_(?=[\da-f])/gi, "").trim();
  if (!/^[+-]?(?:0x[\da-f]+|(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?)$/i.test(digits)) {
    throw new Error(`invalid value for Float(): ${JSON.stringify(text)}`);
  }
  return digits.startsWith("-") ? -Number(digits.slice(1)) : Number(digits);
}

/** true, yes and "" are true; false and no are false; anything else is nil, but for a comment's `#`. */
export function parseBool(text: string, isStrict = false): boolean | undefined {
  if (text === "true" || text === "yes" || text === "" || text.startsWith("#")) return true;
  if (text === "false" || text === "no") return false;
  if (isStrict) throw new Error(`invalid bool value: ${text}`);
  return undefined;
}

/** A JSON array, or names between commas. */
export function parseArray(text: string): string[] {
  if (text.startsWith("[")) {
    return (parseJson(text, "array") as unknown[]).map((item) =>
      typeof item === "object" ? JSON.stringify(item) : String(item),
    );
  }
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

/** A JSON object, or `key:value` between commas. */
export function parseHash(text: string): Record<string, unknown> {
  if (text.startsWith("{")) return parseJson(text, "hash") as Record<string, unknown>;
  const pairs = text
    .trim()
    .split(/\s*,\s*/)
    .filter((pair) => pair !== "");
  return Object.fromEntries(
    pairs.map((pair) => {
      const colon = pair.indexOf(":");
      if (colon < 0) throw new Error(`'${pair}' is no key:value pair`);
      return [pair.slice(0, colon), pair.slice(colon + 1)];
    }),
  );
}

function parseJson(text: string, wanted: "array" | "hash"): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${wanted} required but got ${JSON.stringify(text)}`);
  }
}

/** A regular expression of Ruby: bare, or `/…/` with i and m behind it. */
export function parseRegexp(text: string): RegExp {
  if (!text.startsWith("/")) return rubyRegexp(text);
  const end = text.lastIndexOf("/");
  if (end < text.length - 3) throw new Error(`invalid regexp: missing right slash: ${text}`);
  return rubyRegexp(text.slice(1, Math.max(1, end)), text.slice(end + 1).replace(/[^im]/g, ""));
}

/** What `24224x` and `abc` are read as: fluentd takes the leading digits, or 0, and says nothing. */
function checkInteger(text: string): string | undefined {
  if (/^\s*[+-]?\d+(?:_\d+)*\s*$/.test(text)) return undefined;
  return `'${text}' is read as ${parseInteger(text)}. Write a whole number.`;
}

const DECIMAL = /^\s*[+-]?(?:\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?|\.\d+)(?:e[+-]?\d+)?\s*$/i;

/** The same for `1,5`. */
function checkFloat(text: string): string | undefined {
  if (DECIMAL.test(text)) return undefined;
  return `'${text}' is read as ${parseFloatLeading(text)}. Write a decimal number.`;
}

/** What `0.5s`, `5ms` and `1m30s` are read as, for those who meant something else. */
function checkTime(text: string): string | undefined {
  if (/^\s*\d+[smhd]?\s*$/.test(text) || DECIMAL.test(text)) return undefined;
  return `'${text}' is read as ${parseTime(text)} seconds. Write a whole number with one of s, m, h, d, or seconds as a decimal number.`;
}

/** What `1.5m` and `1g512m` are read as. */
function checkSizeText(text: string): string | undefined {
  if (/^\s*-?\d+\s*(?:[kmgt](?:i?b)?)?\s*$/i.test(text)) return undefined;
  return `'${text}' is read as ${parseSize(text)} bytes. Write a whole number with one of k, m, g, t.`;
}

export const string = parameterType<string>("string", (text) => text);
export const integer = parameterType<number>(
  "integer",
  (text, _, isStrict) => parseInteger(text, isStrict),
  checkInteger,
);
export const float = parameterType<number>(
  "float",
  (text, _, isStrict) => parseFloatLeading(text, isStrict),
  checkFloat,
);
/** In bytes. */
export const size = parameterType<number>("size", (text, _, isStrict) => parseSize(text, isStrict), checkSizeText);
/** In seconds. */
export const time = parameterType<number>("time", (text, _, isStrict) => parseTime(text, isStrict), checkTime);
export const bool = parameterType<boolean>("bool", (text, _, isStrict) => parseBool(text, isStrict));
export const array = parameterType<string[]>("array", parseArray);
export const hash = parameterType<Record<string, unknown>>("hash", parseHash);
/** Ruby's syntax; never global or sticky, so that matching keeps no state. */
export const regexp = parameterType<RegExp>("regexp", parseRegexp);
/** File modes: an octal number. */
export const octal = parameterType<number>("octal", (text) => {
  if (!/^[0-7]{1,5}$/.test(text)) throw new Error(`'${text}' is no octal file mode such as 0644`);
  return Number.parseInt(text, 8);
});

/** One of a closed list of words. */
export function enumeration<const T extends string>(...values: T[]) {
  return parameterType<T>(values.join(" | "), (text) => {
    if (!(values as string[]).includes(text)) throw new Error(`valid options are ${values.join(",")} but got ${text}`);
    return text as T;
  });
}
