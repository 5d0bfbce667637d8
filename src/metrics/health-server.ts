/**
 * The health port: `/healthz` and `/readyz` and nothing else, so that it may be open to whoever probes. It is the
 * process's, not the agent's: while a configuration starts or is replaced it says that the process is alive, not ready.
 */

import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { PluginSummary } from "../plugin.ts";
import { Health } from "./health.ts";
import { ReportServer } from "./report-server.ts";

export interface HealthServerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Those of the agent that runs now. */
  plugins(): readonly PluginSummary[];
}

export class HealthServer {
  readonly #server: ReportServer;
  readonly #logger: Logger;

  constructor({ clock, logger, plugins }: HealthServerOptions) {
    this.#server = new ReportServer({ logger, reports: new Map(new Health(plugins, clock).reports) });
    this.#logger = logger;
  }

  get address(): { host: string; port: number } | undefined {
    return this.#server.address;
  }

  /** Throws NetworkError. */
  async start({ host, port }: { readonly host: string; readonly port: number }): Promise<void> {
    await this.#server.start(host, port);
    this.#logger.info("answering /healthz and /readyz", { host, port: this.address?.port });
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}
