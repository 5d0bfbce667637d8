import assert from "node:assert/strict";
import { test } from "node:test";
import { PluginList } from "../../../src/pipeline/plugin-list.ts";

const list = new PluginList();
const at = { file: "f.conf", line: 4 };

test("plugins are found by kind and type", () => {
  assert.equal(list.input("sample", at).type, "sample");
  assert.equal(list.input("forward", at).kind, "input");
  assert.equal(list.output("forward", false, at).kind, "buffered-output");
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
    /Unknown output plugin 'elasticsearch'\. fluentd has one, Suiro does not\./,
  );
  assert.throws(() => list.input("kafka", at), /fluentd has one, Suiro does not/);
});

test("a mistyped plugin of fluentd is guessed, too", () => {
  assert.throws(() => list.output("elastcsearch", false, at), /Did you mean 'elasticsearch'\?/);
});
