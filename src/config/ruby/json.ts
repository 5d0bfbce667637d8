/** JSON as Ruby's json library writes it. */

import { hasRawBytes } from "./text.ts";
import { isHash, RubyBinary, RubyError, RubyFloat, RubyObject, type RubyValue, toText } from "./values.ts";

/** Deepest nesting that is written, which also ends a hash that holds itself. */
const MAX_DEPTH = 100;

/** The JSON of a value. Throws RubyError as Ruby does: bytes that are no UTF-8, NaN, depth. */
export function jsonText(value: RubyValue, depth = 0): string {
  if (depth > MAX_DEPTH) throw new RubyError("JSON::NestingError", `nesting of ${depth} is too deep`);
  if (value === null) return "null";
  if (value instanceof RubyBinary) return quoted(value.text);
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) return `[${value.map((item) => jsonText(item, depth + 1)).join(",")}]`;
  if (isHash(value)) {
    return `{${[...value].map(([key, item]) => `${quoted(key)}:${jsonText(item, depth + 1)}`).join(",")}}`;
  }
  const number = value instanceof RubyFloat ? value.value : value;
  if (typeof number === "number" && !Number.isFinite(number)) {
    throw new RubyError("JSON::GeneratorError", `${toText(value)} not allowed in JSON`);
  }
  if (value instanceof RubyObject && value.methods.to_json) return toText(value.methods.to_json([]));
  return typeof number === "object" ? quoted(toText(value)) : toText(value);
}

/** What `JSON.parse` gave, as a value of Ruby. */
export function jsonValue(value: unknown): RubyValue {
  if (Array.isArray(value)) return value.map(jsonValue);
  if (typeof value === "object" && value !== null) {
    return new Map(Object.entries(value).map(([key, item]) => [key, jsonValue(item)]));
  }
  return value as RubyValue;
}

function quoted(text: string): string {
  if (hasRawBytes(text)) throw new RubyError("JSON::GeneratorError", "source sequence is illegal/malformed utf-8");
  return JSON.stringify(text);
}
