import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigElement } from "../../../src/config/element.ts";
import { float, integer, parseArray, parseBool, parseFloatLeading, parseHash, parseInteger, parseRegexp, parseSize, parseTime, regexp, size, time } from "../../../src/config/literals.ts"; // biome-ignore format: one import
import { type Parameter, Problems, readSection, section } from "../../../src/config/parameters.ts";

test("sizes are the first number with a unit, anywhere in the text", () => {
  const table: [text: string, bytes: number][] = [
    ["10MB", 10 * 1024 ** 2], ["8m", 8 * 1024 ** 2], ["1.5m", 5 * 1024 ** 2], ["12kb", 12 * 1024], ["1G", 1024 ** 3],
    ["2t", 2 * 1024 ** 4], ["100", 100], ["abc", 0], ["", 0], ["1g512k", 512 * 1024],
  ]; // biome-ignore format: a table
  for (const [text, bytes] of table) assert.equal(parseSize(text), bytes, text);
});

test("times are the first number with a unit in the order s, m, h, d", () => {
  const table: [text: string, seconds: number][] = [
    ["10s", 10], ["0.5", 0.5], ["0.5s", 5], ["5ms", 300], ["1m30s", 30], ["1S", 1], ["2h", 7200], ["1d", 86400], ["", 0], ["abc", 0], ["60", 60],
  ]; // biome-ignore format: a table
  for (const [text, seconds] of table) assert.equal(parseTime(text), seconds, text);
});

test("integers, floats and bools are read as Ruby reads them", () => {
  assert.deepEqual(["abc", "10k", "", "-5", "1_000"].map((text) => parseInteger(text)), [0, 10, 0, -5, 1000]);
  assert.deepEqual(["1.5x", ".5", "1e3", "abc", "1_0.5"].map((text) => parseFloatLeading(text)), [1.5, 0.5, 1000, 0, 10.5]);
  assert.deepEqual(["true", "yes", "", "#c"].map((text) => parseBool(text)), [true, true, true, true]);
  assert.deepEqual(["false", "no", "TRUE", "on", "1"].map((text) => parseBool(text)), [false, false, undefined, undefined, undefined]);
}); // biome-ignore format: tables

test("strict numbers parse whole or not at all", () => {
  assert.deepEqual(["12", " 12 ", "0x1A", "0b11", "010", "-1_000"].map((text) => parseInteger(text, true)), [12, 12, 26, 3, 8, -1000]);
  for (const text of ["abc", "10k", "", "1.5", "1__0", "08"]) {
    assert.throws(() => parseInteger(text, true), { message: `invalid value for Integer(): "${text}"` });
  }
  assert.equal(parseFloatLeading("1.5", true), 1.5);
  for (const text of ["1.5x", "", "abc"]) assert.throws(() => parseFloatLeading(text, true), /invalid value for Float\(\)/);
  assert.throws(() => parseBool("on", true), /invalid bool value: on/);
  assert.throws(() => parseSize("abc", true), /invalid value for Integer/);
  assert.equal(parseTime("5s", true), 5);
}); // biome-ignore format: tables

test("strictness reaches a table through the element, and names the parameter", () => {
  const element = new ConfigElement("buffer", "", { file: "f", line: 1 }, [
    { key: "limit", value: "abc", position: { file: "f", line: 2 } },
  ]);
  const table = section({ limit: size.optional("") });
  assert.equal(readSection(table, element, new Problems()).limit, 0);
  element.isStrict = true;
  const problems = new Problems();
  readSection(table, element, problems);
  assert.equal(problems.errors[0]?.message, 'f:2: limit: invalid value for Integer(): "abc"');
});

test("arrays and hashes are JSON or lists between commas", () => {
  assert.deepEqual(parseArray('["a", 1, {"b":2}]'), ["a", "1", '{"b":2}']);
  assert.deepEqual(parseArray(" a, b ,,c "), ["a", "b", "c"]);
  assert.deepEqual(parseHash('{"a":{"b":1}}'), { a: { b: 1 } });
  assert.deepEqual(parseHash("k:v,k2:a:b"), { k: "v", k2: "a:b" });
  assert.throws(() => parseArray("[a"), { message: 'array required but got "[a"' });
});

test("regexps are bare or between slashes, whose last one stands within the last three signs", () => {
  assert.equal(parseRegexp("a/b").test("xa/b"), true);
  assert.equal(parseRegexp("/A.b/im").test("a\nB"), true);
  assert.equal(parseRegexp("/a/x").test("a"), true);
  assert.throws(() => parseRegexp("/a/mix"), { message: "invalid regexp: missing right slash: /a/mix" });
  assert.throws(() => parseRegexp("/(/"), /invalid regexp/);
});

test("sizes and times that are read unlike they look are warned about", () => {
  const warned = (parameter: Parameter<unknown>, text: string) => {
    const position = { file: "f", line: 3 };
    const element = new ConfigElement("a", "", position, [{ key: "k", value: text, position }]);
    const problems = new Problems();
    readSection(section({ k: parameter }), element, problems);
    return problems.warnings.map(({ message }) => message);
  };
  const t = time.optional("");
  const s = size.optional("");
  for (const text of ["10s", "0.5", "60", "1d", "1e3", " 5 "]) assert.deepEqual(warned(t, text), [], text);
  for (const text of ["0.5s", "5ms", "1m30s"])
    assert.match(warned(t, text)[0] ?? "", /^'k': '.*' is read as \d+ seconds/, text);
  for (const text of ["8m", "10MB", "8 MiB", "100"]) assert.deepEqual(warned(s, text), [], text);
  for (const text of ["1.5m", "1g512m"]) assert.match(warned(s, text)[0] ?? "", /is read as \d+ bytes/, text);
  for (const text of ["abc", "10x", ""]) assert.match(warned(t, text)[0] ?? "", /is read as \d+ seconds/, text);
  for (const text of ["8xx", "lots"]) assert.match(warned(s, text)[0] ?? "", /is read as \d+ bytes/, text);
  const i = integer.optional("");
  const f = float.optional("");
  for (const text of ["24224", "-1", "1_000"]) assert.deepEqual(warned(i, text), [], text);
  for (const text of ["abc", "24224x", "1.5", "0x10"])
    assert.match(warned(i, text)[0] ?? "", /is read as \d+\. /, text);
  for (const text of ["0.5", ".5", "1e3", "7"]) assert.deepEqual(warned(f, text), [], text);
  for (const text of ["abc", "1,5"]) assert.match(warned(f, text)[0] ?? "", /is read as \d+\. /, text);
  assert.deepEqual(warned(regexp.optional(""), "/a/"), []);
});
