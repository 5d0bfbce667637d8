/** Answers GET requests with reports about the agent: for `monitor_agent` and `prometheus`. */

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { errorMessage, NetworkError } from "../../errors.ts";
import type { Input } from "../../plugin.ts";

export interface Report {
  readonly type: string;
  text(): string;
}

const REQUEST_TIMEOUT_MS = 5000;
const MAX_CONNECTIONS = 64;

export class ReportServer implements Input {
  readonly #bind: string;
  readonly #port: number;
  readonly #reports: ReadonlyMap<string, Report>;
  #server: Server | undefined;

  /** `reports` by path. */
  constructor(bind: string, port: number, reports: ReadonlyMap<string, Report>) {
    this.#bind = bind;
    this.#port = port;
    this.#reports = reports;
  }

  get address(): { host: string; port: number } | undefined {
    const address = this.#server?.address() as AddressInfo | null | undefined;
    return address ? { host: address.address, port: address.port } : undefined;
  }

  async start(): Promise<void> {
    const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
      const report = this.#reports.get((request.url ?? "").split("?")[0] as string);
      response.writeHead(report ? 200 : 404, { "Content-Type": report?.type ?? "text/plain" });
      response.end(report ? report.text() : "Not found\n");
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.listen({ host: this.#bind, port: this.#port });
    try {
      await once(server, "listening");
    } catch (cause) {
      const message = `cannot listen on ${this.#bind}:${this.#port}: ${errorMessage(cause)}; set another port`;
      throw new NetworkError(message, { cause });
    }
    this.#server = server;
  }

  async stop(): Promise<void> {
    this.#server?.close();
    this.#server?.closeAllConnections();
    this.#server = undefined;
  }
}
