import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest } from "../../../src/config/nearest.ts";

const NAMES = ["port", "path", "bind", "flush_interval", "retry_wait"];

test("a letter put in, left out, changed or swapped is one edit", () => {
  for (const name of ["prot", "por", "pork", "porrt", "oprt"]) assert.equal(nearest(name, NAMES), "port", name);
  assert.equal(nearest("flush_intreval", NAMES), "flush_interval");
  assert.equal(nearest("flsuh_interavl", NAMES), "flush_interval");
});

test("what is far from every name is near to none", () => {
  assert.equal(nearest("prefix", NAMES), undefined);
  assert.equal(nearest("trop", NAMES), undefined);
  assert.equal(nearest("x", []), undefined);
});
