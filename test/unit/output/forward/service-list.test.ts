import assert from "node:assert/strict";
import { test } from "node:test";
import { parseServiceList } from "../../../../src/output/forward/service-list.ts";

const service = (values: object) => ({
  host: "10.0.0.1",
  port: 24224,
  name: undefined,
  weight: 60,
  standby: false,
  username: "",
  password: "",
  sharedKey: undefined,
  ...values,
});

test("block YAML gives services with the defaults of <server>", () => {
  const text = `---
# receivers
- 'host': 10.0.0.1
  'port': 24224
  weight: 1        # little
  name: "first # one"

- host: 'it''s'
  port: 24225
  standby: true
  username: ~
  password: 1234
  shared_key: a#b
-
    host: ::1
    port: 1
- {"host": "10.0.0.1", "port": 24224}
`;
  assert.deepEqual(parseServiceList(text), [
    service({ weight: 1, name: "first # one" }),
    service({ host: "it's", port: 24225, standby: true, password: "1234", sharedKey: "a#b" }),
    service({ host: "::1", port: 1 }),
    service({}),
  ]);
});

test("JSON is read as JSON", () => {
  assert.deepEqual(parseServiceList(' [{"host": "10.0.0.1", "port": 24224, "weight": 5}]'), [service({ weight: 5 })]);
});

test("what is not such a list is refused with its line or item", () => {
  const cases: [string, RegExp][] = [
    ["host: a", /line 1: the list begins with no dash/],
    ["- host: a\n    port: 1", /line 2: a key that is not below/],
    ["- host: [a]\n  port: 1", /line 1: the value \[a\]/],
    ["- host: &x a\n  port: 1", /line 1/],
    ["- host: a\n\tport: 1", /line 2: a tab/],
    ["- host: a\n  junk", /line 2: no key and value/],
    ["- host: a", /item 1: Service must have `host` and `port`/],
    ["- host: a\n  port: 0", /item 1: port 0 is not between/],
    ["- host: a\n  port: 1\n  weight: -1", /weight -1/],
    ["[1]", /item 1/],
    ["[{]", /JSON/],
  ];
  for (const [text, reason] of cases) assert.throws(() => parseServiceList(text), reason, text);
});
