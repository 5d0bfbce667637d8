import assert from "node:assert/strict";
import { test } from "node:test";
import { rubyRegexp } from "../../../../src/config/ruby/regexp.ts";

test("Ruby's forms match as in Ruby", () => {
  const table: [source: string, flags: string, text: string, found: string | null][] = [
    ["^b$", "", "a\nb\nc", "b"], ["a.b", "", "a\nb", null], ["a.b", "m", "a\nb", "a\nb"], ["A", "i", "a", "a"], ["c$", "", "c\r", null],
    ["\\Ab", "", "a\nb", null], ["a\\z", "", "a\n", null], ["a\\Z", "", "a\n", "a"], ["\\h+", "", "xfFg", "fF"], ["[\\h-]+", "", "a-f", "a-f"],
    ["\\s", "", "\u00a0", null], ["[[:alpha:]]+", "", "1äb2", "äb"], ["[^[:space:]]+", "", " a ", "a"], ["[\\w-.]+", "", "!a-b.c!", "a-b.c"],
    ["[]a]+", "", "x]a", "]a"], ["\\-\\/\\_\\:", "", "-/_:", "-/_:"], ["a{,2}b", "", "aab", "aab"], ["{a}", "", "{a}", "{a}"], ["a{", "", "a{", "a{"],
    ["(?i)A", "", "a", "a"], ["(?m:a.)b", "", "a\nb", "a\nb"], ["(?-mix:a.)", "", "ab", "ab"], ["(?x) a b # c\n c", "", "abc", "abc"],
    ["(?#note)a", "", "a", "a"], ["\\R", "", "a\r\nb", "\r\n"], ["(a)\\1", "", "aa", "aa"], ["(?<q>['\"])x\\k<q>", "", "'x\" \"x\"", '"x"'],
    ["\\p{Han}+", "", "a漢字", "漢字"], ["\\p{Alpha}+", "", "1ab", "ab"], ["\\e\\[", "", "\x1b[", "\x1b["], ["a*?b", "", "aab", "aab"], ["[a&b]", "", "&", "&"],
    ["\\x41\\u0042\\u{43}", "", "ABC", "ABC"], ["[^\\]]+", "", "]ab]", "ab"], ["a#b", "", "a#b", "a#b"], ["(?<=a)b(?!c)", "", "abc ab", "b"],
  ]; // biome-ignore format: a table
  for (const [source, flags, text, found] of table) {
    assert.equal(rubyRegexp(source, flags).exec(text)?.[0] ?? null, found, `/${source}/${flags}`);
  }
});

test("beside named groups, plain ones do not capture", () => {
  const match = rubyRegexp("^(?<a>x)(y)(?'b'z)$").exec("xyz");
  assert.deepEqual({ ...match?.groups }, { a: "x", b: "z" });
  assert.equal(match?.length, 3);
});

test("apache's line gives its fields", () => {
  const pattern = rubyRegexp(
    '^(?<host>[^ ]*) [^ ]* (?<user>[^ ]*) \\[(?<time>[^\\]]*)\\] "(?<method>\\S+)(?: +(?<path>(?:[^\\"]|\\\\.)*?)(?: +\\S*)?)?" (?<code>[^ ]*) (?<size>[^ ]*)$',
  );
  const line = '192.168.0.1 - - [28/Feb/2013:12:00:00 +0900] "GET / HTTP/1.1" 200 777';
  assert.equal(pattern.exec(line)?.groups?.path, "/");
});

test("what JavaScript cannot do is refused with its reason", () => {
  for (const source of [
    "a++",
    "a*+",
    "(?>a)",
    "\\Ga",
    "\\g<a>",
    "a(?i)b",
    "a(?i:b)",
    "[a[b]]",
    "[a&&b]",
    "(?~a)",
    "(?(1)a)",
  ]) {
    assert.throws(() => rubyRegexp(source), /is not supported$/, source);
  }
  for (const source of ["(", "[a", "a)", "*", "a\\", "(?<a>x)(?<a>y)"])
    assert.throws(() => rubyRegexp(source), /invalid regexp/, source);
});

test("a match that would take years is no match", () => {
  assert.equal(rubyRegexp("^(a+)+$").test(`${"a".repeat(60)}!`), false);
});
