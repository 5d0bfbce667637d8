import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type LoadOptions, loadConfig } from "../../../src/config/load.ts";
import { ConfigError } from "../../../src/errors.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { memoryFiles } from "./memory-files.ts";

function load(texts: Record<string, string>, options: Partial<LoadOptions> = {}) {
  return loadConfig("/etc/f.conf", {
    environment: { FLUENT_CONF_INCLUDE_DIR: "" },
    hostname: "h",
    files: memoryFiles(texts),
    ...options,
  });
}

const names = (texts: Record<string, string>, options: Partial<LoadOptions> = {}) =>
  load(texts, options).children.map((child) => child.name);

const section = (name: string) => `<${name}>\n</${name}>\n`;

test("includes are relative to their file, sorted, and keep their place", () => {
  const texts = {
    "/etc/f.conf": `${section("a")}@include sub/*.conf\n${section("z")}`,
    "/etc/sub/2.conf": section("two"),
    "/etc/sub/1.conf": `@include deep/x.conf\n${section("one")}`,
    "/etc/sub/deep/x.conf": section("deep"),
    "/etc/sub/.hidden.conf": section("hidden"),
    "/etc/sub/3.txt": section("other"),
  };
  assert.deepEqual(names(texts), ["a", "deep", "one", "two", "z"]);
  assert.deepEqual(load(texts).children[1]?.position, { file: "/etc/sub/deep/x.conf", line: 1 });
});

test("a file that is included within a section fills the section", () => {
  const root = load({
    "/etc/f.conf": "<match a>\n  @include buffer.conf\n</match>\n",
    "/etc/buffer.conf": "k v\n<buffer>\n</buffer>",
  });
  assert.equal(root.children[0]?.text("k"), "v");
  assert.equal(root.children[0]?.children[0]?.name, "buffer");
});

test("paths may be absolute, quoted, evaluated, encoded, or patterns", () => {
  const texts = { "/x/a b.conf": section("a"), "/x/y/c.conf": section("c"), "/x/y/d.conf": section("d") };
  const table: [path: string, found: string[]][] = [
    ["/x/a b.conf", ["a"]], ["'/x/a b.conf'", ["a"]], ["/x/a%20b.conf # comment", ["a"]], ["file:///x/a%20b.conf", ["a"]],
    ['"#{\'/x\'}/y/c.conf"', ["c"]], ["../x/y/[cd].conf", ["c", "d"]], ["/x/**/*.conf", ["a", "c", "d"]], ["/x/y/{d,c}.conf", ["c", "d"]],
    ["/x/y/?.conf", ["c", "d"]], ["disable.conf", []], ["nowhere/*.conf", []],
  ]; // biome-ignore format: a table
  for (const [path, found] of table)
    assert.deepEqual(names({ ...texts, "/etc/f.conf": `@include ${path}\n` }), found, path);
});

test("an include that cannot work names its line", () => {
  const table: [text: Record<string, string>, message: RegExp][] = [
    [
      { "/etc/f.conf": "\n@include https://example.com/x.conf" },
      /^\/etc\/f\.conf:2: @include of https: is not supported/,
    ],
    [
      { "/etc/f.conf": "@include a.conf", "/etc/a.conf": "\n@include f.conf" },
      /^\/etc\/a\.conf:2: @include goes round in a circle: \/etc\/f\.conf/,
    ],
    [
      { "/etc/f.conf": "@include a.yaml", "/etc/a.yaml": "config:\n  - !include a.yaml" },
      /^\/etc\/a\.yaml:2: @include goes round in a circle: \/etc\/a\.yaml/,
    ],
    [{}, /^cannot read the configuration \/etc\/f\.conf - ENOENT/],
    [{ "/etc/f.conf": "@include a.conf", "/etc/a.conf": "</x>" }, /^\/etc\/a\.conf:1: unmatched end tag/],
  ];
  for (const [texts, message] of table) {
    assert.throws(
      () => load(texts),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  }
});

test("inline text is read after the file, with written line feeds", () => {
  assert.deepEqual(names({ "/etc/f.conf": section("a") }, { inline: "<b>\\n</b>\\n<c>\\n</c>" }), ["a", "b", "c"]);
  assert.throws(() => load({ "/etc/f.conf": "" }, { inline: "<b>" }), /^ConfigError: \/etc\/inline-config:1:/);
});

test("the include folder comes from <system>, the environment, or fluentd's default; empty means none", () => {
  const texts = {
    "/etc/f.conf": section("a"),
    "/etc/fluent/conf.d/one.conf": section("default"),
    "/dir/sub/two.conf": section("given"),
    "/dir/readme.txt": section("text"),
  };
  assert.deepEqual(names(texts, { environment: {} }), ["a", "default"]);
  assert.deepEqual(names(texts, { environment: { FLUENT_CONF_INCLUDE_DIR: "/dir" } }), ["a", "given"]);
  assert.deepEqual(names(texts), ["a"]);
  const system = { ...texts, "/etc/f.conf": "<system>\nconfig_include_dir /dir\n</system>\n" };
  assert.deepEqual(names(system), ["system", "given"]);
  assert.deepEqual(
    names({ ...texts, "/etc/f.conf": '<system>\nconfig_include_dir ""\n</system>\n' }, { environment: {} }),
    ["system"],
  );
});

test("a file of the include folder that was already included is not read twice", () => {
  const texts = { "/etc/f.conf": "@include fluent/conf.d/*.conf", "/etc/fluent/conf.d/one.conf": section("one") };
  assert.deepEqual(names(texts, { environment: {} }), ["one"]);
});

test("strict_config_value holds for every element, also by option", () => {
  const strict = load({ "/etc/f.conf": "<system>\nstrict_config_value true\n</system>\n<a>\n<b>\n</b>\n</a>" });
  assert.equal(strict.children[1]?.children[0]?.isStrict, true);
  assert.equal(load({ "/etc/f.conf": section("a") }, { isStrict: true }).children[0]?.isStrict, true);
  assert.equal(load({ "/etc/f.conf": section("a") }).children[0]?.isStrict, false);
});

test("real files are read, found by patterns, and open to embedded Ruby", () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "conf.d"));
  writeFileSync(join(folder, "token"), "  abc\n");
  writeFileSync(join(folder, "conf.d", "b.conf"), `k "#{File.read('${folder}/token').strip}"\n`);
  writeFileSync(join(folder, "conf.d", "a.conf"), `l "#{open('${folder}/token', 'r') do |f| f.read.strip end}"\n`);
  writeFileSync(join(folder, "f.conf"), "@include conf.d/*.conf\n");
  const root = loadConfig(join(folder, "f.conf"), { environment: { FLUENT_CONF_INCLUDE_DIR: "" }, hostname: "h" });
  assert.deepEqual(root.parameters.map(({ key, value }) => [key, value]), [["l", "abc"], ["k", "abc"]]); // biome-ignore format: a pair
});
