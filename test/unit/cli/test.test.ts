import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { test as runTests } from "../../../src/cli/test.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "..");

async function run(cases: string, config: string): Promise<{ code: number; output: string }> {
  const folder = temporaryFolder();
  const file = join(folder, "cases.yaml");
  writeFileSync(file, cases);
  writeFileSync(join(folder, "f.conf"), config);
  let output = "";
  const code = await runTests([file], { config: join(folder, "f.conf") }, (text) => {
    output += text;
  });
  return { code, output: output.replaceAll(folder, "") };
}

const FORWARD = "<match **>\n@type forward\n@id out\n<server>\nhost a\n</server>\n</match>\n";
const oneCase = (input: string, expected: string) =>
  `cases:\n  - name: it\n    input: [${input}]\n    expect: {${expected}}\n`;

test("the example's cases hold", async () => {
  let output = "";
  const code = await runTests([join(root, "examples", "routing.test.yaml")], {}, (text) => {
    output += text;
  });
  assert.equal(code, 0, output);
  assert.match(output, /^ok 3 - lines of containers, without health checks$/m);
});

test("a case that does not hold shows what was expected and what came", async () => {
  const event = "{tag: a, record: {n: 1}, time: 5}";
  const { code, output } = await run(oneCase(event, "out: [{tag: b}, {tag: c}]"), FORWARD);
  assert.equal(code, 1);
  assert.match(output, /^not ok 1 - it$/m);
  assert.match(output, /# out got 1 event, not 2/);
  assert.match(output, /expected {"tag":"b"}/);
  assert.match(output, /got {6}{"tag":"a","time":"1970-01-01T00:00:05\.000000000Z","record":{"n":1}}/);
  assert.match(output, /# 0 of 1 cases hold/);
});

test("it says where an event differs, within lists and maps, and no more than one can read", async () => {
  const event = "{tag: a, record: {n: 1, list: [1, {b: 3}], 'x y': z}, time: 5.25}";
  const expected = "out: [{tag: c, time: 5, record: {n: 1, list: [1, {b: 4}, 5], more: true}}]";
  const { output } = await run(oneCase(event, expected), FORWARD);
  assert.deepEqual(
    [...output.matchAll(/# {3}differs {2}(.*)$/gm)].map(([, place]) => place),
    [
      'tag: expected "c", got "a"',
      'time: expected "1970-01-01T00:00:05.000000000Z", got "1970-01-01T00:00:05.250000000Z"',
      "record.list[1].b: expected 4, got 3",
      "record.list[2]: expected 5, got nothing",
      "record.more: expected true, got nothing",
      'record["x y"]: expected nothing, got "z"',
    ],
  );
  const many = JSON.stringify(Object.fromEntries(Array.from({ length: 14 }, (_, index) => [`k${index}`, index])));
  const long = await run(oneCase(`{tag: a, record: ${many}}`, "out: [{record: {}}]"), FORWARD);
  assert.equal(long.output.match(/differs/g)?.length, 11);
  assert.match(long.output, /differs {2}… and 4 more/);
});

test("records, times and the order count", async () => {
  const two = "{tag: a, record: {n: 1}, time: 5}, {tag: a, record: {n: 2}, time: 6}";
  const table: [expected: string, code: number][] = [
    ["out: [{record: {n: 1}, time: 5}, {record: {n: 2}}]", 0],
    ["out: [{record: {n: 2}}, {record: {n: 1}}]", 1],
    ["out: [{time: 6}, {}]", 1],
    ["out: [{record: {}}, {}]", 1],
    ["out: [{}]", 1],
    ["out: []", 1],
  ];
  for (const [expected, code] of table) assert.equal((await run(oneCase(two, expected), FORWARD)).code, code, expected);
});

test("filters that gather events are the real ones; each case begins anew", async () => {
  const concat = `<filter **>\n@type concat\nkey m\nmultiline_start_regexp /^-/\n</filter>\n${FORWARD}`;
  const input = "{tag: a, record: {m: '-x'}}, {tag: a, record: {m: y}}, {tag: a, record: {m: '-z'}}";
  const cases = `${oneCase(input, 'out: [{record: {m: "-x\\ny"}}]')}  - name: again\n    input: []\n    expect: {out: []}\n`;
  const { code, output } = await run(cases, concat);
  assert.equal(code, 0, output);
});

test("labels, ids of sources and lines over several lines", async () => {
  const config = `<source>\n@type tail\n@id in\npath /x/*.log\ntag t.*\n@label @L\npath_key file\n<parse>\n@type multiline\nformat_firstline /^\\d/\nformat1 /^(?<m>.*)/\n</parse>\n</source>
<label @L>\n<match **>\n@type null\n@id nothing\n</match>\n</label>\n${FORWARD}`;
  const lines =
    "{source: in, path: /x/a.log, lines: ['1 a', ' b', '2']}, {label: '@L', tag: u, record: {}}, {source: in, tag: v, record: {}}";
  const expected =
    "nothing: [{tag: t.x.a.log, record: {m: \"1 a\\n b\", file: /x/a.log}}, {record: {m: '2', file: /x/a.log}}, {tag: u}, {tag: v}], out: []";
  const { code, output } = await run(oneCase(lines, expected), config);
  assert.equal(code, 0, output);
});

test("what cannot be run is said with its place", async () => {
  const table: [cases: string, message: RegExp][] = [
    [oneCase("", "outt: []"), /cases\.yaml:2: there is no output 'outt'\. Did you mean 'out'\?/],
    [oneCase("{source: nope, lines: [x]}", "out: []"), /cases\.yaml:3: there is no source 'nope'/],
    [oneCase("{tag: a}", "out: []"), /cases\.yaml:3: an event needs 'tag' and 'record'/],
    [oneCase("{tag: a, record: {}, time: soon}", "out: []"), /cases\.yaml:3: 'soon' is no time/],
    [oneCase("{tga: a}", "out: []"), /cases\.yaml:3: 'tga' is not known here/],
    ["config: none.conf\ncases: [{name: a, input: [], expect: {out: []}}]\n", /cannot read the configuration/],
    ["config: f.conf\ncases: [{name: a, input: [], expect: {}}]\n", /cases\.yaml:2: 'expect' names no output/],
    ["config: f.conf\ncases: []\n", /cases\.yaml:2: 'cases' is empty/],
    ["casess: []\n", /cases\.yaml:1: 'casess' is not known here/],
  ];
  for (const [cases, message] of table) {
    const { code, output } = await run(cases, FORWARD);
    assert.equal(code, 1);
    assert.match(output, message);
  }
  const broken = await run(oneCase("", "out: []"), "<match **>\n@type nothing\n</match>\n");
  assert.match(broken.output, /f\.conf:1: Unknown output plugin 'nothing'/);
});
