import assert from "node:assert/strict";
import { test } from "node:test";
import { configEnvironment, kernelFunctions } from "../../../../src/config/ruby/environment.ts";
import { evaluate } from "../../../../src/config/ruby/evaluator.ts";
import { parseRuby } from "../../../../src/config/ruby/parser.ts";
import { plainValue, RubyError, type RubyValue, UnsupportedRubyError } from "../../../../src/config/ruby/values.ts";

const environment = configEnvironment({
  environment: { A: "x.y.z", HOST: "fd00::1", PORT: "443" },
  hostname: "node-1",
  workerId: "0",
  readFile: (path) => {
    if (path === "/p") return "  abc\nd\n";
    throw Object.assign(new Error("no such file"), { code: "ENOENT" });
  },
  now: () => Date.UTC(2024, 1, 3, 4, 5, 6, 78),
});

const run = (code: string) => plainValue(evaluate(parseRuby(code), environment));

test("expressions of configurations give what Ruby gives", () => {
  const table: [code: string, value: unknown][] = [
    ["ENV['A'] || 'lit'", "x.y.z"], ["ENV['NONE'] || nil", null], ["ENV.fetch('NONE') { |k| k + '!' }", "NONE!"],
    ["hostname + '-' + worker_id", "node-1-0"], ["open('/p', 'r') do |f| f.read.strip end", "abc\nd"], ["File.open('/p').gets", "  abc\n"],
    ["File.read('/none') rescue 'gone'", "gone"], ["File.exist?('/p')", true],
    ["host = ENV['HOST']; host = IPAddr.new(host).ipv6? ? '['+host+']' : host rescue host; 'https://' + host", "https://[fd00::1]"],
    ["IPAddr.new('kubernetes').ipv6? ? 1 : 2 rescue 3", 3],
    ["Time.now.utc.strftime('%Y-%m-%dT%H:%M:%S.%LZ %j %e %-d %b %a %p %s')", "2024-02-03T04:05:06.078Z 034  3 3 Feb Sat AM 1706933106"],
    ["7 / 2", 3], ["-7 / 2", -4], ["-7 % 3", 2], ["7 / 2.0", 3.5], ["4.0 / 2", 2], ["\"#{4.0 / 2}\"", "2.0"], ["2 ** 3 ** 2", 512], ["-2 ** 2", -4],
    ["1 + 2 * 3 - 4", 3], ["!true || 1 == 1 && 2 > 1", true], ["a = b = 2; a + b", 4], ["x ||= 5; x += 1; x", 6],
    ["if false then 1 elsif true then 2 else 3 end", 2], ["unless true\n 1\nelse\n 2\nend", 2], ["1 if nil", null], ["not false and true", true],
    ["[1, 2, 3]\n  .map { |i| i * 2 }\n  .select { |i| i > 2 }\n  .sum", 10], ["{ 'a' => [1, { b: 2 }] }.dig('a', 1, 'b')", 2],
    ["[[1, 2], [3, 4]].map { |a, b| a + b }", [3, 7]], ["x = 1; [5].each { |x| x }; x", 1], ["%w[a b] + ['c']", ["a", "b", "c"]],
    ["'a-b'.split('-').map(&:upcase).join('+')", "A+B"], ["'abc' =~ /c/", 2], ["'k=v'[/k=(.)/, 1]", "v"], ["'x' 'y'", "xy"],
    ["'äöü'.length", 3], ["'äöü'.reverse", "üöä"], ["nil.to_s.empty?", true], ["nil&.foo", null], ["(1..3).include?(2)", true], ["('a'..'c').to_a", ["a", "b", "c"]],
    ["\"a#{\"b#{'c' + \"}\"}\"}\"", "abc}"], ["true ? :a : :b", "a"], ["x = 3; x > 2 ? x-1 : x", 2], ["begin\n raise 'no'\nrescue => e\n e.message\nend", "no"],
    ["JSON.parse('{\"a\": [1]}')['a'].first", 1], ["{ a: 1 }.to_json", '{"a":1}'], ["Base64.strict_decode64('YWI=')", "ab"], ["'a' + # comment\n'b'", "ab"],
    ["'constructor'.to_s", "constructor"], ["{ 'x' => 1 }['constructor']", null], ["ENV['constructor']", null],
  ]; // biome-ignore format: a table
  for (const [code, value] of table) assert.deepEqual(run(code), value, code);
});

test("what Ruby raises is a RubyError of its class", () => {
  const table: [code: string, className: string, message: RegExp][] = [
    ["ENV.fetch('NONE')", "KeyError", /^key not found: "NONE"$/],
    ["ENV['NONE'].upcase", "NoMethodError", /^undefined method 'upcase' for nil$/],
    ["Integer('x')", "ArgumentError", /^invalid value for Integer\(\): "x"$/],
    ["'a' + 1", "TypeError", /^no implicit conversion of Integer into String$/],
    ["1 / 0", "ZeroDivisionError", /divided by 0/],
    ["raise ArgumentError, 'no'", "ArgumentError", /^no$/],
    ["File.read('/none')", "Errno::ENOENT", /No such file or directory @ rb_sysopen - \/none/],
    ["open('/p', 'w')", "ArgumentError", /only be opened for reading/],
  ];
  for (const [code, className, message] of table) {
    assert.throws(
      () => run(code),
      (error) => error instanceof RubyError && error.className === className && message.test(error.message),
      code,
    );
  }
});

test("what is not understood is refused, and no rescue hides it", () => {
  const codes = [
    "system('id')", "`id`", "eval('1')", "exec('id')", "Kernel.exit", "Process.pid", "def f; end", "while true; end", "$0", "@a", "->(x) { x }",
    "'a'.send(:upcase)", "'a'.instance_eval('1')", "Object.new", "'a'.constructor", "'a'.__proto__", "[].constructor", "{}.__proto__", "toString", "constructor",
    "1 +", "(1", "[1", "'a", "1 2", ")", "}", "foo.", "a b c", "x = ", "'a'.gsub(/(?>a)/, '')",
  ]; // biome-ignore format: a list
  for (const code of codes) {
    assert.throws(() => run(code), UnsupportedRubyError, code);
    assert.throws(() => run(`(${code}) rescue 1`), UnsupportedRubyError, code);
  }
});

test("time, sizes and depth are bounded", () => {
  const codes = [
    "'a' * 1_000_000_000", "(1..1_000_000_000).to_a", "[1] * 1_000_000_000", "1_000_000_000.times { 1 }", "'a'.ljust(1_000_000_000)",
    "99_999.times { 99_999.times { 1 } }", "a = 'x' * 1_000_000; a + a", "('a' * 10_000).gsub('a', 'b' * 10_000)", "(['a' * 10_000] * 1_000).join",
    `${"(".repeat(5000)}1${")".repeat(5000)}`, `${"!".repeat(5000)}1`, `${"[".repeat(5000)}1${"]".repeat(5000)}`, `${'"#{'.repeat(100)}1${'}"'.repeat(100)}`,
  ]; // biome-ignore format: a list
  for (const code of codes) assert.throws(() => run(code), UnsupportedRubyError, code.slice(0, 60));
});

test("another environment gives other names: a record and its tag", () => {
  const labels = new Map([["labels", new Map([["app", "web"]])]]);
  const record: RubyValue = new Map<string, RubyValue>([
    ["kubernetes", labels],
    ["n", 3],
  ]);
  const names = { functions: { ...kernelFunctions, record: () => record, tag: () => "a.b" }, constants: {} };
  const value = evaluate(
    parseRuby("tag + '/' + record.dig('kubernetes', 'labels', 'app') + \"/#{record[\"n\"] * 2}\""),
    names,
  );
  assert.equal(value, "a.b/web/6");
  assert.throws(() => evaluate(parseRuby("ENV['A']"), names), /ENV is not supported/);
});
