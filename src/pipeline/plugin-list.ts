/** Every plugin that Suiro has, by kind and `@type`. */

import { nearest } from "../config/nearest.ts";
import { ConfigError, type SourcePosition } from "../errors.ts";
import { concatFilter } from "../filter/concat.ts";
import { grepFilter } from "../filter/grep.ts";
import { kubernetesMetadataFilter } from "../filter/kubernetes-metadata.ts";
import { parserFilter } from "../filter/parser.ts";
import { recordModifierFilter } from "../filter/record-modifier.ts";
import { recordTransformerFilter } from "../filter/record-transformer.ts";
import { stdoutFilter } from "../filter/stdout.ts";
import { execInput } from "../input/exec.ts";
import { forwardInput } from "../input/forward.ts";
import { httpInput } from "../input/http.ts";
import { monitorAgentInput } from "../input/monitor-agent.ts";
import { prometheusInput, prometheusMonitorInputs } from "../input/prometheus.ts";
import { dummyInput, sampleInput } from "../input/sample.ts";
import { syslogInput } from "../input/syslog.ts";
import { tailInput } from "../input/tail.ts";
import { tcpInput } from "../input/tcp.ts";
import { udpInput } from "../input/udp.ts";
import { unixInput } from "../input/unix.ts";
import { copyOutput } from "../output/copy.ts";
import { detectExceptionsOutput } from "../output/detect-exceptions.ts";
import { fileOutput } from "../output/file.ts";
import { forwardOutput } from "../output/forward/forward.ts";
import { bufferedNullOutput, nullOutput } from "../output/null.ts";
import { relabelOutput } from "../output/relabel.ts";
import { rewriteTagFilterOutput } from "../output/rewrite-tag-filter.ts";
import { roundrobinOutput } from "../output/roundrobin.ts";
import { secondaryFileOutput } from "../output/secondary-file.ts";
import { bufferedStdoutOutput, stdoutOutput } from "../output/stdout.ts";
import type {
  BufferedOutputDefinition,
  FilterDefinition,
  InputDefinition,
  OutputDefinition,
  PluginDefinition,
} from "../plugin.ts";

/** Of one type both an output with and one without a buffer may be listed. */
export const PLUGINS: readonly PluginDefinition[] = [
  forwardInput,
  httpInput,
  tcpInput,
  udpInput,
  syslogInput,
  unixInput,
  execInput,
  monitorAgentInput,
  prometheusInput,
  ...prometheusMonitorInputs,
  sampleInput,
  dummyInput,
  parserFilter,
  tailInput,
  concatFilter,
  grepFilter,
  kubernetesMetadataFilter,
  recordModifierFilter,
  recordTransformerFilter,
  stdoutFilter,
  tailInput,
  parserFilter,
  copyOutput,
  detectExceptionsOutput,
  fileOutput,
  forwardOutput,
  nullOutput,
  bufferedNullOutput,
  relabelOutput,
  rewriteTagFilterOutput,
  roundrobinOutput,
  secondaryFileOutput,
  stdoutOutput,
  bufferedStdoutOutput,
];

/** What people may look for because fluentd, or the images that ship it, have it. */
const FLUENTD_PLUGINS: Record<PluginRole, readonly string[]> = {
  input: words(`debug_agent gc_stat object_space systemd
    windows_eventlog windows_eventlog2 kafka
    kafka_group s3 sql`),
  filter: words(`grep parser record_transformer stdout kubernetes_metadata record_modifier concat geoip prometheus
    detect_exceptions dedot throttle`),
  output: words(`http exec exec_filter buffer stream elasticsearch elasticsearch_dynamic opensearch s3 kafka
    kafka2 google_cloud loki splunk_hec cloudwatch_logs kinesis_streams kinesis_firehose mongo td bigquery webhdfs
    rewrite_tag_filter detect_exceptions record_reformer route datadog newrelic prometheus gcs azurestorage rabbitmq
    remote_syslog logzio_buffered sumologic`),
};

function words(text: string): string[] {
  return text.split(/\s+/);
}

export type PluginRole = "input" | "filter" | "output";

type OutputKind = OutputDefinition<any> | BufferedOutputDefinition<any>;

/** The plugins to choose from. Tests and embedders may add their own to PLUGINS. */
export class PluginList {
  readonly #definitions: readonly PluginDefinition[];

  constructor(definitions: readonly PluginDefinition[] = PLUGINS) {
    this.#definitions = definitions;
  }

  /** Throws ConfigError. */
  input(type: string, position: SourcePosition): InputDefinition<any> {
    const found = this.#of("input", type)[0];
    return (found as InputDefinition<any> | undefined) ?? this.#unknown("input", type, position);
  }

  /** Throws ConfigError. */
  filter(type: string, position: SourcePosition): FilterDefinition<any> {
    const found = this.#of("filter", type)[0];
    return (found as FilterDefinition<any> | undefined) ?? this.#unknown("filter", type, position);
  }

  /** Where a type is there with and without a buffer, `wantsBuffer` chooses. Throws ConfigError. */
  output(type: string, wantsBuffer: boolean, position: SourcePosition): OutputKind {
    const found = this.#of("output", type) as OutputKind[];
    const wanted = found.find(({ kind }) => (kind === "buffered-output") === wantsBuffer);
    return wanted ?? found[0] ?? this.#unknown("output", type, position);
  }

  #of(role: PluginRole, type: string): PluginDefinition[] {
    return this.#definitions.filter((definition) => definition.type === type && roleOf(definition) === role);
  }

  #unknown(role: PluginRole, type: string, position: SourcePosition): never {
    const types = [...new Set(this.#definitions.filter((d) => roleOf(d) === role).map((d) => d.type))].sort();
    const hint = nearest(type, [...types, ...FLUENTD_PLUGINS[role]]);
    let advice = types.length > 0 ? `Suiro has ${types.join(", ")}.` : `Suiro has no ${role} plugins.`;
    if (FLUENTD_PLUGINS[role].includes(type)) advice = `fluentd has one, Suiro does not. ${advice}`;
    else if (hint) advice = `Did you mean '${hint}'? ${advice}`;
    throw new ConfigError(`Unknown ${role} plugin '${type}'. ${advice}`, position);
  }
}

function roleOf(definition: PluginDefinition): PluginRole {
  return definition.kind === "buffered-output" ? "output" : definition.kind;
}
