/** `@type monitor_agent`: which plugins run, and what they counted. Source: fluentd 1.18 plugin/in_monitor_agent.rb. */

import { bool, integer, string } from "../config/literals.ts";
import { type ConfigOf, refused, section } from "../config/parameters.ts";
import type { InputDefinition, PluginSummary } from "../plugin.ts";
import { ReportInput } from "./report-input.ts";

const table = section({
  bind: string.default("Address to listen on; it asks for no password.", "127.0.0.1"),
  port: integer.default("Port to listen on.", 24220),
  tag: refused("metrics are not emitted as events; ask /api/plugins.json"),
  emit_interval: refused("metrics are not emitted as events; ask /api/plugins.json"),
  include_config: bool.default("Accepted; configurations are not shown.", true),
  include_retry: bool.default("Accepted; retries are not shown.", true),
});

export const monitorAgentInput: InputDefinition<ConfigOf<typeof table>> = {
  kind: "input",
  type: "monitor_agent",
  table,
  create({ bind, port }, context) {
    const plugins = () => ({
      type: "application/json",
      body: `${JSON.stringify({ plugins: context.plugins().map(summary) })}\n`,
    });
    return new ReportInput({ bind, port, reports: [["/api/plugins.json", plugins]] }, context);
  },
};

function summary({ id, kind, type, counters }: PluginSummary) {
  return {
    plugin_id: id,
    plugin_category: kind,
    type,
    output_plugin: kind === "output",
    emit_records: counters.get("emitted_events"),
  };
}
