import assert from "node:assert/strict";
import { test } from "node:test";
import { TagRule } from "../../../../src/input/forward/tag-rule.ts";

function tagOf(rule: TagRule, text: string): string | undefined {
  const bytes = Buffer.from(`xx${text}yy`);
  return rule.tagOf(bytes, 2, bytes.length - 2);
}

test("a tag is passed on, behind the prefix where there is one", () => {
  assert.equal(tagOf(new TagRule(undefined, undefined), "kube.a.b"), "kube.a.b");
  assert.equal(tagOf(new TagRule(undefined, "up"), "kube.a.b"), "up.kube.a.b");
  assert.equal(tagOf(new TagRule(undefined, undefined), "名.b"), "名.b");
});

test("a tag of our own replaces whatever came, before the prefix", () => {
  const rule = new TagRule("mine", "up");
  assert.equal(tagOf(rule, "kube"), "up.mine");
  assert.equal(rule.tagOf(Buffer.alloc(0), -1, -1), "up.mine");
});

test("tags that differ in one byte, or in length, are told apart", () => {
  const rule = new TagRule(undefined, undefined);
  for (const tag of ["app.a", "app.b", "app.bb", "app.b", "bpp.b"]) assert.equal(tagOf(rule, tag), tag);
});

test("no tag, an endless one, control characters and steps up are refused", () => {
  const rule = new TagRule(undefined, undefined);
  for (const tag of ["", "a".repeat(513), "a\nb", "a\0b", "\x7f", "../etc", "a/../b", "a\\..\\b", "..", "a/.."]) {
    assert.equal(tagOf(rule, tag), undefined, JSON.stringify(tag));
  }
  assert.equal(rule.tagOf(Buffer.alloc(0), -1, -1), undefined);
  assert.equal(tagOf(rule, "a".repeat(512)), "a".repeat(512));
  assert.equal(tagOf(rule, "var.log..x"), "var.log..x");
});
