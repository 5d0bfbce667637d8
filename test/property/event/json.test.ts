import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { msgpackToJson } from "../../../src/event/json.ts";
import { jsonToMsgpack } from "../../../src/event/json-reader.ts";
import { JsonValueScanner } from "../../../src/event/json-value-scanner.ts";
import { decode, encode } from "../../../src/event/msgpack.ts";
import { INCOMPLETE } from "../../../src/event/walker.ts";

/** @msgpack/msgpack decodes no map with the key __proto__. */
const anyValue = fc.jsonValue({ maxDepth: 5 }).filter((value) => !JSON.stringify(value).includes("__proto__"));

/** As the decoder shows it: 64-bit integers come as bigint, the rest as JSON has it. */
const plain = (value: unknown) => JSON.parse(JSON.stringify(value, (_, v) => (typeof v === "bigint" ? Number(v) : v)));

test("msgpackToJson writes JSON of the same value", () => {
  fc.assert(fc.property(anyValue, (value) => assert.deepEqual(JSON.parse(msgpackToJson(encode(value))), plain(value))));
});

test("jsonToMsgpack reads what JSON.stringify writes, with any white space", () => {
  fc.assert(
    fc.property(anyValue, fc.constantFrom(undefined, 1, "\t"), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      assert.deepEqual(plain(decode(jsonToMsgpack(text))), JSON.parse(text));
    }),
  );
});

test("jsonToMsgpack accepts exactly what JSON.parse accepts where it is strict, and no less where it is not", () => {
  const text = fc.string({ unit: fc.constantFrom(...'[]{}",:0123.eE+-\\ truefalsn u00e9'), maxLength: 12 });
  fc.assert(
    fc.property(text, (candidate) => {
      const accepts = (action: () => unknown) => {
        try {
          action();
          return true;
        } catch {
          return false;
        }
      };
      const isJson = accepts(() => JSON.parse(candidate));
      assert.equal(
        accepts(() => jsonToMsgpack(candidate, true)),
        isJson,
      );
      if (isJson) jsonToMsgpack(candidate);
    }),
    { numRuns: 3000 },
  );
});

test("the scanner finds every value of a stream that comes in any pieces", () => {
  const container = fc.oneof(fc.array(anyValue), fc.dictionary(fc.string(), anyValue));
  fc.assert(
    fc.property(fc.array(container, { minLength: 1 }), fc.array(fc.nat({ max: 20 })), (values, cuts) => {
      const bytes = Buffer.from(values.map((value) => JSON.stringify(value)).join(" "));
      const scanner = new JsonValueScanner();
      const found: unknown[] = [];
      let start = 0;
      let seen = 0;
      for (const step of [...cuts, bytes.length]) {
        const limit = Math.min(bytes.length, seen + step);
        while (seen < limit) {
          const end = scanner.scan(bytes, seen, limit);
          seen = end === INCOMPLETE ? limit : end;
          if (end === INCOMPLETE) continue;
          found.push(JSON.parse(bytes.toString("utf8", start, end)));
          start = end;
        }
      }
      assert.deepEqual(
        found,
        values.map((value) => JSON.parse(JSON.stringify(value))),
      );
    }),
  );
});
