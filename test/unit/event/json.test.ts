import assert from "node:assert/strict";
import { test } from "node:test";
import { floatText } from "../../../src/config/ruby/float-text.ts";
import { LimitError, MalformedError } from "../../../src/errors.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { msgpackToJson } from "../../../src/event/json.ts";
import { jsonToMsgpack } from "../../../src/event/json-reader.ts";
import { JsonValueScanner, nextJsonValue } from "../../../src/event/json-value-scanner.ts";
import { decode, encode } from "../../../src/event/msgpack.ts";
import { INCOMPLETE, MAX_DEPTH } from "../../../src/event/walker.ts";

const hexToJson = (hex: string) => msgpackToJson(Buffer.from(hex, "hex"));

test("floats read as Ruby prints them", () => {
  const forms: [number, string][] = [
    [1, "1.0"], [-1.5, "-1.5"], [0, "0.0"], [-0, "-0.0"], [100, "100.0"], [1e14, "100000000000000.0"], [1e15, "1.0e+15"],
    [1.5e20, "1.5e+20"], [0.0001, "0.0001"], [0.00001, "1.0e-05"], [5e-324, "5.0e-324"], [1e100, "1.0e+100"],
  ]; // biome-ignore format: a table
  for (const [value, text] of forms) assert.equal(floatText(value), text);
  assert.equal(floatText(1234567890123456.5), "1234567890123456.5");
  assert.equal(floatText(Number.NEGATIVE_INFINITY), "-Infinity");
  assert.equal(hexToJson("cb7ff8000000000000"), "null");
});

test("64-bit integers stay exact in both directions", () => {
  for (const text of ["18446744073709551615", "-9223372036854775808", "9007199254740993", "-1", "-33", "4294967296"]) {
    assert.equal(msgpackToJson(jsonToMsgpack(text)), text);
  }
});

test("integers of every length are what they say, and zeros in front of them are no JSON", () => {
  for (const digits of ["7", "127", "128", "65536", "999999999", "1000000000", "4294967295", "4294967296"]) {
    assert.equal(Number(decode(jsonToMsgpack(` ${digits} `))), Number(digits));
    assert.equal(Number(decode(jsonToMsgpack(`-${digits}`))), -Number(digits));
    assert.equal(decode(jsonToMsgpack(`${digits}.5`)), Number(digits) + 0.5);
    assert.equal(decode(jsonToMsgpack(`${digits}e1`)), Number(digits) * 10);
    assert.throws(() => jsonToMsgpack(`0${digits}`), MalformedError);
    assert.throws(() => jsonToMsgpack(`-0${digits}`), MalformedError);
    assert.throws(() => jsonToMsgpack(`${digits}x`), MalformedError);
  }
  assert.deepEqual(
    ["0", "-0"].map((zero) => jsonToMsgpack(zero).toString("hex")),
    ["00", "00"],
  );
});

test("strings with escapes do not mix, however long one of them is", () => {
  const long = 'é"'.repeat(50_000);
  const value = [long, "a\\b", { 'k"1': "x\n", k2: long }, "\u0001"];
  assert.deepEqual(decode(jsonToMsgpack(JSON.stringify(value))), value);
  assert.deepEqual(decode(jsonToMsgpack(JSON.stringify(value))), value);
});

test("a string with escapes has the shortest header, whatever its length", () => {
  const escapes = { "\\n": "\n", "\\\\": "\\", '\\"': '"', "\\x": "x", "\\u0041": "A" };
  for (const length of [1, 30, 31, 32, 33, 255, 256, 257, 65_535, 65_536, 65_537]) {
    const rest = "z".repeat(length - 1);
    for (const [escape, letter] of Object.entries(escapes)) {
      const json = `["${escape}${rest}","",{"${rest}${escape}":1}]`;
      assert.deepEqual(jsonToMsgpack(json), encode([letter + rest, "", { [rest + letter]: 1 }]));
    }
  }
});

test("every escape means what it says, also one that is none", () => {
  const letters = Array.from({ length: 0x7e - 0x21 }, (_, index) => String.fromCharCode(0x21 + index)).join("");
  const escapes = [...letters.replace("u", "")].map((letter) => `\\${letter}`).join("");
  const control: Record<string, string> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
  const meant = [...letters.replace("u", "")].map((letter) => control[letter] ?? letter).join("");
  assert.equal(decode(jsonToMsgpack(`"${escapes}"`)), meant);
  for (const letter of letters.replace("u", "")) {
    const isStandard = '"\\/bfnrt'.includes(letter);
    if (isStandard) jsonToMsgpack(`"\\${letter}"`, true);
    else assert.throws(() => jsonToMsgpack(`"\\${letter}"`, true), MalformedError, letter);
  }
});

test("names that stand twice are found beside many others, and in the text behind one that broke off", () => {
  const many = Array.from({ length: 5000 }, (_, index) => [`name ${index}`, index] as const);
  const members = many.map(([name, value]) => `"${name}":${value}`).join();
  assert.throws(() => jsonToMsgpack(`{"a":{"b":{"a":1,"b":`), MalformedError);
  assert.equal(jsonToMsgpack('{"a":1,"b":2,"a":{"b":3,"b":4}}').toString("hex"), "82a16181a16204a16202");
  const expected = { ...Object.fromEntries(many), "name 7": "again" };
  assert.deepEqual(decode(jsonToMsgpack(`{${members},"name 7":"again"}`)), expected);
  assert.equal(jsonToMsgpack('{"a":1,"b":2,"a":3}').toString("hex"), "82a16103a16202");
});

test("an integer beyond 64 bits becomes a float", () => {
  assert.equal(msgpackToJson(jsonToMsgpack("18446744073709551616")), "1.8446744073709552e+19");
  assert.equal(msgpackToJson(jsonToMsgpack("-9223372036854775809")), "-9.223372036854776e+18");
});

test("a float without fraction stays a float", () => {
  assert.deepEqual(jsonToMsgpack("1.0"), Buffer.from("cb3ff0000000000000", "hex"));
  assert.deepEqual(jsonToMsgpack("1e2"), Buffer.from("cb4059000000000000", "hex"));
  assert.deepEqual(jsonToMsgpack("1"), Buffer.from("01", "hex"));
  assert.deepEqual(jsonToMsgpack("-0"), Buffer.from("00", "hex"));
});

test("control characters are escaped, everything else stays as it is", () => {
  assert.equal(
    msgpackToJson(encode({ 'a"b': "\\\u0000\u001f\n\t\b\f\r\u007f\u2028é😀/" })),
    '{"a\\"b":"\\\\\\u0000\\u001F\\n\\t\\b\\f\\r\u007f\u2028é😀/"}',
  );
});

test("what JSON lacks: NaN and ext are null, a time its seconds, keys become text", () => {
  assert.equal(hexToJson("cb7ff8000000000000"), "null");
  assert.equal(hexToJson("d40501"), "null");
  assert.equal(msgpackToJson(encode([new EventTime(1700000000, 5)])), "[1700000000]");
  assert.equal(hexToJson("84c001ccff02c303920102a178"), '{"":1,"255":2,"true":3,"[1,2]":"x"}');
});

test("msgpackToJson refuses what is not exactly one value", () => {
  for (const hex of ["", "92a161", "c1", "0101"]) assert.throws(() => hexToJson(hex), MalformedError, hex);
});

test("headers fit the sizes of containers and strings", () => {
  for (const length of [0, 15, 16, 31, 32, 255, 256, 65535, 65536]) {
    const text = "x".repeat(length);
    assert.equal(decode(jsonToMsgpack(JSON.stringify(text))), text);
    const list = Array.from({ length }, () => 1);
    assert.deepEqual(decode(jsonToMsgpack(JSON.stringify(list))), list);
  }
  const wide = Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`k${index}`, index]));
  assert.deepEqual(decode(jsonToMsgpack(JSON.stringify(wide))), wide);
});

// To compare each with each would take minutes.
test("of very many names not each is compared with each", { timeout: 60_000 }, () => {
  const members = Array.from({ length: 200_000 }, (_, index) => `"name ${index}":${index}`);
  const bytes = jsonToMsgpack(`{${members},"name 3":"again"}`);
  assert.deepEqual(Object.entries(decode(bytes) as object)[3], ["name 3", "again"]);
});

test("jsonToMsgpack names the byte where a text stops being JSON", () => {
  const wrong = [
    "", " ", "nul", "[1,]", "[,1]", "[1 2]", '{"a"}', '{"a":}', "{a:1}", '{"a":1,}', "01", "1.", ".5", "+1", "1e", '"a', '"\\',
    '"\\u12"', '"a\nb"', "[1]]", "{} {}", "[", "{", '{"a":1', "tru", "--1", "Nan", "-Inf", "/* c 1", "/1", "1 /",
  ]; // biome-ignore format: a list
  for (const text of wrong) assert.throws(() => jsonToMsgpack(text), MalformedError, text);
  assert.throws(() => jsonToMsgpack('{"a":1,}'), /unexpected "}" at byte 7/);
});

test("what fluentd's JSON parsers read beyond the standard is read", () => {
  const texts = [
    ["/* { */ [1/**/, // x\n 2] // y", "[1,2]"], ['"\\x\\\'\\é"', '"x\'é"'], ['{"a":1}//', '{"a":1}'],
  ]; // biome-ignore format: a list
  for (const [text, plain] of texts)
    assert.deepEqual(jsonToMsgpack(text as string), jsonToMsgpack(plain as string), text);
  assert.deepEqual(jsonToMsgpack("Infinity"), Buffer.from("cb7ff0000000000000", "hex"));
  assert.deepEqual(jsonToMsgpack("[-Infinity]"), Buffer.from("91cbfff0000000000000", "hex"));
  assert.deepEqual(jsonToMsgpack("NaN"), Buffer.from("cb7ff8000000000000", "hex"));
});

test("of a name that stands twice in an object the last value stands in the first place, at every depth", () => {
  const many = Array.from({ length: 40 }, (_, index) => `"name${index}":${index}`).join();
  const texts = [
    ['{"a":1,"b":{"x":1,"y":2,"x":[{"z":1,"z":2}]},"a":3}', '{"a":3,"b":{"x":[{"z":2}],"y":2}}'],
    ['[{"a":1,"a":2},{"a":1,"b":2}]', '[{"a":2},{"a":1,"b":2}]'], ['{"":1,"":2}', '{"":2}'], ['{"\\u0061":1,"a":{}}', '{"a":{}}'],
    [`{${many},"name17":"x"}`, `{${many.replace('"name17":17', '"name17":"x"')}}`], [`{${many}}`, `{${many}}`],
  ]; // biome-ignore format: a list
  for (const [text, unique] of texts)
    assert.deepEqual(jsonToMsgpack(text as string), jsonToMsgpack(unique as string), text);
});

test("jsonToMsgpack refuses deep nesting", () => {
  assert.throws(() => jsonToMsgpack("[".repeat(100_000)), LimitError);
  assert.doesNotThrow(() => jsonToMsgpack("[".repeat(MAX_DEPTH) + "]".repeat(MAX_DEPTH)));
});

test("bytes that are no UTF-8 pass through", () => {
  const text = Buffer.concat([Buffer.from('["'), Buffer.from([0xff, 0xc3]), Buffer.from('"]')]);
  assert.deepEqual(jsonToMsgpack(text), Buffer.from("91a2ffc3", "hex"));
});

test("nextJsonValue finds values one behind the other", () => {
  const bytes = Buffer.from(' ["a]\\"",{}]\n{"b":[1]}[');
  const first = nextJsonValue(bytes);
  assert.deepEqual(first, { start: 1, end: 12 });
  assert.deepEqual(nextJsonValue(bytes, 12), { start: 13, end: 22 });
  assert.equal(nextJsonValue(bytes, 22), undefined);
  assert.throws(() => nextJsonValue(Buffer.from("x")), MalformedError);
  assert.throws(() => nextJsonValue(Buffer.alloc(100, "[")), LimitError);
});

test("the scanner looks at every byte once, wherever the stream is cut", () => {
  const bytes = Buffer.from('["a\\\\",{"b":"]}"}]');
  for (let cut = 0; cut < bytes.length; cut++) {
    const scanner = new JsonValueScanner();
    assert.equal(scanner.scan(bytes, 0, cut), INCOMPLETE);
    assert.equal(scanner.scan(bytes, cut, bytes.length), bytes.length);
  }
});
