/**
 * Methods of hashes. Keys are texts: a symbol and a text with the same letters are one key. Most give their blocks a pair,
 * which a block of one parameter takes whole; select, reject and their kin give key and value.
 */

import { dig, hashItem, reduce } from "./array-methods.ts";
import {
  blockOf,
  equals,
  inspect,
  isHash,
  isTruthy,
  type MethodTable,
  RubyError,
  type RubyHash,
  type RubyValue,
  toText,
} from "./values.ts";

const hasKey = (hash: RubyHash, [key = null]: RubyValue[]): boolean => hash.has(toText(key));
const hasValue = (hash: RubyHash, [value = null]: RubyValue[]): boolean =>
  [...hash.values()].some((item) => equals(item, value));

const store = (self: RubyHash, [key = null, value = null]: RubyValue[]): RubyValue => {
  self.set(toText(key), value);
  return value;
};

const merge = (self: RubyHash, others: RubyValue[], block?: (...values: RubyValue[]) => RubyValue): RubyHash => {
  const merged = new Map(self);
  for (const other of others) {
    if (!isHash(other)) throw new RubyError("TypeError", "no implicit conversion into Hash");
    for (const [key, value] of other) {
      merged.set(key, block && merged.has(key) ? block(key, merged.get(key) ?? null, value) : value);
    }
  }
  return merged;
};

/** Methods that give a new hash, each with its twin `name!` that changes its hash in place. */
const renewing: MethodTable<RubyHash> = {
  select: (self, _, block) => filtered(self, (key, value) => isTruthy(blockOf(block)(key, value))),
  filter: (self, _, block) => filtered(self, (key, value) => isTruthy(blockOf(block)(key, value))),
  reject: (self, _, block) => filtered(self, (key, value) => !isTruthy(blockOf(block)(key, value))),
  compact: (self) => filtered(self, (_, value) => value !== null),
  transform_values: (self, _, block) => new Map([...self].map(([key, value]) => [key, blockOf(block)(value)])),
  transform_keys: (self, [names], block) =>
    new Map(
      [...self].map(([key, value]) => {
        const renamed = isHash(names) ? (names.get(key) ?? (block ? block(key) : key)) : blockOf(block)(key);
        return [toText(renamed), value];
      }),
    ),
  merge,
};

/** Of these, Ruby gives nil where nothing changed. */
const NIL_UNCHANGED = new Set(["select", "filter", "reject", "compact"]);

const inPlace: MethodTable<RubyHash> = Object.fromEntries(
  Object.entries(renewing).map(([name, method]) => [
    `${name}!`,
    (self: RubyHash, parameters: RubyValue[], block?: (...values: RubyValue[]) => RubyValue) => {
      const before = self.size;
      replace(self, method(self, parameters, block) as RubyHash);
      return NIL_UNCHANGED.has(name) && self.size === before ? null : self;
    },
  ]),
);

export const hashMethods: MethodTable<RubyHash> = {
  ...renewing,
  ...inPlace,
  "[]": (self, [key = null]) => hashItem(self, key),
  "[]=": store,
  store,
  delete: (self, [key = null]) => {
    const value = hashItem(self, key);
    self.delete(toText(key));
    return value;
  },
  delete_if: (self, _, block) =>
    replace(
      self,
      filtered(self, (key, value) => !isTruthy(blockOf(block)(key, value))),
    ),
  keep_if: (self, _, block) =>
    replace(
      self,
      filtered(self, (key, value) => isTruthy(blockOf(block)(key, value))),
    ),
  update: (self, others, block) => replace(self, merge(self, others, block)),
  replace: (self, [other = null]) => replace(self, isHash(other) ? other : new Map()),
  clear: (self) => replace(self, new Map()),
  dig: (self, keys) => dig(self, keys),
  fetch: (self, [key = null, fallback], block) => {
    if (hasKey(self, [key])) return hashItem(self, key);
    if (block) return block(key);
    if (fallback !== undefined) return fallback;
    throw new RubyError("KeyError", `key not found: ${inspect(key)}`);
  },
  "key?": hasKey,
  "has_key?": hasKey,
  "include?": hasKey,
  "member?": hasKey,
  "value?": hasValue,
  "has_value?": hasValue,
  key: (self, [value = null]) => [...self].find(([, item]) => equals(item, value))?.[0] ?? null,
  keys: (self) => [...self.keys()],
  values: (self) => [...self.values()],
  values_at: (self, keys) => keys.map((key) => hashItem(self, key)),
  length: (self) => self.size,
  size: (self) => self.size,
  count: (self, _, block) => [...self].filter((pair) => !block || isTruthy(block(pair))).length,
  "empty?": (self) => self.size === 0,
  first: (self) => self.entries().next().value ?? null,
  to_a: (self) => [...self],
  to_h: (self, _, block) => (block ? new Map([...self].map(([key, value]) => pairOf(block(key, value)))) : self),
  map: (self, _, block) => [...self].map((pair) => blockOf(block)(pair)),
  collect: (self, _, block) => [...self].map((pair) => blockOf(block)(pair)),
  flat_map: (self, _, block) => [...self].flatMap((pair) => blockOf(block)(pair) as RubyValue),
  each: each,
  each_pair: each,
  each_key: (self, _, block) => {
    for (const key of [...self.keys()]) blockOf(block)(key);
    return self;
  },
  each_value: (self, _, block) => {
    for (const value of [...self.values()]) blockOf(block)(value);
    return self;
  },
  find: (self, _, block) => [...self].find((pair) => isTruthy(blockOf(block)(pair))) ?? null,
  detect: (self, _, block) => [...self].find((pair) => isTruthy(blockOf(block)(pair))) ?? null,
  inject: (self, parameters, block) => reduce([...self], parameters, block),
  each_with_object: (self, [object = null], block) => {
    for (const pair of [...self]) blockOf(block)(pair, object);
    return object;
  },
  sort: (self) => [...self].toSorted(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0)),
  invert: (self) => new Map([...self].map(([key, value]) => [toText(value), key])),
  "any?": (self, _, block) => [...self].some((pair) => !block || isTruthy(block(pair))),
  "all?": (self, _, block) => [...self].every((pair) => !block || isTruthy(block(pair))),
  "none?": (self, _, block) => ![...self].some((pair) => !block || isTruthy(block(pair))),
  slice: (self, keys) => {
    const names = keys.map(toText).filter((name) => self.has(name));
    return new Map(names.map((name) => [name, self.get(name) as RubyValue]));
  },
  except: (self, keys) => filtered(self, (key) => !keys.some((removed) => toText(removed) === key)),
  dup: (self) => new Map(self),
  clone: (self) => new Map(self),
};

function each(self: RubyHash, _: RubyValue[], block?: (...values: RubyValue[]) => RubyValue): RubyHash {
  for (const pair of [...self]) blockOf(block)(pair);
  return self;
}

function filtered(hash: RubyHash, keep: (key: string, value: RubyValue) => boolean): RubyHash {
  return new Map([...hash].filter(([key, value]) => keep(key, value)));
}

function replace(hash: RubyHash, by: RubyHash): RubyHash {
  const entries = [...by];
  hash.clear();
  for (const [key, value] of entries) hash.set(key, value);
  return hash;
}

/** The key and the value of a block's result. */
export function pairOf(value: RubyValue): [string, RubyValue] {
  if (!Array.isArray(value) || value.length !== 2) {
    throw new RubyError("TypeError", "wrong element type (expected an array of two)");
  }
  return [toText(value[0] as RubyValue), value[1] as RubyValue];
}
