import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "../../../src/event/byte-writer.ts";
import { fieldsAt, writeWithFields } from "../../../src/event/record-merge.ts";

function merged(base: string, over: string): string {
  const writer = new ByteWriter();
  writeWithFields(writer, Buffer.from(base, "hex"), 0, fieldsAt(Buffer.from(over, "hex"), 0));
  return writer.take().toString("hex");
}

test("fields that both have keep their place and get the new value, in whatever order they come", () => {
  // {a: 1, b: 2, c: 3} with {c: 7, a: 8, d: 9}
  assert.equal(merged("83a16101a16202a16303", "83a16307a16108a16409"), "84a16108a16202a16307a16409");
});

test("a name is the same as str and as bin, in a short and in a long form; and numbers are names, too", () => {
  assert.equal(merged("82a16101c4016202", "82c4016107d9016208"), "82a16107c4016208");
  assert.equal(merged("820501a13502", "820507a13608"), "830507a13502a13608");
});
