/** A plugin as metrics, health checks and the control interface see it. */

import type { PluginDefinition, PluginReport, PluginSummary } from "../plugin.ts";
import type { InputAccounts } from "./input-accounts.ts";
import { shownParameters } from "./secret-parameters.ts";
import type { Part } from "./topology.ts";

export function pluginSummary(
  { kind, type, context, plugin, owner }: Part,
  accounts: InputAccounts,
  definitions: readonly PluginDefinition[],
): PluginSummary {
  const { counters, element, id, level, targets } = context;
  return {
    id,
    kind,
    type,
    element,
    level: level.name,
    owner: owner?.id,
    targets: [...targets].map((target) => target.name),
    isRunning: context.isRunning,
    counters,
    report(): PluginReport {
      const report = plugin.report?.() ?? {};
      const flow = kind === "input" ? accounts.report(id) : undefined;
      return flow ? { ...report, flow } : report;
    },
    parameters: () => shownParameters(element, definitions),
  };
}
