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
import type { Input, InputDefinition, PluginContext } from "../plugin.ts";
import { checkTransport, isTls, transportTable } from "../tls/transport.ts";
import { ReportInput } from "./report-input.ts";

const OLD_TLS = "write <transport tls> with cert_path, private_key_path and ca_path";

const table = section(
  {
    bind: string.default("Address to listen on; it asks for no password.", "127.0.0.1"),
    port: integer.default("Port to listen on; with several workers the first one's, and the next ones' follow.", 24231),
    metrics_path: string.default("Path of the metrics.", "/metrics"),
    aggregated_metrics_path: string.default("Path of the metrics; each worker gives its own.", "/aggregated_metrics"),
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
  readonly #server: ReportInput;

  constructor(
    { bind, port, metricsPath, aggregatedMetricsPath, contentEncoding, transport }: Config,
    context: PluginContext,
  ) {
    const metrics = async () => {
      const text = await render(catalogueFamilies({ plugins: context.plugins(), nowMs: context.clock.now() }));
      if (contentEncoding === "identity") return { type: TEXT_TYPE, body: text };
      return { type: TEXT_TYPE, body: gzipSync(text), headers: { "Content-Encoding": "gzip" } };
    };
    this.#server = new ReportInput(
      {
        // fluentd takes `[::1]`, too.
        bind: bind.replace(/^\[(.*)\]$/, "$1"),
        port: port + (context.system.workerId ?? 0),
        transport: isTls(transport) ? transport : undefined,
        reports: [metricsPath, aggregatedMetricsPath].map((path) => [path, metrics] as const),
      },
      context,
    );
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
