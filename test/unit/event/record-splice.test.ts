import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteWriter } from "../../../src/event/byte-writer.ts";
import { decode, encode } from "../../../src/event/msgpack.ts";
import { RecordSplice } from "../../../src/event/record-splice.ts";

function spliced(record: object, fields: Record<string, unknown>): Buffer {
  const before = encode("before");
  const bytes = Buffer.concat([before, encode(record), encode("behind")]);
  const writer = new ByteWriter();
  const splice = new RecordSplice(Object.keys(fields));
  const values = Object.values(fields).map((value) => encode(value));
  const end = splice.write(writer, bytes, before.length, values);
  assert.equal(end, before.length + encode(record).length);
  return writer.take();
}

test("new fields go behind, those that are there keep their place", () => {
  assert.deepEqual(spliced({ a: 1, b: [2] }, { c: 3 }), encode({ a: 1, b: [2], c: 3 }));
  assert.deepEqual(spliced({ a: 1, b: [2] }, { a: "x", c: null }), encode({ a: "x", b: [2], c: null }));
  assert.deepEqual(spliced({}, {}), encode({}));
});

test("the header grows where 15 or 65535 fields are not enough", () => {
  for (const count of [15, 16, 65535]) {
    const record = Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]));
    assert.deepEqual(spliced(record, { more: 1, k3: "new" }), encode({ ...record, k3: "new", more: 1 }));
  }
});

test("the result is what an object of JavaScript holds after the same assignments", () => {
  // @msgpack/msgpack decodes no map with the key __proto__.
  const value = fc.jsonValue({ maxDepth: 2 }).filter((json) => !JSON.stringify(json).includes("__proto__"));
  const object = fc.dictionary(fc.stringMatching(/^[a-d]{1,2}$/), value);
  fc.assert(
    fc.property(object, object, (record, fields) => {
      const expected = decode(encode({ ...record, ...fields }));
      assert.deepEqual(decode(spliced(record, fields)), expected);
    }),
  );
});
