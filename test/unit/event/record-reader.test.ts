import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encode } from "../../../src/event/msgpack.ts";
import { ABSENT } from "../../../src/event/record-fields.ts";
import { findPath, readText } from "../../../src/event/record-reader.ts";

const path = (...steps: (string | number)[]) =>
  steps.map((step) => (typeof step === "string" ? Buffer.from(step) : step));

/** The text at `steps`, or "missing". */
function textAt(record: unknown, ...steps: (string | number)[]): string | null {
  const bytes = encode(record);
  const at = findPath(bytes, 0, path(...steps));
  return at === ABSENT ? "missing" : readText(bytes, at, bytes.length);
}

test("a field is found by its path, among others of every kind", () => {
  const record = { a: [1, { x: "y" }], b: { c: { d: "deep" }, "c.d": "dotted" }, last: "z".repeat(300) };
  assert.equal(textAt(record, "b", "c", "d"), "deep");
  assert.equal(textAt(record, "b", "c.d"), "dotted");
  assert.equal(textAt(record, "a", 1, "x"), "y");
  assert.equal(textAt(record, "a", -1, "x"), "y");
  assert.equal(textAt(record, "last"), "z".repeat(300));
});

test("what is not there is missing, not an error", () => {
  const record = { a: "text", list: [1] };
  for (const steps of [["b"], ["a", "x"], ["list", 1], ["list", -2], ["list", "x"], ["a", 0]]) {
    assert.equal(textAt(record, ...steps), "missing", JSON.stringify(steps));
  }
});

test("texts are Ruby's to_s", () => {
  const cases: [unknown, string | null][] = [
    [null, null], [true, "true"], [42, "42"], [-1, "-1"], [2n ** 63n, "9223372036854775808"], [1.5, "1.5"],
    [[1, null, "x"], '[1, nil, "x"]'], [{ a: [true] }, '{"a"=>[true]}'], ["日本", "日本"],
  ]; // biome-ignore format: a table
  for (const [value, text] of cases) assert.equal(textAt({ k: value }, "k"), text);
  const float = (value: number) => {
    const bytes = Buffer.alloc(9, 0xcb);
    bytes.writeDoubleBE(value, 1);
    return readText(bytes, 0, 9);
  };
  assert.deepEqual([1, 1e16, 1.5e-5, 1e15, 0.0001].map(float), ["1.0", "1.0e+16", "1.5e-05", "1.0e+15", "0.0001"]);
});

test("every field of any record is found", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.string(), { minKeys: 1 }), (record) => {
      for (const [key, value] of Object.entries(record)) assert.equal(textAt(record, key), value);
    }),
  );
});
