/** A hash over bytes is a hash: whatever is done to it, it says and becomes what one of decoded fields would. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { RubyValue } from "../../src/config/ruby/values.ts";
import { ByteWriter } from "../../src/event/byte-writer.ts";
import { writeMapHeader } from "../../src/event/msgpack-writer.ts";
import { LazyHash } from "../../src/filter/lazy-hash.ts";
import { rubyValueBytes } from "../../src/filter/ruby-value-writer.ts";

const name = fc.constantFrom("a", "b", "log", "é", "a long name, longer than a loop of sixteen");
const scalar: fc.Arbitrary<RubyValue> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.constantFrom("", "text", "ü", "x".repeat(80)),
);
const value = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 2 }),
  fc.array(fc.tuple(name, scalar)).map((all) => new Map(all)),
);
const step = fc.oneof(
  fc.record({ do: fc.constant("set" as const), name, value }),
  fc.record({ do: fc.constantFrom("get" as const, "has" as const, "delete" as const, "nest" as const), name }),
  fc.record({ do: fc.constantFrom("size" as const, "keys" as const), name }),
);

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** Fields of which a name may stand twice, as bytes behind others. */
function packed(fields: readonly (readonly [string, RubyValue])[]): Buffer {
  const writer = new ByteWriter();
  writer.byte(0xc0);
  writeMapHeader(writer, fields.length);
  for (const [key, item] of fields) {
    writer.copy(rubyValueBytes(key));
    writer.copy(rubyValueBytes(item));
  }
  return writer.take();
}

const copyOf = (item: RubyValue): RubyValue => (item instanceof Map ? new Map(item) : item);

const shown = (item: RubyValue | undefined) => (item === undefined ? "none" : rubyValueBytes(item).toString("hex"));

/** Does the same to both, and compares what they say; whether anything was changed. */
function take(step: Step, lazy: LazyHash, model: Map<string, RubyValue>): boolean {
  const { do: what, name: key } = step;
  if (what === "set") {
    lazy.set(key, copyOf(step.value));
    model.set(key, copyOf(step.value));
    return true;
  }
  if (what === "get") assert.equal(shown(lazy.get(key)), shown(model.get(key)));
  else if (what === "has") assert.equal(lazy.has(key), model.has(key));
  else if (what === "delete") assert.equal(lazy.delete(key), model.delete(key));
  else if (what === "size") assert.equal(lazy.size, model.size);
  else if (what === "keys") assert.deepEqual([...lazy.keys()], [...model.keys()]);
  else for (const inner of [lazy.get(key), model.get(key)]) if (inner instanceof Map) inner.set("b", "nested");
  return what === "delete" || (what === "nest" && model.get(key) instanceof Map);
}

test("a hash over bytes does as a map of its fields", () => {
  const run = (fields: readonly (readonly [string, RubyValue])[], steps: readonly Step[]) => {
    const lazy = new LazyHash(packed(fields), 1);
    const model = new Map<string, RubyValue>();
    for (const [key, item] of fields) model.set(key, copyOf(item));
    const changes = steps.filter((step) => take(step, lazy, model));
    // What nobody changed may go back as it came, names that stand twice and all.
    const isAsItCame = shown(lazy) === packed(fields).subarray(1).toString("hex");
    if (changes.length > 0 || !isAsItCame) assert.equal(shown(lazy), shown(model));
  };
  const fields = fc.array(fc.tuple(name, value), { maxLength: 6 });
  fc.assert(fc.property(fields, fc.array(step, { maxLength: 8 }), run), { numRuns: 3000 });
});
