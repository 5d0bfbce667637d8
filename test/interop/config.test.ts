/** The parser beside fluentd's own: one corpus, one Ruby process, equal trees; and an error wherever fluentd errs. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { test } from "node:test";
import type { ConfigElement } from "../../src/config/element.ts";
import { parseConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/errors.ts";

const gemHome = process.env.SUIRO_TEST_FLUENTD;
const skip = gemHome ? false : (process.env.SUIRO_TEST_NO_FLUENTD ?? "SUIRO_TEST_FLUENTD is not set");

/** Variables that both sides see. */
const ENVIRONMENT = {
  SUIRO_A: "x.y.z",
  SUIRO_N: "5",
  SUIRO_EMPTY: "",
  SUIRO_HOST: "fd00::1",
  SUIRO_PORT: "443",
  SUIRO_QUOTE: 'a"b',
};

const value = (text: string) => `k ${text}\n`;

/** Texts that both sides must read alike. */
const CORPUS = [
  "", "\n\n", "# only\n", "k", "k\n", "k v", "k v\r\nl w\r\n", "  k v  \n\tl\tw\n", "k v\nk w\n",
  "a.b c\n", "'a b' c\n", '"a b" c\n', "k-x/y z\n", "a#b c\n", "k\n\n\nl v", "k   \nl v",
  ...["a#b", "v # c", "#c", "#c # d", "# c", "/a #b/", "http://x/#f", "a\\", "a\\n", "a'b'", 'a"b"', "a # b # c", "x  # y",
    "a\t#b", "1 2  3", "#{1}", "a,b", "${tag}", "$.a['b']", "/^(?<x>.*)$/", "<x>", "a > b", "</x>", "日本語 # x", "v #"].map(value),
  ...["''", "'a\\'b'", "'a\\\\b'", "'a\\nb'", "'a#{1}b'", "'a' # c", "'#x'", "'a\"b'"].map(value),
  ...['""', '"a\\"b"', '"a\\\\b"', '"a\\nb\\tc\\rd\\fe\\bf\\0g"', '"a\\#{x}b"', '"a\\-\\.b"', '"a" # c', '"a#b"', '"a\nb"',
    '"a\\\nb"', '"日本"', '"#"', '"a #b"', '"\\\'"'].map(value),
  ...["[]", "{}", "[1,2]", "[ 1 , 2 ]", "[1,\n2]", '["a","b#c"]', "[1, # one\n2]", "[1 # one\n, 2]", '{"a": {"b": [true, null]}}',
    '{"a":1.50, "b":1e3, "c":-0, "d":12345678901234567890}', '["a"] # c', '["#{ENV[\'SUIRO_N\']}"]', '{"a": #{ENV[\'SUIRO_N\']}}',
    '["\\u00e9\\n"]', '["\\."]', '{"a\\-b": "^\\\\d\\/\\q\\"$"}', '["a\\/b"]', "[1e20, 1e-5, 1.0]", "[\n]", "{ # c\n}"].map(value),
  "<a>\n</a>", "<a>\n</a>\n<b x>\n  k v\n  <c y z>\n  </c>\n</b>", "<match a.** b.{c,d}>\n</match>", "<match  a  >\n</match >",
  "<match a #b>\n</match>", "<match a#b>\n</match>", '<match "a b">\n</match>', "<match 'a>b'>\n</match>", "<a>  # c\n</a> # d\n",
  "<a\nb>\n</a>", "<match \"#{ENV['SUIRO_A']}.**\">\n</match>", "<match /a.b/>\n</match>", "<buffer tag, time>\n</buffer>",
  "<match a #c\n>\n</match>", '<match "#{use_nil}">\n</match>', "<a>\n@foo 1\n</a>", "<source>\n@type x\n@id y\n@label @Z\n@log_level info\n</source>",
  "<source>\ntype x\nid y\n</source>", "<label @X>\n@foo bar\n</label>", "<source>\n@foo\n</source>", "<a>\ninclude x\n</a>", "<a_1>\n</a_1>",
  "@include nothing.conf\nk v", "@include nothing/*.conf # c\nk v", "<a>\n@include nothing.conf\nk v\n</a>", "@include \"#{'nothing'}.conf\"\nk v",
  "include nothing.conf\nk v",
  ...[
    "ENV['SUIRO_A']", 'ENV["SUIRO_A"]', "ENV['SUIRO_NONE']", "ENV['SUIRO_NONE'] || 'lit'", "ENV['SUIRO_NONE'] || use_default",
    "ENV['SUIRO_NONE'] || use_nil", "ENV['SUIRO_NONE'] || nil", "ENV['SUIRO_NONE'] || false", "ENV['SUIRO_NONE'] || true",
    "ENV['SUIRO_NONE'] || 1", "ENV.fetch('SUIRO_A')", "ENV.fetch('SUIRO_NONE', 'd')", "ENV.fetch('SUIRO_NONE') { 'd' }",
    "ENV.fetch('SUIRO_NONE') { |k| k + '!' }", "ENV['SUIRO_NONE'] || ENV['SUIRO_N'] || 'c'",
    "File.join('/var/log/', ENV.fetch('SUIRO_EMPTY', ''), 'f.pos')", "File.join('a', 'b/', '/c')", "File.join('/', 'a')", "File.join('a', '')",
    "Socket.gethostname", "hostname", "worker_id", "'a' + 'b'", "\"a#{'b' + \"#{1 + 1}\"}\"", "ENV['SUIRO_A'].split('.')[0]",
    "ENV['SUIRO_A'].split('.').first.upcase", "'aXb'.downcase.capitalize", "' a '.strip + '|'", "'12ab'.to_i + 1", "'abab'.gsub('a', 'c').sub(/b/, 'd')",
    "'a-b_c'.tr('-_', '..')", "'hello'.tr('a-y', 'b-z')", "'hello'.tr('^l', '*')", "'a.b'.gsub(/(.)\\.(.)/, '\\2.\\1')",
    "ENV['SUIRO_A'] == 'true' ? 'a' : 'b'", "ENV['SUIRO_NONE'].nil? ? 'n' : 'y'", "ENV['SUIRO_NONE'].to_s.empty? ? 'n' : 'y'",
    "ENV['SUIRO_N'].to_i > 3 ? 'big' : 'small'", "ENV['SUIRO_N'] =~ /\\d/ ? 1 : 2", "!ENV['SUIRO_NONE']", "not true", "1 if false", "2 unless false",
    "host = ENV.fetch('SUIRO_HOST'); host = (IPAddr.new(host).ipv6? ? '['+host+']' : host rescue host); 'https://' + host + ':' + ENV.fetch('SUIRO_PORT')",
    "host = 'kubernetes'; host = IPAddr.new(host).ipv6? ? '['+host+']' : host rescue host; host",
    "require 'ipaddr'; IPAddr.new('10.0.0.1').ipv4?", "if ENV['SUIRO_NONE'] then 1 else 2 end", "begin; Integer('x'); rescue => e; e.message; end",
    "Integer('12') + Integer('0x10')", "Float('1.5')", "7 / 2", "-7 / 2", "-7 % 3", "7 / 2.0", "10.0", "2 ** 10", "1e3", "1.23456e-7", "1e16", "(1..3).to_a", "(1...3).map { |i| i * 2 }.join('-')",
    "[1, 2, 3].map(&:to_s).join(',')", "%w[a b c].last", "%w[a b].include?('a')", "[3,1,2].sort.reverse.first(2)", "[[1, [2]], nil].flatten.compact.length",
    "{'a' => {'b' => 1}}.dig('a', 'b')", "{a: 1, b: 2}.map { |k, v| \"#{k}=#{v}\" }.join('&')", "nil&.upcase", "'abc'[1]", "'abc'[1..]", "'abc'[-2, 2]", "'abc'[5].inspect",
    "'abc'[/b./]", "'a,b,,'.split(',').length", "'a b  c'.split.inspect", "'abc'.split('').inspect", "'a1b2'.scan(/\\d/).inspect",
    "'abc'.start_with?('ab') && 'abc'.end_with?('bc')", "'a\\nb'", '"a\\tb"', "\"x\".ljust(3, '.')",
    "'a'.nil? || [].empty?", "a = 5; a += 2; a", "a ||= 3; a", "x = nil; x || 'y'", "true && false || 'z'", "[nil, 1].find { |v| v }", "1 <=> 2", "'b' > 'a'", "5.round(2)", "2.567.round(2)", "2.5.round",
    "(ENV['SUIRO_A'] || '').split('.', 2).inspect", "ENV.key?('SUIRO_A')", "'line\n'.chomp", "'a' 'b'", "Time.now.strftime('%Y').length", "SecureRandom.hex(4).length", "", "[].first.inspect", "'x' * 3",
  ].map((code) => value(`"<#{${code}}>"`)),
  value('["a#{ENV[\'SUIRO_A\']}b"]'), value("\"#{ENV['SUIRO_A']}-#{ENV['SUIRO_N']}\""), value('"a#{use_default}b#{use_nil}"'),
]; // biome-ignore format: a corpus

/** Texts that both sides must refuse. Suiro gives fluentd's words where fluentd has words and does not fall over. */
const ERRORS: readonly (readonly [text: string, message: RegExp])[] = [
  ["<a>k v</a>\n", /expected end of line after tag/],
  ["<a>\nk v\n", /expected end tag '<\/a>' but got end of file/],
  ["<a>\n</b>\n", /unmatched end tag/],
  ["<a>\n</a> x\n", /expected end of line after end tag/],
  ["<a>\n</ a>\n", /expected character in tag name/],
  ["<a-b>\n</a-b>\n", /expected|unmatched/],
  ["</a>\n", /unmatched end tag/],
  ["<a x\n", /expected '>'/],
  ["k 'a\nb'\n", /unexpected end of file in a single quoted string/],
  ['k "abc\n', /unexpected end of file in a double quoted string/],
  ['k "a\\qb"\n', /unexpected back-slash escape character 'q'/],
  ['k "a" b\n', /expected end of line/],
  ["k [1] x\n", /expected end of line/],
  ["k [a,b]\n", /got incomplete JSON array configuration/],
  ["k {abc\n", /got incomplete JSON hash configuration/],
  ["k [x\n", /got incomplete JSON array configuration/],
  ["k [1,]\n", /got incomplete JSON array configuration/],
  ["@foo bar\n", /'@' is the system reserved prefix\. Don't use '@' prefix parameter in the configuration: @foo/],
  ["<source>\n@foo bar\n</source>\n", /'@' is the system reserved prefix\. Don't use/],
  ["\ufeff<a>\n</a>\n", /unmatched end tag/],
  ["k \"#{ENV.fetch('SUIRO_NONE')}\"\n", /key not found: "SUIRO_NONE"/],
  ["k \"#{ENV['SUIRO_NONE'].upcase}\"\n", /undefined method 'upcase' for nil/],
  ["k \"#{1 + 'a'}\"\n", /can't be coerced into Integer/],
  ["k \"#{'a' + 1}\"\n", /no implicit conversion of Integer into String/],
  ['k "#{1 / 0}"\n', /divided by 0/],
  ["k \"#{Integer('abc')}\"\n", /invalid value for Integer\(\): "abc"/],
  ['k ["#{use_default}"]\n', /use_default/],
];

/** Fluentd's parser over a list of texts, as JSON: a tree, or the message of the error. */
const RUBY = `
require 'json'
require 'ipaddr'
require 'securerandom'
require 'fluent/config'
require 'fluent/config/element'
def tree(e)
  attrs = {}
  e.keys.each { |k| v = e.fetch(k); attrs[k] = v.nil? ? {"special" => "nil"} : v == :default ? {"special" => "default"} : v }
  {"name" => e.name, "argument" => e.arg.to_s, "parameters" => attrs, "children" => e.elements.map { |c| tree(c) }}
end
puts JSON.generate(JSON.parse(STDIN.read).map { |text|
  begin
    {"tree" => tree(Fluent::Config.parse(text, "corpus.conf", "/nowhere", :v1))}
  rescue Exception => e
    {"error" => e.class.name + ": " + e.message}
  end
})
`;

interface Tree {
  name: string;
  argument: string;
  parameters: Record<string, unknown>;
  children: Tree[];
}

function fluentd(texts: readonly string[]): { tree?: Tree; error?: string }[] {
  const ruby = spawnSync("ruby", ["-I", `${gemHome}/gems/fluentd-1.18.0/lib`, "-e", RUBY], {
    input: JSON.stringify(texts),
    encoding: "utf8",
    env: { PATH: process.env.PATH, LANG: "C.UTF-8", GEM_HOME: gemHome, GEM_PATH: gemHome, ...ENVIRONMENT },
  });
  assert.equal(ruby.status, 0, ruby.stderr);
  return JSON.parse(ruby.stdout);
}

function suiro(text: string): Tree {
  return treeOf(parseConfig(text, "/nowhere/corpus.conf", { environment: ENVIRONMENT, hostname: hostname() }));
}

function treeOf(element: ConfigElement): Tree {
  const parameters: Record<string, unknown> = {};
  for (const { key, value, special } of element.parameters) parameters[key] = special ? { special } : value;
  return { name: element.name, argument: element.argument, parameters, children: element.children.map(treeOf) };
}

test("every text of the corpus gives fluentd's tree", { skip }, () => {
  const theirs = fluentd(CORPUS);
  for (const [index, text] of CORPUS.entries()) {
    const { tree, error } = theirs[index] as { tree?: Tree; error?: string };
    assert.equal(error, undefined, `fluentd refuses ${JSON.stringify(text)}`);
    assert.deepEqual(suiro(text), tree, JSON.stringify(text));
  }
});

test("what fluentd refuses is refused, with its words", { skip }, () => {
  const theirs = fluentd(ERRORS.map(([text]) => text));
  for (const [index, [text, message]] of ERRORS.entries()) {
    assert.notEqual(theirs[index]?.error, undefined, `fluentd accepts ${JSON.stringify(text)}`);
    assert.throws(
      () => suiro(text),
      (error) => error instanceof ConfigError && message.test(error.message),
      JSON.stringify(text),
    );
  }
});

test("fluentd's own example files give fluentd's trees, or errors where fluentd errs", { skip }, () => {
  const folder = `${gemHome}/gems/fluentd-1.18.0/example`;
  const texts = readdirSync(folder)
    .filter((name) => name.endsWith(".conf"))
    .map((name) => readFileSync(`${folder}/${name}`, "utf8"));
  assert.ok(texts.length > 20);
  const theirs = fluentd(texts);
  for (const [index, text] of texts.entries()) {
    // One of them uses a name that only its reader would define; fluentd refuses it too.
    if (theirs[index]?.error !== undefined) assert.throws(() => suiro(text), ConfigError);
    else assert.deepEqual(suiro(text), theirs[index]?.tree, text);
  }
});
