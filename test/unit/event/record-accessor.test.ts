import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../../../src/errors.ts";
import { msgpackToJson } from "../../../src/event/json.ts";
import { jsonToMsgpack } from "../../../src/event/json-reader.ts";
import { recordAccessor } from "../../../src/event/record-accessor.ts";
import { onlyFields, withoutPath } from "../../../src/event/record-removal.ts";

const shown = (text: string) => recordAccessor(text).map((step) => (typeof step === "number" ? step : step.toString()));

test("accessors are plain names, dots, or brackets", () => {
  const table: [string, (string | number)[]][] = [
    ["a.b", ["a.b"]], ["$.a", ["a"]], ["$.a.b[0].c[-1]", ["a", "b", 0, "c", -1]], ["$['a.b'][1][\"c d\"]", ["a.b", 1, "c d"]], ["$", ["$"]], ["$.a[0][1]", ["a", 0, 1]], ["", [""]],
  ]; // biome-ignore format: a table
  for (const [text, path] of table) assert.deepEqual(shown(text), path, text);
  for (const text of ["$.a b", "$.a[x]", "$.a[0", "$['a'", "$['a\"]", "$['a']b", "$.", "$.a[]"]) {
    assert.throws(() => recordAccessor(text), ConfigError, text);
  }
});

test("values are taken out at any depth, and chosen fields copied", () => {
  const record = jsonToMsgpack('{"a":1.0,"b":{"c":[1,2,{"d":3}],"e":null},"f":"g"}');
  const without = (text: string) => msgpackToJson(withoutPath(record, recordAccessor(text)));
  assert.equal(without("a"), '{"b":{"c":[1,2,{"d":3}],"e":null},"f":"g"}');
  assert.equal(without("$.b.c[2].d"), '{"a":1.0,"b":{"c":[1,2,{}],"e":null},"f":"g"}');
  assert.equal(without("$.b.c[-3]"), '{"a":1.0,"b":{"c":[2,{"d":3}],"e":null},"f":"g"}');
  assert.equal(without("$.b.x.y"), msgpackToJson(record));
  assert.equal(without("$.f[0]"), msgpackToJson(record));
  assert.equal(
    msgpackToJson(onlyFields(record, [Buffer.from("f"), Buffer.from("x"), Buffer.from("a")])),
    '{"f":"g","a":1.0}',
  );
});

test("headers of many fields shrink where they must", () => {
  const many = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`k${index}`, index]));
  const record = jsonToMsgpack(JSON.stringify(many));
  const fewer = withoutPath(record, [Buffer.from("k3")]);
  assert.equal(fewer[0], 0x8f);
  assert.equal(Object.keys(JSON.parse(msgpackToJson(fewer))).length, 15);
});
