/** Methods that change their array in place. */

import { blockOf, compare, equals, integerOf, isTruthy, type MethodTable, type RubyValue } from "./values.ts";

const append = (self: RubyValue[], items: RubyValue[]): RubyValue[] => {
  self.push(...items);
  return self;
};

const prepend = (self: RubyValue[], items: RubyValue[]): RubyValue[] => {
  self.unshift(...items);
  return self;
};

/** Puts `items` in the place of what the array holds; nil where `unchangedIsNil` and as many stay. */
function replace(self: RubyValue[], items: RubyValue[], unchangedIsNil = false): RubyValue {
  const before = self.length;
  self.splice(0, self.length, ...items);
  return unchangedIsNil && self.length === before ? null : self;
}

export const arrayChanges: MethodTable<RubyValue[]> = {
  "<<": (self, [item = null]) => append(self, [item]),
  push: append,
  append,
  unshift: prepend,
  prepend,
  concat: (self, others) => append(self, others.flat() as RubyValue[]),
  pop: (self) => self.pop() ?? null,
  shift: (self) => self.shift() ?? null,
  clear: (self) => replace(self, []),
  "[]=": (self, [index = null, value = null]) => {
    const at = integerOf(index);
    while (self.length < at && self.length < 10_000) self.push(null);
    self[at < 0 ? self.length + at : at] = value;
    return value;
  },
  delete: (self, [value = null]) => {
    const found = self.some((item) => equals(item, value));
    replace(self, self.filter((item) => !equals(item, value))); // biome-ignore format: one step
    return found ? value : null;
  },
  delete_at: (self, [index = null]) => self.splice(integerOf(index), 1)[0] ?? null,
  delete_if: (self, _, block) => replace(self, self.filter((item) => !isTruthy(blockOf(block)(item)))), // biome-ignore format: one step
  keep_if: (self, _, block) => replace(self, self.filter((item) => isTruthy(blockOf(block)(item)))), // biome-ignore format: one step
  "map!": (self, _, block) => replace(self, self.map((item) => blockOf(block)(item))), // biome-ignore format: one step
  "select!": (self, _, block) => replace(self, self.filter((item) => isTruthy(blockOf(block)(item))), true), // biome-ignore format: one step
  "reject!": (self, _, block) => replace(self, self.filter((item) => !isTruthy(blockOf(block)(item))), true), // biome-ignore format: one step
  "compact!": (self) => replace(self, self.filter((item) => item !== null), true), // biome-ignore format: one step
  "sort!": (self) => replace(self, self.toSorted(compare)),
  "reverse!": (self) => replace(self, self.toReversed()),
};
