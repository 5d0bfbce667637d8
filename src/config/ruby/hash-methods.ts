/** Methods of hashes. None changes its hash. Keys are texts: a symbol and a text with the same letters are one key. */

import { dig, hashItem } from "./array-methods.ts";
import {
  blockOf,
  inspect,
  isHash,
  isTruthy,
  type MethodTable,
  RubyError,
  type RubyHash,
  type RubyValue,
  toText,
} from "./values.ts";

const entriesOf = (hash: RubyHash): [string, RubyValue][] => Object.entries(hash);
const hasKey = (hash: RubyHash, [key = null]: RubyValue[]): boolean => Object.hasOwn(hash, toText(key));

export const hashMethods: MethodTable<RubyHash> = {
  "[]": (self, [key = null]) => hashItem(self, key),
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
  keys: (self) => Object.keys(self),
  values: (self) => Object.values(self),
  values_at: (self, keys) => keys.map((key) => hashItem(self, key)),
  length: (self) => Object.keys(self).length,
  size: (self) => Object.keys(self).length,
  count: (self) => Object.keys(self).length,
  "empty?": (self) => Object.keys(self).length === 0,
  to_a: (self) => entriesOf(self),
  to_h: (self) => self,
  map: (self, _, block) => entriesOf(self).map(([key, value]) => blockOf(block)(key, value)),
  each: (self, _, block) => {
    for (const [key, value] of entriesOf(self)) blockOf(block)(key, value);
    return self;
  },
  "any?": (self, _, block) => entriesOf(self).some(([key, value]) => !block || isTruthy(block(key, value))),
  "all?": (self, _, block) => entriesOf(self).every(([key, value]) => !block || isTruthy(block(key, value))),
  select: (self, _, block) => filtered(self, (key, value) => isTruthy(blockOf(block)(key, value))),
  filter: (self, _, block) => filtered(self, (key, value) => isTruthy(blockOf(block)(key, value))),
  reject: (self, _, block) => filtered(self, (key, value) => !isTruthy(blockOf(block)(key, value))),
  compact: (self) => filtered(self, (_, value) => value !== null),
  slice: (self, keys) => filtered(self, (key) => keys.some((kept) => toText(kept) === key)),
  except: (self, keys) => filtered(self, (key) => !keys.some((removed) => toText(removed) === key)),
  transform_values: (self, _, block) =>
    Object.fromEntries(entriesOf(self).map(([key, value]) => [key, blockOf(block)(value)])),
  transform_keys: (self, _, block) =>
    Object.fromEntries(entriesOf(self).map(([key, value]) => [toText(blockOf(block)(key)), value])),
  merge: (self, others) => {
    const entries = others.flatMap((other) => {
      if (!isHash(other)) throw new RubyError("TypeError", "no implicit conversion into Hash");
      return entriesOf(other);
    });
    return Object.fromEntries([...entriesOf(self), ...entries]);
  },
};

function filtered(hash: RubyHash, keep: (key: string, value: RubyValue) => boolean): RubyHash {
  return Object.fromEntries(entriesOf(hash).filter(([key, value]) => keep(key, value)));
}
