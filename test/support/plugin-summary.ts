/** A plugin as metrics and health checks see it, for tests of those without a pipeline. */

import { Counters } from "../../src/counters.ts";
import type { PluginReport, PluginSummary } from "../../src/plugin.ts";
import { configElement } from "./config-section.ts";

export interface TestSummary extends Partial<Omit<PluginSummary, "report" | "parameters">> {
  readonly state?: PluginReport;
}

/** A running input `in_1` of type tail, unless said otherwise. */
export function pluginSummary({ state = {}, ...given }: TestSummary = {}): PluginSummary {
  return {
    id: "in_1",
    kind: "input",
    type: "tail",
    element: configElement("source", "", {}),
    level: "@ROOT",
    owner: undefined,
    targets: [],
    isRunning: true,
    counters: new Counters(),
    ...given,
    report: () => state,
    parameters: () => ({}),
  };
}
