import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../src/config/load.ts";
import { ConfigError } from "../../../src/errors.ts";

const ENVIRONMENT = { A: "x.y", HOST: "fd00::1", PORT: "443" };

function parse(text: string, warnings: string[] = []) {
  return parseConfig(text, "/etc/f.conf", {
    environment: ENVIRONMENT,
    hostname: "node-1",
    warn: (message, { file, line }) => warnings.push(`${file}:${line}: ${message}`),
  });
}

const parsedValue = (text: string) => parse(`k ${text}\n`).parameter("k");

function refusal(text: string): ConfigError {
  try {
    parse(text);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: `accepted: ${text}` });
}

test("values are read by the rules of their quotes", () => {
  const table: [text: string, value: string][] = [
    ["a#b", "a#b"], ["v # c", "v"], ["#c", "#c"], ["/a #b/", "/a"], ["http://x/#f", "http://x/#f"],
    ["a\\n", "a\\n"], ["a  b  ", "a  b"], ["#{1}", "#{1}"],
    ["'a\\'\\\\\\n#{1}'", "a'\\\\n#{1}"], ["'a' # c", "a"],
    ['"a\\"\\\\\\r\\n\\t\\f\\b\\0"', 'a"\\\r\n\t\f\b\0'], ['"\\#{x}"', "#{x}"], ['"a\nb"', "a\nb"], ['"a\\\nb"', "ab"], ['"a\n\nb"', "a\n\nb"],
    ['["a", 1] # c', '["a",1]'], ['{"a":\n 1}', '{"a":1}'], ["[1, # one\n 2]", "[1,2]"], ["[[1, # one\n 2]]", "[[1,2]]"],
    ['["#{1 + 1}"]', '["2"]'], ['{"a": #{1 + 1}}', '{"a":2}'],
  ]; // biome-ignore format: a table
  for (const [text, value] of table) assert.equal(parsedValue(text)?.value, value, text);
});

test("a parameter without value is an empty text", () => {
  assert.equal(parse("k").text("k"), "");
  assert.equal(parse("k\nl v").text("k"), "");
  assert.equal(parsedValue('""')?.value, "");
});

test("of a key that stands twice, the last one counts", () => {
  assert.equal(parse("k v\nk w\n").text("k"), "w");
});

test("use_nil and use_default stand for the whole value, nil before default", () => {
  assert.equal(parsedValue("\"#{ENV['NONE'] || use_nil}\"")?.special, "nil");
  assert.equal(parsedValue('"a#{use_default}b"')?.special, "default");
  assert.equal(parsedValue('"#{use_default}#{use_nil}"')?.special, "nil");
  assert.equal(parse('<match "#{use_default}">\n</match>').children[0]?.argument, "");
});

test("section arguments are raw text, or quoted with embedded Ruby", () => {
  const table: [text: string, argument: string][] = [
    ["<match a.** b>", "a.** b"], ["<match>", ""], ["<match a #b>", "a #b"], ['<match "a b">', "a b"],
    ["<match \"#{ENV['A']}.**\">", "x.y.**"], ["<match  a  >", "a"],
  ]; // biome-ignore format: a table
  for (const [tag, argument] of table) assert.equal(parse(`${tag}\n</match>`).children[0]?.argument, argument, tag);
});

test("every node knows its line, also behind texts of several lines and carriage returns", () => {
  const root = parse('# c\r\n<match a>\r\n  k "one\r\ntwo"\r\n  <buffer>\r\n    l v\r\n  </buffer>\r\n</match>\r\n');
  const match = root.children[0];
  assert.equal(match?.position.line, 2);
  assert.deepEqual(match?.parameter("k"), { key: "k", value: "one\ntwo", position: { file: "/etc/f.conf", line: 3 } });
  assert.equal(match?.children[0]?.position.line, 5);
  assert.equal(match?.children[0]?.parameter("l")?.position.line, 6);
});

test("syntax errors carry fluentd's words, the line, and a caret", () => {
  const table: [text: string, line: number, message: string][] = [
    ["<a>k v</a>\n", 1, "expected end of line after tag"],
    ["k v\n<a>\nk v\n", 2, "expected end tag '</a>' but got end of file"],
    ["<a>\n</b>\n", 2, "unmatched end tag"],
    ["<a>\n</a> x\n", 2, "expected end of line after end tag"],
    ["< match>\n</match>", 1, "expected character in tag name"],
    ["<a x\n", 2, "expected '>'"],
    ["k 'a\nb'", 1, "unexpected end of file in a single quoted string"],
    ['\nk "a\n\n', 2, "unexpected end of file in a double quoted string"],
    ['k "\\q"', 1, "unexpected back-slash escape character 'q'"],
    ['k "a" b', 1, "expected end of line"],
    ["k [a,b]", 1, "got incomplete JSON array configuration"],
    ["path {abc", 1, "got incomplete JSON hash configuration"],
    ["@foo 1", 1, "'@' is the system reserved prefix. Don't use '@' prefix parameter in the configuration: @foo"],
    ["@include", 1, "@include needs a path"],
    [`${"<a>\n".repeat(70)}`, 65, "sections nest deeper than 64"],
  ];
  for (const [text, line, message] of table) {
    const error = refusal(text);
    assert.equal(error.message.split("\n")[0], `/etc/f.conf:${line}: ${message}`);
    assert.deepEqual(error.position, { file: "/etc/f.conf", line });
  }
  assert.equal(refusal('  k "a" b\n').message, '/etc/f.conf:1: expected end of line\n    k "a" b\n         ^');
});

test("an error on a line with a secret shows neither its value nor its expression", () => {
  for (const text of ['shared_key "hunter2\\q"', "password \"#{'hunter2'.nope}\""]) {
    assert.doesNotMatch(refusal(text).message, /hunter2/);
  }
});

test("embedded Ruby that fails names the place, the reason and the expression", () => {
  const missing = refusal("\nk \"#{ENV.fetch('NONE')}\"\n").message;
  assert.match(missing, /^\/etc\/f\.conf:2: key not found: "NONE" \(KeyError\) in #\{ENV\.fetch\('NONE'\)\}/);
  assert.match(refusal("k \"#{system('id')}\"").message, /'system' is not known here in #\{system\('id'\)\}/);
  assert.match(refusal('k "#{1').message, /expected end of embedded code but \$end/);
  assert.match(refusal('k ["#{use_nil}"]').message, /use_nil cannot stand within JSON/);
});

test("what is valid but doubtful is a warning with its line", () => {
  const table: [text: string, warning: RegExp][] = [
    ["k #c", /^\/etc\/f\.conf:1: 'k' has the value '#c'/],
    ["k #{ENV['X']}-${tag}", /^\/etc\/f\.conf:1: 'k' is not evaluated: embedded Ruby needs double quotes/],
    ["k a#{x}", /^\/etc\/f\.conf:1: 'k' is not evaluated: embedded Ruby needs double quotes/],
    ["<source>\n  type forward\n</source>", /:2: 'type' is deprecated parameter name\. use '@type' instead\./],
    [
      "<match>\n<buffer>\n@foo 1\n</buffer>\n</match>",
      /:3: '@' is the system reserved prefix\. It works in the nested/,
    ],
    ["include none.conf", /:1: 'include' is deprecated\. Use '@include' instead/],
  ];
  for (const [text, warning] of table) {
    const warnings: string[] = [];
    parse(text, warnings);
    assert.equal(warnings.length, 1, text);
    assert.match(warnings[0] as string, warning);
  }
  const none: string[] = [];
  parse('<record>\n  type x\n  id ${"#{tag}"}\n</record>\n<source>\n@type a\ntype b\n</source>\nk "#c"', none);
  assert.deepEqual(none, []);
});

test("old names count where the new one is absent", () => {
  const [source, both] = parse("<source>\ntype a\n</source>\n<source>\ntype a\n@type b\n</source>").children;
  assert.equal(source?.text("@type"), "a");
  assert.equal(both?.text("@type"), "b");
});
