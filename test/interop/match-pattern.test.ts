import assert from "node:assert/strict";
import { test } from "node:test";
import { matchPattern } from "../../src/pipeline/match-pattern.ts";
import { withoutFluentd } from "../support/fluentd.ts";
import { askRuby } from "../support/ruby.ts";

const patterns = [
  "*", "**", "a", "a.b", "a.*", "a.**", "**.a", "a.**.b", "a*", "a**", "a.b*", "*.*", "*.b.*", "**.b.**", "a.", "a..b", "", ".a",
  "{a,b}", "{a,b}.c", "a.{b,c}.*", "a.{b,c.**}", "a.{**,b}", "{a.b,c.d}", "a{b,c}d", "{a,{b,c}}", "{}", "{a,}", "{,a}b", "a.{b.,c}d",
  "{a,b", "{a*,b", "{a,{b,c}", "a}b", "a,b", "}", "a.{b", "\\a", "a\\.b", "a\\*", "\\*", "a.\\{b\\}", "\\", "a\\", "{a\\,b,c}",
  "[ab]", "a-b", "a_b", "a+b", "a?", "a|b", "(a)", "^a$", "$", "a:b", "a/b", "é", "日本.*", "a.b c.d", "a.* b.**", "a\tb",
  "kubernetes.var.log.containers.**_kube-system_**", "**_x", "x_**", "**x**", "a**.b", "a.**b", "**.**", "*.**", "**.*", "a.**.**.b", "***", "****",
  "/a/", "/a|b/", "/a.*/", "/^a$/", "/\\Aa\\z/", "/a\\.b/", "/[a-c]+/", "/(?<x>a)b/", "/\\h+/", "/./", "/a\\-b/",
]; // biome-ignore format: a list
const tags = [
  "", "a", "b", "c", "d", "ab", "abc", "a.b", "a.c", "b.c", "a.b.c", "a.b.c.d", "b.a", "c.b.a", "a.x.b", "a.x.y.b", "ab.c", "a.", ".a", "a..b", "..",
  ".", "abd", "acd", "ad", "c.d", "a.b.d", "a.bd", "a.cd", "*", "a*", "{b}", "a.{b}", "{a", "a,b", "a}b", "}", "[ab]", "a-b", "a_b", "a+b", "a?", "a|b", "(a)",
  "^a$", "$", "a:b", "a/b", "é", "日本.x", "日本", "kubernetes.var.log.containers.p_kube-system_c-1.log", "kubernetes.var.log.containers._kube-system_",
  "kubernetes.var.log.containersx_kube-system_", "y_x", "x_y", "a\n", "a\nb", "a.b\n", "\na", "x.b.y", "b.x", "x.b", "\\", "a b", "fluent.info", "a[^\\.]*", "😀",
]; // biome-ignore format: a list

test("patterns take the same tags as in fluentd", { skip: withoutFluentd }, () => {
  const expected: boolean[][] = askRuby(
    `require "fluent/match"
     require "fluent/config/error"
     output = input["patterns"].map { |pattern|
       globs = (pattern.empty? ? "**" : pattern).split(/\\s+/).map { |part| Fluent::MatchPattern.create(part) }
       matcher = globs.length == 1 ? globs[0] : Fluent::OrMatchPattern.new(globs)
       input["tags"].map { |tag| matcher.match(tag) ? true : false } }`,
    { patterns, tags },
  );
  const differences: string[] = [];
  for (const [row, pattern] of patterns.entries()) {
    const matches = matchPattern(pattern);
    for (const [column, tag] of tags.entries()) {
      const wanted = expected[row]?.[column];
      if (matches(tag) !== wanted)
        differences.push(`${JSON.stringify(pattern)} with ${JSON.stringify(tag)}: ${wanted}`);
    }
  }
  assert.deepEqual(differences, []);
});
