import assert from "node:assert/strict";
import { test } from "node:test";
import { readSectionOrThrow } from "../../../src/config/parameters.ts";
import { monitorAgentInput } from "../../../src/input/monitor-agent.ts";
import { prometheusInput } from "../../../src/input/prometheus.ts";
import type { InputDefinition } from "../../../src/plugin.ts";
import { configElement } from "../../support/config-section.ts";
import { pluginContext } from "../../support/plugin-context.ts";
import { pluginSummary } from "../../support/plugin-summary.ts";

for (const [definition, path, wanted] of [
  [monitorAgentInput, "/api/plugins.json", /"plugin_id":"in_1","plugin_category":"input","type":"tail"/],
  [
    prometheusInput,
    "/metrics",
    /^suiro_emitted_events_total\{plugin_id="in_1",plugin_category="input",type="tail"\} 3$/m,
  ],
] as const) {
  test(`${definition.type} tells what plugins counted`, async () => {
    const element = configElement("source", "", { port: "0" });
    const context = pluginContext(element);
    context.counters.add("emitted_events", 3);
    const { counters } = context;
    context.plugins = () => [pluginSummary({ counters })];
    const { table, create } = definition as InputDefinition<any>;
    const input = create(readSectionOrThrow(table, element), context);
    await input.start();
    const { port } = input.address as { port: number };
    assert.match(await (await fetch(`http://127.0.0.1:${port}${path}`)).text(), wanted);
    assert.equal((await fetch(`http://127.0.0.1:${port}/other`)).status, 404);
    await input.stop(new AbortController().signal);
  });
}
