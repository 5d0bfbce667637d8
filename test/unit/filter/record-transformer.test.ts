import assert from "node:assert/strict";
import { test } from "node:test";
import { readSectionOrThrow } from "../../../src/config/parameters.ts";
import { ConfigError } from "../../../src/errors.ts";
import { EventStream } from "../../../src/event/event-stream.ts";
import { jsonToMsgpack } from "../../../src/event/json-reader.ts";
import { encode } from "../../../src/event/msgpack.ts";
import { recordTransformerFilter } from "../../../src/filter/record-transformer.ts";
import { entriesOf } from "../../support/fluentd-plugins.ts";
import { parsedElement } from "../../support/parsed-config.ts";
import { pluginContext } from "../../support/plugin-context.ts";
import { runPlugin, startPlugin } from "../../support/run-plugin.ts";

const run = (config: string, ...records: (Buffer | object)[]) =>
  runPlugin({ kind: "filter", type: "record_transformer", config, batches: [["a.b", entriesOf(records)]] });

const TIME = "d7006553f10000000001";

test("what no expression touches stays byte for byte: floats, wide integers, bin, ext, odd bytes", async () => {
  const fields = [
    [encode("f"), "cb3ff0000000000000"], [encode("f32"), "ca3f800000"], [encode("wide"), "cf0000000000000005"], [encode("u64"), "cfffffffffffffffff"],
    [encode("bin"), "c402ff00"], [encode("odd"), "a2ffc3"], [encode("at"), "d7006553f10000000002"], [Buffer.from([7]), "c0"],
    [encode("deep"), "82a178cb0000000000000000a179cf0000000000000001"],
  ] as const; // biome-ignore format: a table
  const record = Buffer.concat([
    Buffer.from([0x80 | fields.length]),
    ...fields.flatMap(([name, hex]) => [name, Buffer.from(hex, "hex")]),
  ]);
  for (const config of [
    "<record>\nnew x\n</record>",
    'enable_ruby true\n<record>\nnew ${record["deep"]["x"]; "x"}\n</record>',
    "<record>\nnew x\nold y\n</record>\nremove_keys old",
  ]) {
    const given = entriesOf([record]);
    const out = await packedOf(config, given);
    const body = out.subarray(out.indexOf(record.subarray(1)));
    assert.ok(body.subarray(0, record.length - 1).equals(record.subarray(1)), config);
  }
});

async function packedOf(config: string, given: Buffer): Promise<Buffer> {
  const element = parsedElement(`<filter **>\n${config}\n</filter>`);
  const { table, create } = recordTransformerFilter;
  const filter = create(readSectionOrThrow(table, element), pluginContext(element));
  return (await filter.filter("a.b", new EventStream(given, 1))).packed;
}

test("an expression changes a value inside the record, and nothing beside it", async () => {
  const record = jsonToMsgpack('{"k":{"a":1.0,"b":2},"list":[1.0]}');
  const { events } = await run(
    'enable_ruby true\n<record>\n_ ${record["k"]["b"] = 3; nil}\n</record>\nremove_keys _',
    record,
  );
  assert.deepEqual(events, [`a.b ${TIME} {"k":{"a":1.0,"b":3},"list":[1.0]}`]);
});

test("what is not understood is refused at the start, with its line", async () => {
  const codes = ['${system("id")}', "${`id`}", '${eval("1")}', "${File.read('/etc/passwd')}", "${record['a'].frobnicate}", "${Kernel.exit}", "${ObjectSpace}", "${open('/etc/passwd')}", "${while true; end}", "${record['a'", "${record['a'].gsub!('a','b')}"]; // biome-ignore format: a list
  for (const code of codes) {
    await assert.rejects(run(`enable_ruby true\n<record>\nout ${code}\n</record>`), (error: Error) => {
      assert.ok(error instanceof ConfigError, `${code}: ${error}`);
      assert.match(error.message, /^test\.conf:5: the expression cannot be evaluated: /);
      return true;
    });
  }
});

test("an expression that runs away ends as an error event, and the others pass", async () => {
  const config = 'enable_ruby true\n<record>\nout ${"a" * (record["n"] * 1_000_000)}\n</record>';
  const { events, errors } = await run(config, { n: 1_000_000 }, { n: 0 });
  assert.equal(events.length, 1);
  assert.deepEqual(errors, [`a.b ${TIME} {"n":1000000}`]);
  const loop = "enable_ruby true\n<record>\nout ${(1..100000).each { |i| (1..100000).each { |j| i } }}\n</record>";
  assert.equal((await run(loop, {})).errors.length, 1);
  const self = 'enable_ruby true\n<record>\nout ${record["k"]["k"] = record["k"]; record["k"]}\n</record>';
  assert.equal((await run(self, { k: {} })).errors.length, 1);
});

test("an integer beyond 64 bits, a range and a time are no values of a record", async () => {
  for (const code of ["2 ** 70", "(1..2)", "time", "/x/"]) {
    const { errors } = await run(`enable_ruby true\n<record>\nout \${${code}}\n</record>`, { a: 1 });
    assert.deepEqual(errors, [`a.b ${TIME} {"a":1}`], code);
  }
});

test("a placeholder that stands for nothing is told once", async () => {
  const plugin = await startPlugin({
    kind: "filter",
    type: "record_transformer",
    config: "<record>\na ${nothing}\n</record>",
  });
  await plugin.give("a.b", entriesOf([{}, {}]));
  assert.deepEqual(plugin.result.events[0], `a.b ${TIME} {"a":null}`);
  assert.equal(
    plugin.context.logger
      .messages("warn")
      .filter((message) => message.includes("unknown placeholder `${nothing}` found")).length,
    1,
  );
});
