/**
 * `@type prometheus`: Suiro's catalogue, the metrics of `<metric>` sections and those of the monitors, as Prometheus reads
 * them. Source: fluent-plugin-prometheus 2.3 in_prometheus.rb.
 */

import { gzipSync } from "node:zlib";
import { enumeration, integer, string, time } from "../config/literals.ts";
import { type ConfigOf, raw, section, withDefaults } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";
import { catalogueFamilies } from "../metrics/catalogue.ts";
import { loadExposition, render, TEXT_TYPE } from "../metrics/exposition.ts";
import { workerPlace } from "../metrics/label-template.ts";
import type { Report } from "../metrics/report-server.ts";
import { mergeMetrics, metricsOf } from "../metrics/worker-metrics.ts";
import type { Input, InputDefinition, PluginContext } from "../plugin.ts";
import { checkTransport, isTls, transportTable } from "../tls/transport.ts";
import { ReportInput } from "./report-input.ts";

const OLD_TLS = "write <transport tls> with cert_path, private_key_path and ca_path";

const table = section(
  {
    bind: string.default("Address to listen on; it asks for no password.", "127.0.0.1"),
    port: integer.default("Port to listen on; with several workers the first one's, and the next ones' follow.", 24231),
    metrics_path: string.default("Path of the metrics.", "/metrics"),
    aggregated_metrics_path: string.default("Path of the metrics of all workers together.", "/aggregated_metrics"),
    content_encoding: enumeration("identity", "gzip").default("How answers are sent.", "identity"),
    ignore_error_log_interval: time.default("Accepted; an answer that cannot be made is logged each time.", 3600),
  },
  { transport: withDefaults(transportTable), ssl: raw },
);

type Config = ConfigOf<typeof table>;

export const prometheusInput: InputDefinition<Config> = {
  kind: "input",
  type: "prometheus",
  table,
  create(config, context) {
    const ssl = config.ssl.find((element) => /^(true|yes)?$/.test(element.text("enable") ?? "false"));
    if (ssl) throw new ConfigError(`<ssl> is not supported: ${OLD_TLS}`, ssl.position);
    checkTransport(config.transport);
    return new PrometheusInput(config, context);
  },
};

class PrometheusInput implements Input {
  readonly #config: Config;
  readonly #context: PluginContext;
  readonly #server: ReportInput;

  constructor(config: Config, context: PluginContext) {
    const { port, metricsPath, aggregatedMetricsPath, transport } = config;
    this.#config = config;
    this.#context = context;
    this.#server = new ReportInput(
      {
        bind: this.#host,
        port: port + (context.system.workerId ?? 0),
        transport: isTls(transport) ? transport : undefined,
        reports: [
          [metricsPath, async () => this.#report(await this.#metrics())],
          [aggregatedMetricsPath, async () => this.#report(await this.#metricsOfAll())],
        ],
      },
      context,
    );
  }

  /** fluentd takes `[::1]`, too. */
  get #host(): string {
    return this.#config.bind.replace(/^\[(.*)\]$/, "$1");
  }

  #metrics(): Promise<string> {
    const { id, isOneOfSeveral } = workerPlace(this.#context.system);
    const labels = isOneOfSeveral ? { worker_id: String(id) } : {};
    return render(catalogueFamilies({ plugins: this.#context.plugins(), nowMs: this.#context.clock.now(), labels }));
  }

  /** Those of the other workers come from their own ports. */
  async #metricsOfAll(): Promise<string> {
    const { workers, workerId = 0 } = this.#context.system;
    if (workers === 1) return this.#metrics();
    const { port, metricsPath: path, transport } = this.#config;
    const host = { "0.0.0.0": "127.0.0.1", "::": "::1" }[this.#host] ?? this.#host;
    const ids = Array.from({ length: workers }, (_, id) => id);
    const address = (id: number) => ({ host, port: port + id, path, isTls: isTls(transport) });
    return mergeMetrics(
      await Promise.all(ids.map((id) => (id === workerId ? this.#metrics() : metricsOf(address(id))))),
    );
  }

  #report(text: string): Report {
    if (this.#config.contentEncoding === "identity") return { type: TEXT_TYPE, body: text };
    return { type: TEXT_TYPE, body: gzipSync(text), headers: { "Content-Encoding": "gzip" } };
  }

  get address() {
    return this.#server.address;
  }

  async start(): Promise<void> {
    await loadExposition();
    await this.#server.start();
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}
