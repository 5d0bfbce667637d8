/** Methods of arrays. */

import { arrayChanges } from "./array-changes.ts";
import { encodingOf, TextPieces } from "./binary-text.ts";
import { numberMethods } from "./number-methods.ts";
import {
  blockOf,
  checkSize,
  classOf,
  compare,
  equals,
  inspect,
  integerOf,
  isHash,
  isNumeric,
  isTruthy,
  MAX_ITEMS,
  MAX_TEXT,
  type Method,
  type MethodTable,
  type RubyBlock,
  RubyError,
  type RubyHash,
  RubyRange,
  type RubyValue,
  textOf,
  toText,
} from "./values.ts";

export const arrayMethods: MethodTable<RubyValue[]> = {
  ...arrayChanges,
  "[]": at,
  slice: at,
  at: at,
  dig: (self, keys) => dig(self, keys),
  fetch: (self, [index = null, fallback], block) => {
    const value = self.at(integerOf(index));
    if (value !== undefined) return value;
    if (block) return block(index);
    if (fallback !== undefined) return fallback;
    throw new RubyError("IndexError", `index ${inspect(index)} outside of array bounds`);
  },
  first: (self, [count]) => (count === undefined ? (self[0] ?? null) : self.slice(0, integerOf(count))),
  last: (self, [count]) =>
    count === undefined ? (self.at(-1) ?? null) : self.slice(Math.max(0, self.length - integerOf(count))),
  take: (self, [count]) => self.slice(0, integerOf(count)),
  drop: (self, [count]) => self.slice(integerOf(count)),
  values_at: (self, indexes) => indexes.map((index) => self.at(integerOf(index)) ?? null),
  length: (self) => self.length,
  size: (self) => self.length,
  count: (self, [value], block) =>
    self.filter((item) => (block ? isTruthy(block(item)) : value === undefined || equals(item, value))).length,
  "empty?": (self) => self.length === 0,
  "include?": (self, [value = null]) => self.some((item) => equals(item, value)),
  index: (self, [value = null], block) => {
    const index = self.findIndex((item) => (block ? isTruthy(block(item)) : equals(item, value)));
    return index < 0 ? null : index;
  },
  "any?": (self, _, block) => self.some((item) => isTruthy(block ? block(item) : item)),
  "all?": (self, _, block) => self.every((item) => isTruthy(block ? block(item) : item)),
  "none?": (self, _, block) => !self.some((item) => isTruthy(block ? block(item) : item)),
  find: (self, _, block) => self.find((item) => isTruthy(blockOf(block)(item))) ?? null,
  detect: (self, _, block) => self.find((item) => isTruthy(blockOf(block)(item))) ?? null,
  map: (self, _, block) => self.map((item) => blockOf(block)(item)),
  collect: (self, _, block) => self.map((item) => blockOf(block)(item)),
  flat_map: (self, _, block) => self.flatMap((item) => blockOf(block)(item) as RubyValue),
  select: (self, _, block) => self.filter((item) => isTruthy(blockOf(block)(item))),
  filter: (self, _, block) => self.filter((item) => isTruthy(blockOf(block)(item))),
  reject: (self, _, block) => self.filter((item) => !isTruthy(blockOf(block)(item))),
  each: (self, _, block) => {
    for (const item of self) blockOf(block)(item);
    return self;
  },
  each_with_object: (self, [object = null], block) => {
    for (const item of self) blockOf(block)(item, object);
    return object;
  },
  "one?": (self, _, block) => self.filter((item) => isTruthy(block ? block(item) : item)).length === 1,
  filter_map: (self, _, block) => self.map((item) => blockOf(block)(item)).filter(isTruthy),
  partition: (self, _, block) => {
    const kept = self.map((item) => isTruthy(blockOf(block)(item)));
    return [self.filter((_, index) => kept[index]), self.filter((_, index) => !kept[index])];
  },
  group_by: (self, _, block) => {
    const groups = new Map<string, RubyValue[]>();
    for (const item of self) {
      const key = toText(blockOf(block)(item));
      groups.set(key, [...(groups.get(key) ?? []), item]);
    }
    return groups as RubyHash;
  },
  zip: (self, [other]) => self.map((item, index) => [item, arrayOf(other)[index] ?? null]),
  rindex: (self, [value = null]) => {
    const index = self.findLastIndex((item) => equals(item, value));
    return index < 0 ? null : index;
  },
  drop_while: (self, _, block) => self.slice(self.findIndex((item) => !isTruthy(blockOf(block)(item))) >>> 0),
  each_slice: (self, [count]) => {
    const width = Math.max(1, integerOf(count));
    return Array.from({ length: Math.ceil(self.length / width) }, (_, index) =>
      self.slice(index * width, index * width + width),
    );
  },
  dup: (self) => [...self],
  clone: (self) => [...self],
  "|": (self, [other]) => unique([...self, ...arrayOf(other)]),
  each_with_index: (self, _, block) => {
    if (!block) return self.map((item, index) => [item, index]);
    for (const [index, item] of self.entries()) blockOf(block)(item, index);
    return self;
  },
  inject: reduce,
  reduce: reduce,
  sum: (self, [start = 0], block) => reduce(block ? self.map((item) => block(item)) : self, [start], add),
  min: (self) => self.reduce<RubyValue>((best, item) => (best === null || compare(item, best) < 0 ? item : best), null),
  max: (self) => self.reduce<RubyValue>((best, item) => (best === null || compare(item, best) > 0 ? item : best), null),
  min_by: (self, _, block) =>
    self.toSorted((left, right) => compare(blockOf(block)(left), blockOf(block)(right)))[0] ?? null,
  max_by: (self, _, block) =>
    self.toSorted((left, right) => compare(blockOf(block)(right), blockOf(block)(left)))[0] ?? null,
  sort: (self) => self.toSorted(compare),
  sort_by: (self, _, block) => self.toSorted((left, right) => compare(blockOf(block)(left), blockOf(block)(right))),
  reverse: (self) => self.toReversed(),
  uniq: (self) => unique(self),
  compact: (self) => self.filter((item) => item !== null),
  flatten: (self) => self.flat(16) as RubyValue[],
  join: (self, [separator = ""]) => join(self, separator === null ? "" : textOf(separator)),
  to_a: (self) => self,
  to_h: (self, _, block) =>
    new Map(
      self.map((item) => {
        const pair = block ? block(item) : item;
        if (!Array.isArray(pair) || pair.length !== 2) {
          throw new RubyError("TypeError", "wrong element type (expected an array of two)");
        }
        return [toText(pair[0] as RubyValue), pair[1] as RubyValue] as const;
      }),
    ),
  "+": (self, [other]) => [...self, ...arrayOf(other)],
  "-": (self, [other]) => self.filter((item) => !arrayOf(other).some((removed) => equals(item, removed))),
  "&": (self, [other]) => unique(self.filter((item) => arrayOf(other).some((kept) => equals(item, kept)))),
  "*": (self, [factor = null]) => {
    if (typeof factor === "string") return join(self, factor);
    checkSize(self.length * integerOf(factor), MAX_ITEMS, "items of an array");
    return Array.from({ length: Math.max(0, integerOf(factor)) }, () => self).flat();
  },
};

/** The part of a list or text that `[index]`, `[start, length]` or `[range]` means, as start and end; else undefined. */
export function slicePart(length: number, [first = null, count]: RubyValue[]): [number, number] | undefined {
  const isRange = first instanceof RubyRange;
  let start = integerOf(isRange ? (first.first ?? 0) : first);
  if (start < 0) start += length;
  if (start < 0 || start > length) return undefined;
  if (!isRange) return [start, start + (count === undefined ? 1 : Math.max(0, integerOf(count)))];
  let end = first.last === null ? length - 1 : integerOf(first.last);
  if (end < 0) end += length;
  return [start, first.last !== null && first.exclusive ? end : end + 1];
}

/** `dig(key, …)` through arrays and hashes. */
export function dig(self: RubyValue, keys: readonly RubyValue[]): RubyValue {
  let value = self;
  for (const key of keys) {
    if (Array.isArray(value)) value = value.at(integerOf(key)) ?? null;
    else if (isHash(value)) value = hashItem(value, key);
    else if (value === null) return null;
    else throw new RubyError("TypeError", `${classOf(value)} does not have #dig method`);
  }
  return value;
}

/** The value of `key`, or nil. */
export function hashItem(hash: RubyHash, key: RubyValue): RubyValue {
  return hash.get(toText(key)) ?? null;
}

function at(self: RubyValue[], parameters: RubyValue[]): RubyValue {
  const [first, count] = parameters;
  if (count === undefined && !(first instanceof RubyRange)) return self.at(integerOf(first)) ?? null;
  const part = slicePart(self.length, parameters);
  return part ? self.slice(...part) : null;
}

function join(self: RubyValue[], separator: string): RubyValue {
  const pieces = new TextPieces(encodingOf(self[0] ?? null), false);
  for (const [index, item] of self.entries()) {
    if (index > 0) pieces.add(separator);
    pieces.add(Array.isArray(item) ? join(item, separator) : item);
    checkSize(pieces.length, MAX_TEXT, "characters of text");
  }
  return pieces.value();
}

export function reduce(self: RubyValue[], parameters: RubyValue[], block?: RubyBlock): RubyValue {
  const [start, ...rest] = parameters.length > 0 ? [parameters[0] as RubyValue, ...self] : self;
  return rest.reduce<RubyValue>((sum, item) => blockOf(block)(sum, item), start ?? null);
}

function add(left: RubyValue, right: RubyValue): RubyValue {
  return isNumeric(left) ? (numberMethods["+"] as Method)(left, [right]) : textOf(left) + textOf(right);
}

function unique(items: RubyValue[]): RubyValue[] {
  return items.filter((item, index) => items.findIndex((other) => equals(item, other)) === index);
}

function arrayOf(value: RubyValue | undefined): RubyValue[] {
  if (Array.isArray(value)) return value;
  throw new RubyError("TypeError", "no implicit conversion into Array");
}
