import assert from "node:assert/strict";
import { test } from "node:test";
import { readSectionOrThrow } from "../../../src/config/parameters.ts";
import { prometheusFilter } from "../../../src/filter/prometheus.ts";
import { parsedElement } from "../../support/parsed-config.ts";
import { pluginContext } from "../../support/plugin-context.ts";

function create(metric: string, plugin = "") {
  const element = parsedElement(`<filter **>\n@type prometheus\n${plugin}\n${metric}\n</filter>`);
  return prometheusFilter.create(readSectionOrThrow(prometheusFilter.table, element), pluginContext(element));
}

const metric = (lines: string) => `<metric>\n${lines}\n</metric>\n`;
const COUNTER = "name n\ntype counter\ndesc d\n";

test("what is wrong with a <metric> stops the start, with its place", () => {
  const cases: [string, RegExp][] = [
    [metric("type counter\ndesc d"), /'name' parameter is required/],
    [metric("name n\ntype gauge\ndesc d"), /test.conf:\d+: gauge metric requires 'key' option/],
    [metric("name a-b\ntype counter\ndesc d"), /'a-b' cannot be the name of a metric/],
    [metric("name suiro_emits_total\ntype counter\ndesc d"), /'suiro_emits_total' is a metric of Suiro's own/],
    [metric("name n\ntype rate\ndesc d"), /rate/],
    [metric("name n\ntype histogram\ndesc d\nkey k\nbuckets 2,1"), /Unsorted buckets, typo\?/],
    [
      metric("name n\ntype histogram\ndesc d\nkey k\n<labels>\nle x\n</labels>"),
      /histogram metrics have a label le already/,
    ],
    [metric(`${COUNTER}<labels>\n__a x\n</labels>`), /'__a' cannot be a label/],
    [metric(`${COUNTER}<labels>\na x\n</labels>\n<labels>\n</labels>`), /labels section must have at most 1/],
    [metric(COUNTER) + metric("name n\ntype gauge\ndesc d\nkey k"), /n has already been registered as counter type/],
    [metric(COUNTER) + metric("name n\ntype counter\ndesc e"), /registered with different docstring/],
    [metric(COUNTER) + metric(`${COUNTER}<labels>\na x\n</labels>`), /stands twice with different labels/],
    [
      metric(`${COUNTER}initialized true\n<labels>\na $.a\n</labels>`),
      /key a with value \$\.a has not been set in a <initlabels>/,
    ],
    [metric(`${COUNTER}initialized true\n<initlabels>\na x\n</initlabels>`), /Key a in <initlabels> is non existent/],
    [
      metric(`${COUNTER}initialized true\n<labels>\na x\n</labels>\n<initlabels>\na y\n</initlabels>`),
      /non RecordAccessor/,
    ],
    [
      metric(`${COUNTER}initialized true\n<labels>\na \${hostname}\n</labels>\n<initlabels>\na y\n</initlabels>`),
      /reserved placeholder \$\{hostname\}/,
    ],
    [
      metric(`${COUNTER}initialized true\nmax_series_per_metric 1\n<labels>\na $.a\n</labels>
<initlabels>\na 1\n</initlabels>\n<initlabels>\na 2\n</initlabels>`),
      /already holds 2 label sets from <initlabels>, but max_series_per_metric is 1/,
    ],
  ];
  for (const [text, message] of cases) assert.throws(() => create(text), message, text);
});
