/**
 * Every plugin that Suiro has, by role and `@type`. Code is loaded when a configuration uses it: a forwarder that takes
 * and sends messages starts in half the time of one that has all plugins in memory, and is a tenth smaller.
 */

import type { PluginDefinition } from "../plugin.ts";

export type PluginRole = "input" | "filter" | "output";

export interface CataloguedPlugin {
  readonly role: PluginRole;
  /** `@type`. */
  readonly type: string;
  /** Two definitions where a type is there with and without a buffer. */
  load(): Promise<PluginDefinition | readonly PluginDefinition[]>;
}

export const CATALOGUE: readonly CataloguedPlugin[] = [
  input("dummy", async () => (await import("../input/sample.ts")).dummyInput),
  input("exec", async () => (await import("../input/exec.ts")).execInput),
  input("forward", async () => (await import("../input/forward.ts")).forwardInput),
  input("http", async () => (await import("../input/http.ts")).httpInput),
  input("monitor_agent", async () => (await import("../input/monitor-agent.ts")).monitorAgentInput),
  input("prometheus", async () => (await import("../input/prometheus.ts")).prometheusInput),
  input("prometheus_monitor", prometheusMonitors),
  input("prometheus_output_monitor", prometheusMonitors),
  input("prometheus_tail_monitor", prometheusMonitors),
  input("sample", async () => (await import("../input/sample.ts")).sampleInput),
  input("syslog", async () => (await import("../input/syslog.ts")).syslogInput),
  input("systemd", async () => (await import("../input/systemd.ts")).systemdInput),
  input("tail", async () => (await import("../input/tail.ts")).tailInput),
  input("tcp", async () => (await import("../input/tcp.ts")).tcpInput),
  input("udp", async () => (await import("../input/udp.ts")).udpInput),
  input("unix", async () => (await import("../input/unix.ts")).unixInput),
  filter("concat", async () => (await import("../filter/concat.ts")).concatFilter),
  filter("grep", async () => (await import("../filter/grep.ts")).grepFilter),
  filter(
    "kubernetes_metadata",
    async () => (await import("../filter/kubernetes-metadata.ts")).kubernetesMetadataFilter,
  ),
  filter("parser", async () => (await import("../filter/parser.ts")).parserFilter),
  filter("prometheus", async () => (await import("../filter/prometheus.ts")).prometheusFilter),
  filter("record_modifier", async () => (await import("../filter/record-modifier.ts")).recordModifierFilter),
  filter("record_transformer", async () => (await import("../filter/record-transformer.ts")).recordTransformerFilter),
  filter("stdout", async () => (await import("../filter/stdout.ts")).stdoutFilter),
  filter("systemd_entry", async () => (await import("../filter/systemd-entry.ts")).systemdEntryFilter),
  output("copy", async () => (await import("../output/copy.ts")).copyOutput),
  output("detect_exceptions", async () => (await import("../output/detect-exceptions.ts")).detectExceptionsOutput),
  output("file", async () => (await import("../output/file.ts")).fileOutput),
  output("forward", async () => (await import("../output/forward/forward.ts")).forwardOutput),
  output("null", async () => {
    const { bufferedNullOutput, nullOutput } = await import("../output/null.ts");
    return [nullOutput, bufferedNullOutput];
  }),
  output("prometheus", async () => (await import("../output/prometheus.ts")).prometheusOutput),
  output("relabel", async () => (await import("../output/relabel.ts")).relabelOutput),
  output("rewrite_tag_filter", async () => (await import("../output/rewrite-tag-filter.ts")).rewriteTagFilterOutput),
  output("roundrobin", async () => (await import("../output/roundrobin.ts")).roundrobinOutput),
  output("secondary_file", async () => (await import("../output/secondary-file.ts")).secondaryFileOutput),
  output("stdout", async () => {
    const { bufferedStdoutOutput, stdoutOutput } = await import("../output/stdout.ts");
    return [stdoutOutput, bufferedStdoutOutput];
  }),
];

async function prometheusMonitors(): Promise<readonly PluginDefinition[]> {
  const monitors = await import("../input/prometheus-monitors.ts");
  return [monitors.prometheusMonitorInput, monitors.prometheusOutputMonitorInput, monitors.prometheusTailMonitorInput];
}

function input(type: string, load: CataloguedPlugin["load"]): CataloguedPlugin {
  return { role: "input", type, load };
}

function filter(type: string, load: CataloguedPlugin["load"]): CataloguedPlugin {
  return { role: "filter", type, load };
}

function output(type: string, load: CataloguedPlugin["load"]): CataloguedPlugin {
  return { role: "output", type, load };
}
