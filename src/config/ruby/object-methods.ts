/** Methods that every value has, and those of nil, ranges and regexps. */

import { arrayMethods } from "./array-methods.ts";
import {
  blockOf,
  checkSize,
  classOf,
  compare,
  equals,
  inspect,
  isNumeric,
  MAX_ITEMS,
  type MethodTable,
  numberOf,
  plainValue,
  RubyError,
  type RubyRange,
  type RubyValue,
  textOf,
  toText,
  UnsupportedRubyError,
} from "./values.ts";

export const commonMethods: MethodTable<RubyValue> = {
  "==": (self, [other]) => equals(self, other ?? null),
  "===": (self, [other]) => equals(self, other ?? null),
  "=~": () => null,
  eql: (self, [other]) => equals(self, other ?? null),
  "nil?": (self) => self === null,
  "is_a?": (self, [type]) => isA(self, toText(type ?? null)),
  "kind_of?": (self, [type]) => isA(self, toText(type ?? null)),
  "instance_of?": (self, [type]) => classOf(self) === toText(type ?? null),
  class: (self) => classOf(self),
  to_s: (self) => toText(self),
  inspect: (self) => inspect(self),
  to_json: (self) => JSON.stringify(plainValue(self)),
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
  to_f: () => 0,
  to_h: () => ({}),
};

export const regexpMethods: MethodTable<RegExp> = {
  "=~": (self, [text]) => {
    const index = text === null ? -1 : textOf(text).search(self);
    return index < 0 ? null : index;
  },
  "match?": (self, [text]) => text !== null && self.test(textOf(text)),
  "===": (self, [text]) => typeof text === "string" && self.test(text),
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

function isA(self: RubyValue, type: string): boolean {
  const own = classOf(self);
  return type === own || type === "Object" || (type === "Numeric" && isNumeric(self));
}
