import assert from "node:assert/strict";
import { test } from "node:test";
import { CATALOGUE } from "../../../src/pipeline/plugin-catalogue.ts";
import { PluginList } from "../../../src/pipeline/plugin-list.ts";
import { parsedConfig } from "../../support/parsed-config.ts";

const list = await PluginList.load();
const at = { file: "f.conf", line: 4 };

test("plugins are found by kind and type", () => {
  assert.equal(list.input("sample", at).type, "sample");
  assert.equal(list.input("forward", at).kind, "input");
  assert.equal(list.output("forward", false, at).kind, "buffered-output");
});

test("every plugin of the catalogue is what the catalogue says", async () => {
  for (const { role, type, load } of CATALOGUE) {
    const definitions = [await load()].flat().filter((definition) => definition.type === type);
    assert.ok(definitions.length > 0, `${role} ${type}`);
    for (const { kind } of definitions) assert.equal(kind === "buffered-output" ? "output" : kind, role, type);
  }
});

test("a configuration loads what it names, in any section, and nothing else", async () => {
  const root = parsedConfig(`
    <source>
      @type sample
    </source>
    <label @L>
      <match **>
        @type copy
        <store>
          type null
        </store>
        <store>
          @type nosuch
        </store>
      </match>
    </label>`);
  const { definitions } = await PluginList.for(root);
  assert.deepEqual([...new Set(definitions.map(({ type }) => type))].sort(), ["copy", "null", "sample"]);
});

test("a type with two forms is buffered where the configuration has a <buffer>", () => {
  assert.equal(list.output("stdout", false, at).kind, "output");
  assert.equal(list.output("stdout", true, at).kind, "buffered-output");
  assert.equal(list.output("copy", true, at).kind, "output");
});

test("an unknown type is named as fluentd names it, with what is near", () => {
  assert.throws(
    () => list.input("nosuch", at),
    /^ConfigError: f.conf:4: Unknown input plugin 'nosuch'\. Suiro has .*forward.*\./,
  );
  assert.throws(() => list.output("sdtout", false, at), /Unknown output plugin 'sdtout'\. Did you mean 'stdout'\?/);
  assert.throws(() => list.filter("nosuch", at), /Unknown filter plugin 'nosuch'\./);
});

test("a plugin of fluentd that Suiro lacks is called just that", () => {
  assert.throws(
    () => list.output("elasticsearch", false, at),
    /Unknown output plugin 'elasticsearch': Suiro does not have fluent-plugin-elasticsearch\. Instead: send with/,
  );
  assert.throws(() => list.input("kafka", at), /fluent-plugin-kafka/);
});

test("a mistyped plugin of fluentd is guessed, too", () => {
  assert.throws(() => list.output("elastcsearch", false, at), /Did you mean 'elasticsearch'\?/);
});
