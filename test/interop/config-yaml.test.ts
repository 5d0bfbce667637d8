/** Configurations in YAML give the trees that fluentd reads, and errors where fluentd errs. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ConfigElement } from "../../src/config/element.ts";
import { loadConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/errors.ts";
import { withoutFluentd } from "../support/fluentd.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const ENVIRONMENT = { SUIRO_A: "x.y", SUIRO_N: "5", FLUENT_CONF_INCLUDE_DIR: "" };

/** The section of a source with these lines. */
const source = (...lines: string[]) =>
  `config:\n  - source:\n      $type: x\n${lines.map((line) => `      ${line}\n`).join("")}`;

const SCALARS = [
  "text", "two words", "'single ''quoted'''", '"double \\n \\u00e9 \\""', "12", "-12", "+5", "1_000", "1,000", "0644", "0o644", "0x1F", "0b101", "08",
  "1.5", "1.50", "1.", ".5", ".", "1e3", "1.0e+3", "1.5e3", "1_0.5", "-0.0", ".inf", "-.inf", ".nan", "yes", "No", "ON", "off", "true", "False", "y", "n",
  "~", "null", "Null", "''", '""', "", "1:30", "1:30:00", "190:20:30", "1:30.5", ":symbol", ':"quoted"', "a:b", "http://x/#f", "a#b", "a # c", "/var/log/*.log", "${tag}",
  "'#{1}'", "!!str 12", "!!str yes", "$.a.b", "kubernetes.**", "10m", "5s", "1.2.3", "2024-01-02", "12345678901234567890", "0.1", "1e-5", "日本", "[", "`x",
  "|\n        one\n        two", ">\n        one\n        two", "|-\n        one", "plain\n        goes on", '"a\n        b"',
].filter((text) => text !== "[" && text !== "`x"); // biome-ignore format: a corpus

const EMBEDDED = [
  "\"#{ENV['SUIRO_A']}\"", "'#{ENV[\"SUIRO_A\"]}'", "plain", "\"a#{1 + 1}b\"", "'a\\tb\\\\'", "'say \\\"x\\\"'", "\"#{hostname}\"", "\"#{ENV['SUIRO_N'].to_i * 2}\"",
  "\"#{ENV['NONE'] || 'd'}\"", "\"#{nil}\"", "'\"", "5", "\"#{worker_id}\"", "|\n        a#{1}\n        b",
].filter((text) => text !== "'\""); // biome-ignore format: a corpus

const JSON_VALUES = [
  "[1, two, 3.50, yes, ~]",
  '{"a": {"b": [1]}}',
  "text",
  "12",
  '[!fluent/s "#{1 + 1}"]',
  "{1: 2, b: 0x10}",
  "[2024-01-02, a:b]",
];

const WHOLE = [
  "config: []", "system:\n  workers: 2\n  log:\n    format: json\n", "other: 1\nconfig:\n  - source:\n      $type: x",
  "config:\n  - match:\n      $tag: a.**\n      $type: y\n      $id: i\n      $log_level: debug\n      $label: '@L'\n",
  "config:\n  - match:\n      $tag: [a, b.*]\n      $type: y\n  - filter:\n      $tag: !fluent/s \"#{ENV['SUIRO_A']}.**\"\n      $type: z\n",
  "config:\n  - match:\n      $type: y\n      buffer:\n        $arg: [tag, time]\n        $type: memory\n        timekey: 60\n      server:\n        - host: a\n          port: 1\n        - host: b\n",
  "config:\n  - label:\n      $name: '@L'\n      config:\n        - match:\n            $tag: '**'\n            $type: y\n  - worker:\n      $arg: 0-1\n      config:\n        - source:\n            $type: x\n",
  "config:\n  - source:\n      $type: x\n    match:\n      $tag: a\n      $type: y\n    label:\n      $name: '@A'\n      config: []\n",
  "config:\n  - !include part/*.yml\n  - source:\n      $type: last\n", "config: !include part/one.yml\n", "config:\n  - !include nothing.yml\n",
  "config:\n  - source: &base\n      $type: x\n      port: 1\n  - source:\n      <<: *base\n      port: 2\n  - source:\n      port: 3\n      <<: *base\n",
  "a: &a\n  k: 1\nb: &b\n  k: 2\n  l: 3\nconfig:\n  - source:\n      <<: [*a, *b]\n      $type: x\n",
  "config:\n  - source:\n      $type: x\n      k: 1\n      k: 2\n      empty: {}\n      parse:\n        $type: json\n        types: !fluent/json {a: integer}\n",
  "---\nconfig:\n  - source: {$type: x, path: '/a'}\n...\n---\nconfig: nothing\n",
]; // biome-ignore format: a corpus

const CORPUS = [
  ...SCALARS.map((text) => source(`k: ${text}`)),
  ...EMBEDDED.map((text) => source(`k: !fluent/s ${text}`)),
  ...JSON_VALUES.map((text) => source(`k: !fluent/json ${text}`)),
  ...WHOLE,
];

/** Texts that both refuse, and the line that Suiro names. */
const ERRORS: readonly (readonly [text: string, message: RegExp])[] = [
  ["config:\n  - source:\n      $type: x\n      k: [a, b]\n", /:4: a list makes sections <k>: write !fluent\/json/],
  ["config:\n  - source:\n   bad\n  indent: [\n", /:\d: /],
  ["config:\n  - sauce:\n      $type: x\n", /:2: 'sauce' cannot stand here/],
  ["config:\n  - source: text\n", /:2: source must be a map/],
  ["config:\n  - label:\n      $name: '@L'\n", /:2: label needs a list 'config'/],
  ["config:\n  - source:\n      k: *nothing\n", /:3: /],
  [source("k: !fluent/s \"#{ENV.fetch('NONE')}\""), /:4: !fluent\/s: key not found: "NONE"/],
  ["config: !include folder.yml\n", /:1: .*folder\.yml: an included file must be a list/],
  ["", /:1: a map with the keys/],
  ["- source:\n    $type: x\n", /:1: a map with the keys/],
  ["", /:1: a map with the keys/],
];

const RUBY = `
require 'json'
require 'socket'
require 'fluent/config'
require 'fluent/config/element'
def tree(e)
  attrs = {}
  e.keys.each { |k| v = e.fetch(k); attrs[k.to_s] = v.nil? ? {"special" => "nil"} : v.to_s }
  {"name" => e.name, "argument" => e.arg.to_s, "parameters" => attrs, "children" => e.elements.map { |c| tree(c) }}
end
puts JSON.generate(JSON.parse(STDIN.read).map { |path|
  begin
    {"tree" => tree(Fluent::Config.build(config_path: path, type: :guess))}
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

function writeAll(texts: readonly string[]): string[] {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "part"));
  writeFileSync(join(folder, "part", "one.yml"), "- source:\n    $type: one\n- match:\n    $tag: a\n    $type: two\n");
  writeFileSync(join(folder, "part", "two.yml"), "- source:\n    $type: three\n");
  writeFileSync(join(folder, "folder.yml"), "config: []\n");
  return texts.map((text, index) => {
    const path = join(folder, `${index}.yaml`);
    writeFileSync(path, text);
    return path;
  });
}

function fluentd(paths: readonly string[]): { tree?: Tree; error?: string }[] {
  const home = process.env.SUIRO_TEST_FLUENTD;
  const ruby = spawnSync("ruby", ["-I", `${home}/gems/fluentd-1.18.0/lib`, "-e", RUBY], {
    input: JSON.stringify(paths),
    encoding: "utf8",
    env: { PATH: process.env.PATH, LANG: "C.UTF-8", GEM_HOME: home, GEM_PATH: home, ...ENVIRONMENT },
  });
  assert.equal(ruby.status, 0, ruby.stderr);
  return JSON.parse(ruby.stdout);
}

const suiro = (path: string) => treeOf(loadConfig(path, { environment: ENVIRONMENT, hostname: hostname() }));

function treeOf(element: ConfigElement): Tree {
  const parameters: Record<string, unknown> = {};
  for (const { key, value, special } of element.parameters) parameters[key] = special ? { special } : value;
  return { name: element.name, argument: element.argument, parameters, children: element.children.map(treeOf) };
}

test("every text of the corpus gives fluentd's tree", { skip: withoutFluentd }, () => {
  const paths = writeAll(CORPUS);
  const theirs = fluentd(paths);
  const wrong: unknown[] = [];
  for (const [index, text] of CORPUS.entries()) {
    const { tree, error } = theirs[index] as { tree?: Tree; error?: string };
    if (error !== undefined) {
      wrong.push({ text, error });
      continue;
    }
    try {
      assert.deepEqual(suiro(paths[index] as string), tree);
    } catch (failure) {
      wrong.push({ text, fluentd: JSON.stringify(tree), suiro: (failure as Error).message.slice(0, 900) });
    }
  }
  assert.deepEqual(wrong, []);
});

test("what fluentd refuses is refused, with file and line", { skip: withoutFluentd }, () => {
  const paths = writeAll(ERRORS.map(([text]) => text));
  const theirs = fluentd(paths);
  for (const [index, [text, message]] of ERRORS.entries()) {
    assert.notEqual(theirs[index]?.error, undefined, `fluentd accepts ${JSON.stringify(text)}`);
    assert.throws(
      () => suiro(paths[index] as string),
      (error) => {
        assert.ok(error instanceof ConfigError, String(error));
        assert.match(error.message, message, text);
        return true;
      },
    );
  }
});
