import assert from "node:assert/strict";
import { test } from "node:test";
import { LimitError, MalformedError } from "../../../src/errors.ts";
import { decode } from "../../../src/event/msgpack.ts";
import { JsonFramer } from "../../../src/forward-protocol/json-framer.ts";

function valuesOf(reads: readonly Buffer[], limitBytes = 10_000): unknown[] {
  const framer = new JsonFramer(limitBytes);
  const found: unknown[] = [];
  for (const read of reads) {
    framer.feed(read);
    while (framer.next()) found.push(decode(framer.bytes.subarray(framer.start, framer.end)));
  }
  return found;
}

const text = Buffer.from('["t.a",1700000000,{"k":"ä ] \\" }"}]\n  ["t.b",1,{"n":[1,2]},{"chunk":"x"}]{}');
const values = [["t.a", 1700000000, { k: 'ä ] " }' }], ["t.b", 1, { n: [1, 2] }, { chunk: "x" }], {}];

test("JSON values come out whole wherever the text is cut", () => {
  assert.deepEqual(valuesOf([text]), values);
  for (let at = 1; at < text.length; at++) {
    assert.deepEqual(valuesOf([text.subarray(0, at), text.subarray(at)]), values, `cut at ${at}`);
  }
  assert.deepEqual(valuesOf([...text].map((byte) => Buffer.from([byte]))), values);
});

test("a JSON text past the limit is refused before it is whole", () => {
  assert.throws(() => valuesOf([Buffer.from('["'), Buffer.alloc(60, 0x61), Buffer.alloc(60, 0x61)], 100), LimitError);
});

test("white space without end is not collected", () => {
  const framer = new JsonFramer(100);
  for (let index = 0; index < 50; index++) {
    framer.feed(Buffer.alloc(64, 0x20));
    assert.ok(!framer.next());
  }
  assert.equal(framer.pendingBytes, 0);
});

test("text that is no JSON is malformed", () => {
  assert.throws(() => valuesOf([Buffer.from("[nonsense]")]), MalformedError);
  assert.throws(() => valuesOf([Buffer.from("[1]x")]), MalformedError);
});
