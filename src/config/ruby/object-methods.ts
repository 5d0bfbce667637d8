/** Methods that every value has, and those of nil, ranges and regexps. */

import { arrayMethods } from "./array-methods.ts";
import { jsonText } from "./json.ts";
import { checkedText, matchText } from "./match.ts";
import { floatValue } from "./number-methods.ts";
import {
  blockOf,
  checkSize,
  classOf,
  compare,
  equals,
  inspect,
  isHash,
  isNumeric,
  isTruthy,
  MAX_ITEMS,
  type MethodTable,
  numberOf,
  RubyError,
  RubyObject,
  type RubyRange,
  type RubyValue,
  textOf,
  toText,
  UnsupportedRubyError,
} from "./values.ts";

export const commonMethods: MethodTable<RubyValue> = {
  "==": (self, [other]) => equals(self, other ?? null),
  "===": (self, [other = null]) =>
    self instanceof RubyObject && CLASSES.has(self.className) ? isA(other, self.className) : equals(self, other),
  "=~": () => null,
  eql: (self, [other]) => equals(self, other ?? null),
  "nil?": (self) => self === null,
  "!=": (self, [other]) => !equals(self, other ?? null),
  "is_a?": (self, [type]) => isA(self, toText(type ?? null)),
  "kind_of?": (self, [type]) => isA(self, toText(type ?? null)),
  "instance_of?": (self, [type]) => classOf(self) === toText(type ?? null),
  class: (self) => classOf(self),
  to_s: (self) => toText(self),
  inspect: (self) => inspect(self),
  to_json: (self) => jsonText(self),
  "eql?": (self, [other]) => equals(self, other ?? null) && classOf(self) === classOf(other ?? null),
  "equal?": (self, [other]) => self === other,
  "frozen?": () => false,
  "respond_to?": (self, [name]) => respondsTo(self, toText(name ?? null)),
  "!": (self) => !isTruthy(self),
  clone: (self) => self,
  itself: (self) => self,
  dup: (self) => self,
  freeze: (self) => self,
  tap: (self, _, block) => {
    blockOf(block)(self);
    return self;
  },
};

export const nilMethods: MethodTable<null> = {
  to_a: () => [],
  to_i: () => 0,
  to_f: () => floatValue(0),
  to_h: () => new Map(),
  "&": () => false,
};

export const regexpMethods: MethodTable<RegExp> = {
  "=~": (self, [text]) => (text === null ? null : (matchText(self, textOf(text))?.match.index ?? null)),
  match: (self, [text]) => (text === null ? null : matchText(self, textOf(text))),
  "match?": (self, [text]) => text !== null && self.test(checkedText(textOf(text))),
  "===": (self, [text]) => typeof text === "string" && matchText(self, text) !== null,
  source: (self) => self.source,
};

/** Ranges: what asks for the ends is answered from them, everything else by the array of all members. */
export const rangeMethods: MethodTable<RubyRange> = {
  ...Object.fromEntries(
    Object.entries(arrayMethods).map(([name, method]) => [
      name,
      (self: RubyRange, parameters: RubyValue[], block?: (...values: RubyValue[]) => RubyValue) =>
        method(membersOf(self), parameters, block),
    ]),
  ),
  to_a: (self) => membersOf(self),
  "include?": covers,
  "cover?": covers,
  "member?": covers,
  "===": covers,
};

function covers(self: RubyRange, [value = null]: RubyValue[]): boolean {
  if (self.first !== null && compare(value, self.first) < 0) return false;
  if (self.last === null) return true;
  const order = compare(value, self.last);
  return self.exclusive ? order < 0 : order <= 0;
}

function membersOf({ first, last, exclusive }: RubyRange): RubyValue[] {
  if (isNumeric(first) && isNumeric(last)) {
    const start = Math.trunc(numberOf(first));
    const count = Math.max(0, Math.floor(numberOf(last)) - start + (exclusive ? 0 : 1));
    checkSize(count, MAX_ITEMS, "members of a range");
    return Array.from({ length: count }, (_, index) => start + index);
  }
  if (typeof first === "string" && typeof last === "string" && first.length === 1 && last.length === 1) {
    const codes = membersOf({ first: first.charCodeAt(0), last: last.charCodeAt(0), exclusive });
    return codes.map((code) => String.fromCharCode(code as number));
  }
  if (last === null) throw new RubyError("RangeError", "cannot convert endless range to an array");
  throw new UnsupportedRubyError("ranges are supported between numbers and between letters");
}

const CLASSES = new Set(["Integer", "Float", "Numeric", "String", "Array", "Hash", "NilClass", "TrueClass", "FalseClass", "Time", "Regexp"]); // biome-ignore format: a list

function isA(self: RubyValue, type: string): boolean {
  const own = classOf(self);
  return type === own || type === "Object" || (type === "Numeric" && isNumeric(self));
}

/** What `respond_to?` is asked for: whether a value is like a text, an array, a hash or a number. */
function respondsTo(self: RubyValue, name: string): boolean {
  const textual = typeof self === "string";
  const listed = Array.isArray(self) || isHash(self);
  switch (name) {
    case "each": return listed;
    case "keys": case "key?": case "has_key?": case "to_hash": return isHash(self);
    case "gsub": case "upcase": case "downcase": case "to_str": case "scrub": case "force_encoding": return textual;
    case "empty?": case "length": case "size": return textual || listed;
    case "to_i": case "to_f": return textual || isNumeric(self) || self === null;
    case "to_s": case "to_json": case "inspect": return true;
    default: throw new UnsupportedRubyError(`respond_to?(:${name}) is not supported`);
  } // biome-ignore format: a table
}
