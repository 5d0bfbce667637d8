/** An input that only answers questions about the agent: what `monitor_agent` and `prometheus` have in common. */

import { Health } from "../metrics/health.ts";
import { type Report, type Reporter, ReportServer } from "../metrics/report-server.ts";
import type { Input, PluginContext } from "../plugin.ts";
import type { TransportConfig } from "../tls/transport.ts";

export interface ReportInputOptions {
  readonly bind: string;
  readonly port: number;
  readonly transport?: TransportConfig | undefined;
  /** By path; /healthz and /readyz are answered beside them. */
  readonly reports: Iterable<readonly [path: string, report: Reporter]>;
  readonly notFound?: Report;
}

export class ReportInput implements Input {
  readonly #server: ReportServer;
  readonly #options: ReportInputOptions;
  readonly #context: PluginContext;

  constructor(options: ReportInputOptions, context: PluginContext) {
    const { logger, clock } = context;
    const { notFound, transport } = options;
    const health = new Health(() => context.plugins(), clock);
    const reports = new Map([...health.reports, ...options.reports]);
    this.#server = new ReportServer({ logger, transport, reports, ...(notFound && { notFound }) });
    this.#options = options;
    this.#context = context;
  }

  get address(): { host: string; port: number } | undefined {
    return this.#server.address;
  }

  async start(): Promise<void> {
    const { bind, port, transport } = this.#options;
    await this.#server.start(bind, port);
    this.#context.logger.debug("answering questions about the agent", {
      scheme: transport ? "https" : "http",
      host: bind,
      port: this.address?.port,
    });
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }
}
