import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "../../src/event/byte-writer.ts";
import { msgpackToJson, writeJson } from "../../src/event/json.ts";
import { jsonToMsgpack } from "../../src/event/json-reader.ts";
import { withoutFluentd } from "../support/fluentd.ts";
import { askRuby } from "../support/ruby.ts";

const floats = [
  1, 0.1, 100, 1e14, 1e15, 1e16, 1e20, 1e21, 1e22, 1e100, 1e-3, 1e-4, 1e-5, 1.5e-7, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1 / 3,
  123456789012345.0, 999999999999999.9, 1234567890123456, 9007199254740992, 1700000000.123456, -0, -1.5, -1e20, 0.00012345, 3.14,
]; // biome-ignore format: a list

/** msgpack in hexadecimal. */
const values = [
  "c0", "c2", "c3", "00", "7f", "ff", "e0", "cc80", "cd0100", "ce00010000", "cfffffffffffffffff", "d080", "d18000", "d280000000",
  "d38000000000000000", "ca3dcccccd", "ca3f800000", "90", "80", "93010203", "81a161c0", "82a161a162a16393c0c2c3",
  "a0", "a3c3a961", "d903616263", "c403616263", "a161", "81c0a161", "8101a161", "81cb3ff8000000000000a161", "81c3a161",
  "91a6225c2f080c0a", "91a8090d0b001f7f3c26", "91a6e280a8e280a9", "91a4f09f9880", "d7006553f10000000001", "91d7006553f1000000000a",
  "91a3ff6162", "91c402fffe", "91a2c341", "91a3eda080", "81a2ff61a161",
]; // biome-ignore format: a list

test("records become the same JSON as in fluentd, byte for byte", { skip: withoutFluentd }, () => {
  const encoded = floats.map((value) => {
    const bytes = Buffer.alloc(9, 0xcb);
    bytes.writeDoubleBE(value, 1);
    return bytes.toString("hex");
  });
  const all = [...encoded, ...values].map((hex) => `91${hex}`);
  const expected: string[] = askRuby(
    `require "yajl"
     require "fluent/msgpack_factory"
     require "fluent/time"
     unpacker = Fluent::MessagePackFactory.engine_factory.unpacker
     output = input.map { |hex|
       unpacker.feed([hex].pack("H*"))
       Yajl.dump(unpacker.read).unpack1("H*") }`,
    all,
  );
  for (const [index, hex] of all.entries()) {
    const bytes = Buffer.from(hex, "hex");
    const writer = new ByteWriter();
    writeJson(writer, bytes, 0, bytes.length);
    assert.equal(
      writer.view().toString("latin1"),
      Buffer.from(expected[index] as string, "hex").toString("latin1"),
      hex,
    );
  }
});

test("JSON becomes the same values as with yajl", { skip: withoutFluentd }, () => {
  const texts = [
    "1.0", "1e20", "100", "-1", "-32", "-33", "127", "128", "65536", "4294967296", "18446744073709551615", "-9223372036854775808",
    "0.1e1", "1E5", "-0.0", "1e400", '"\\ud83d\\ude00"', '"\\ud800"', '"\\ud800x"', '"\\u0000\\u00e9\\u65e5"', '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
    "true", "false", "null", "[]", "{}", '{"a":{"b":[1,[2,{"c":null}]]}}', " [ 1 , 2 ] ", `"${"x".repeat(31)}"`, `"${"x".repeat(32)}"`,
    `"${"x".repeat(300)}"`, `"${"x".repeat(70000)}"`, JSON.stringify(Array.from({ length: 20 }, (_, i) => i)), '"日本語 é"',
  ]; // biome-ignore format: a list
  const expected: string[] = askRuby(
    `require "yajl"
     require "msgpack"
     output = input.map { |text| Yajl.load(text).to_msgpack.unpack1("H*") }`,
    texts,
  );
  for (const [index, text] of texts.entries()) {
    const mine = msgpackToJson(jsonToMsgpack(text));
    assert.equal(mine, msgpackToJson(Buffer.from(expected[index] as string, "hex")), text);
  }
});
