/**
 * Values: the text of a parameter to what it means, with fluentd's own unanchored ways of reading sizes and times.
 * Source: fluentd 1.18 config/types.rb.
 */

import { parameterType } from "./parameters.ts";

/** Bytes. The first of `digits+k`, m, g, t anywhere in the text, ×1024^n; else leading digits. */
export function parseSize(text: string): number {
  for (const [index, unit] of ["k", "m", "g", "t"].entries()) {
    const match = new RegExp(`(\\d+)${unit}`, "i").exec(text);
    if (match) return Number(match[1]) * 1024 ** (index + 1);
  }
  return parseInteger(text);
}

/** Seconds. The first of `digits+s`, m, h, d anywhere in the text; else a leading decimal number. */
export function parseTime(text: string): number {
  for (const [unit, seconds] of [
    ["s", 1],
    ["m", 60],
    ["h", 3600],
    ["d", 86400],
  ] as const) {
    const match = new RegExp(`(\\d+)${unit}`).exec(text);
    if (match) return Number(match[1]) * seconds;
  }
  return parseFloatLeading(text);
}

/** Ruby's `to_i`: leading digits, else 0. */
export function parseInteger(text: string): number {
  const match = /^\s*([+-]?\d[\d_]*)/.exec(text);
  return match ? Number((match[1] as string).replaceAll("_", "")) : 0;
}

/** Ruby's `to_f`: a leading decimal number, else 0. */
function parseFloatLeading(text: string): number {
  const match = /^\s*[+-]?\d+(\.\d+)?([eE][+-]?\d+)?/.exec(text);
  return match ? Number(match[0]) : 0;
}

/** true, yes and "" are true; false and no are false; anything else is nil, but for a comment's `#`. */
export function parseBool(text: string): boolean | undefined {
  if (text === "true" || text === "yes" || text === "" || text.startsWith("#")) return true;
  if (text === "false" || text === "no") return false;
  return undefined;
}

/** A JSON array, or names between commas. */
export function parseArray(text: string): string[] {
  if (text.startsWith("[")) return (JSON.parse(text) as unknown[]).map((item) => String(item));
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

/** A JSON object, or `key:value` between commas. */
export function parseHash(text: string): Record<string, unknown> {
  if (text.startsWith("{")) return JSON.parse(text) as Record<string, unknown>;
  return Object.fromEntries(
    text
      .split(",")
      .filter((pair) => pair.trim() !== "")
      .map((pair) => {
        const colon = pair.indexOf(":");
        if (colon < 0) throw new Error(`'${pair.trim()}' is no key:value pair`);
        return [pair.slice(0, colon).trim(), pair.slice(colon + 1).trim()];
      }),
  );
}

export const string = parameterType<string>("string", (text) => text);
export const integer = parameterType<number>("integer", parseInteger);
export const float = parameterType<number>("float", parseFloatLeading);
/** In bytes. */
export const size = parameterType<number>("size", parseSize);
/** In seconds. */
export const time = parameterType<number>("time", parseTime);
export const bool = parameterType<boolean>("bool", parseBool);
export const array = parameterType<string[]>("array", parseArray);
export const hash = parameterType<Record<string, unknown>>("hash", parseHash);
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
