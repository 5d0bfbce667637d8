import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dumpConfig } from "../../../src/config/dump.ts";
import { ConfigElement } from "../../../src/config/element.ts";
import { parseConfig } from "../../../src/config/load.ts";

const options = { environment: {}, hostname: "h" };
const position = { file: "f", line: 1 };

test("the dump has fluentd's form and masks secrets by section", () => {
  const text = `<source>
  @type forward
  path "a # b"
  <security>
    shared_key s3cret
    self_hostname h
  </security>
</source>
<match a.** b>
  on "#{use_default}"
</match>`;
  const isSecret = (sections: readonly ConfigElement[], key: string) =>
    sections.at(-1)?.name === "security" && key === "shared_key";
  assert.equal(
    dumpConfig(parseConfig(text, "f", options), isSecret),
    `<ROOT>
  <source>
    @type forward
    path "a # b"
    <security>
      shared_key xxxxxx
      self_hostname h
    </security>
  </source>
  <match a.** b>
    on "#{use_default}"
  </match>
</ROOT>
`,
  );
});

const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: fc.constantFrom(..." \t\n\"'#{}[]<>\\ab1,:@") }),
  fc.jsonValue().map((value) => JSON.stringify(value)),
);
const parameter = fc
  .record({ key: anyText, value: anyText })
  // A key that the grammar reserves, and a lone return, which the language cannot hold in a key.
  .filter(({ key }) => !/^@|^include$/.test(key))
  .map(({ key, value }) => ({ key: key.replaceAll("\r\n", "\n"), value, position }));
const element: fc.Memo<ConfigElement> = fc.memo((depth) =>
  fc
    .tuple(
      fc.stringMatching(/^[a-z0-9_]{1,8}$/),
      anyText,
      fc.array(parameter, { maxLength: 4 }),
      depth > 1 ? fc.array(element(depth - 1), { maxLength: 3 }) : fc.constant<ConfigElement[]>([]),
    )
    .map(([name, argument, parameters, children]) => new ConfigElement(name, argument, position, parameters, children)),
);

test("reading a dump back gives the same tree", () => {
  const shape = (node: ConfigElement): unknown => [
    node.name,
    node.argument,
    node.parameters.map(({ key, value }) => [key, value]),
    node.children.map(shape),
  ];
  fc.assert(
    fc.property(element(3), (root) => {
      const again = parseConfig(
        dumpConfig(root, () => false),
        "f",
        options,
      ).children[0];
      assert.ok(again);
      assert.deepEqual(shape(again), shape(root));
    }),
    { numRuns: 300 },
  );
});
