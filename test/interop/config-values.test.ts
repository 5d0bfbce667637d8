/** Values and regular expressions beside fluentd's own readers of them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { parseBool, parseFloatLeading, parseHash, parseInteger, parseRegexp, parseSize, parseTime } from "../../src/config/literals.ts"; // biome-ignore format: one import

const gemHome = process.env.SUIRO_TEST_FLUENTD;
const skip = gemHome ? false : (process.env.SUIRO_TEST_NO_FLUENTD ?? "SUIRO_TEST_FLUENTD is not set");

const TEXTS = [
  "", "0", "1", "-5", "+7", "10k", "10K", "10MB", "8m", "1.5m", "12kb", "1g512k", "2T", "abc", "a5m", " 12 ", "1_000", "0x1A", "010", "08", "0b11", "1e3", "0.5", ".5",
  "0.5s", "5ms", "1m30s", "1S", "2h", "1d", "10 s", "true", "yes", "false", "no", "TRUE", "on", "#c", "1.", "1.5x", "--1", "1__0",
]; // biome-ignore format: a list

const READERS: Record<string, (text: string, isStrict: boolean) => unknown> = {
  size: parseSize,
  time: parseTime,
  integer: parseInteger,
  float: parseFloatLeading,
  bool: (text, isStrict) => parseBool(text, isStrict) ?? null,
};

const HASHES = ["k:v", "k:v,k2:v2", " a : b , c : d:e", '{"a":{"b":[1]}}', "k:"];

/** Patterns, and texts to look for them in. */
const PATTERNS: [pattern: string, texts: string[]][] = [
  ["/^(?<host>[^ ]*) (?<rest>.*)$/", ["a b c", "a b\nc d", "x", "a b\r\n"]],
  ["/^(?<a>.*)$/m", ["a\nb"]], ["/ABC/i", ["xabc"]], ["a/b", ["a/b"]], ["/\\A(?<n>\\d+)\\z/", ["12", "12\n", "x"]], ["/\\h+\\Z/", ["ff\n", "g"]],
  ["/[[:alpha:]]+/", ["1ä2"]], ["/[\\w-]+/", ["-a.b"]], ["/(?<level>[IWEF])(?<rest>[^\\]]+)\\]/", ["I0102] x"]], ["/a{,2}b/", ["aaab"]],
  ["/(x)(?<y>y)/", ["xy"]], ["/^\\[(?<t>[^\\]]*)\\] (?<m>.+?)(?: (?<o>o))?$/", ["[t] m o", "[t] m"]], ["/\\s+/", ["a\u00a0b", "a \t"]],
  ["/(?<time>\\S+) (?<stream>stdout|stderr) (?<logtag>[FP]) (?<log>.*)/", ["2024-01-01T00:00:00Z stdout F é\u{1f600}x"]],
  ["/[^\\n]+/", ["a\nb"]], ["/a.c/", ["a\nc", "a\rc", "a\u2028c"]], ["/(?x) a b # note\n/", ["ab"]], ["/[.\\-_]+/", ["a.-_b"]], ["/\\//", ["a/b"]],
]; // biome-ignore format: a table

const RUBY = `
require 'json'
require 'fluent/config/types'
def attempt; {"value" => yield}; rescue Exception => e; {"error" => e.message}; end
given = JSON.parse(STDIN.read)
read = {
  "size" => Fluent::Config.method(:size_value), "time" => Fluent::Config.method(:time_value), "bool" => Fluent::Config.method(:bool_value),
  "integer" => Fluent::Config::INTEGER_TYPE, "float" => Fluent::Config::FLOAT_TYPE,
}
puts JSON.generate(
  "values" => given["texts"].map { |text| [false, true].map { |strict| read.to_h { |name, f| [name, attempt { f.call(text, {strict: strict}, "x") }] } } },
  "hashes" => given["hashes"].map { |text| Fluent::Config.hash_value(text) },
  "matches" => given["patterns"].map { |pattern, texts| texts.map { |text| m = Fluent::Config.regexp_value(pattern).match(text); m && [m[0], m.named_captures] } },
)
`;

test("values, hashes and regexps are read as fluentd reads them", { skip }, () => {
  const ruby = spawnSync("ruby", ["-I", `${gemHome}/gems/fluentd-1.18.0/lib`, "-e", RUBY], {
    input: JSON.stringify({ texts: TEXTS, hashes: HASHES, patterns: PATTERNS }),
    encoding: "utf8",
    env: { PATH: process.env.PATH, LANG: "C.UTF-8", GEM_HOME: gemHome, GEM_PATH: gemHome },
  });
  assert.equal(ruby.status, 0, ruby.stderr);
  const theirs = JSON.parse(ruby.stdout);
  for (const [index, text] of TEXTS.entries()) {
    for (const [strictness, isStrict] of [false, true].entries()) {
      for (const [name, read] of Object.entries(READERS)) {
        const { value, error } = theirs.values[index][strictness][name];
        const place = `${name} of ${JSON.stringify(text)}${isStrict ? ", strict" : ""}`;
        if (error === undefined) assert.equal(read(text, isStrict), value, place);
        else
          assert.throws(
            () => read(text, isStrict),
            (ours: Error) => `x: ${ours.message}` === error,
            `${place}: ${error}`,
          );
      }
    }
  }
  assert.deepEqual(HASHES.map(parseHash), theirs.hashes);
  for (const [index, [pattern, texts]] of PATTERNS.entries()) {
    const ours = texts.map((text) => {
      const match = parseRegexp(pattern).exec(text);
      const groups = Object.fromEntries(
        Object.entries(match?.groups ?? {}).map(([name, group]) => [name, group ?? null]),
      );
      return match && [match[0], groups];
    });
    assert.deepEqual(ours, theirs.matches[index], pattern);
  }
});
