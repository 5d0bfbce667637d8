/**
 * Answers GET requests with reports about the agent: for `monitor_agent`, `prometheus` and the health port. It asks for
 * no password, so every report is fit for whoever reaches the port: secrets are masked where they are made.
 */

import { once } from "node:events";
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { errorMessage } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { listeningSockets } from "../tls/listening-sockets.ts";
import { createTransportServer, listen, type TransportConfig } from "../tls/transport.ts";

export interface Report {
  /** 200 unless given. */
  readonly status?: number;
  readonly type: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Makes a report. `query` is what stands behind the question mark. */
export type Reporter = (query: URLSearchParams) => Report | Promise<Report>;

/** Takes the response over: for answers that have no end. */
export type Streamer = (query: URLSearchParams, response: ServerResponse) => void;

export interface ReportServerOptions {
  readonly logger: Logger;
  readonly reports: ReadonlyMap<string, Reporter>;
  /** Answer to every other path. */
  readonly notFound?: Report;
  readonly transport?: TransportConfig | undefined;
}

const REQUEST_TIMEOUT_MS = 5000;
const MAX_CONNECTIONS = 64;
const MAX_HEADER_BYTES = 16 * 1024;
const NOT_FOUND: Report = { status: 404, type: "text/plain", body: "Not found\n" };

export class ReportServer {
  readonly #options: ReportServerOptions;
  readonly #http: HttpServer;
  #server: Server | undefined;

  constructor(options: ReportServerOptions) {
    this.#options = options;
    const limits = { requestTimeout: REQUEST_TIMEOUT_MS, maxHeaderSize: MAX_HEADER_BYTES };
    this.#http = createServer(limits, (request, response) => void this.#serve(request, response));
  }

  get address(): { host: string; port: number } | undefined {
    const address = this.#server?.address() as AddressInfo | null | undefined;
    return address ? { host: address.address, port: address.port } : undefined;
  }

  /** Throws NetworkError when it cannot listen, ConfigError when a certificate cannot be used. */
  async start(host: string, port: number): Promise<void> {
    const { logger, transport } = this.#options;
    const onConnection = (socket: unknown) => void this.#http.emit("connection", socket);
    if (transport) {
      const server = await createTransportServer(transport, {
        logger,
        onConnection,
        onTlsError: (error, peer) => logger.debug("a connection without TLS was refused", { peer, error }),
        allowHalfOpen: true,
      });
      await this.#listen(server, host, port);
    } else await this.#listen(this.#http, host, port);
  }

  async #listen(server: Server, host: string, port: number): Promise<void> {
    server.maxConnections = MAX_CONNECTIONS;
    await listen(server, { host, port });
    server.on("error", (error) => this.#options.logger.error("unexpected error on accepting connections", { error }));
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = once(server, "close");
    listeningSockets.close(server);
    this.#http.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    try {
      const { status = 200, type, body, headers } = await this.#report(request);
      response.writeHead(status, {
        "Content-Type": type,
        "Content-Length": Buffer.byteLength(body),
        "X-Content-Type-Options": "nosniff",
        ...headers,
      });
      response.end(request.method === "HEAD" ? undefined : body);
    } catch (error) {
      this.#options.logger.error("cannot make a report", { path: request.url, error });
      response.writeHead(500, { "Content-Type": "text/plain" }).end(`${errorMessage(error)}\n`);
    }
  }

  async #report({ method, url = "/" }: IncomingMessage): Promise<Report> {
    if (method !== "GET" && method !== "HEAD") {
      return { status: 405, type: "text/plain", body: "Only GET and HEAD\n", headers: { Allow: "GET, HEAD" } };
    }
    const [path = "/", ...query] = url.split("?");
    const report = this.#options.reports.get(path);
    return report ? report(new URLSearchParams(query.join("?"))) : (this.#options.notFound ?? NOT_FOUND);
  }
}
