/**
 * `<system> rpc_endpoint`: a few commands over HTTP, with fluentd's paths and answers. Any method is taken, no body is
 * read. It asks for no password, so it listens where the configuration says and nowhere else, and what a browser sends
 * on behalf of a web page is refused. Source: fluentd 1.18 rpc.rb, supervisor.rb `run_rpc_server`; COMPAT 1.6.
 */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { RpcEndpoint } from "../config/system.ts";
import { errorMessage, NetworkError } from "../errors.ts";
import type { Logger } from "../logger.ts";

/** What the commands do. */
export interface ControlActions {
  /** As if the process had got the signal. */
  signal(name: "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGUSR1"): void;
  /** Sends what is buffered; resolves when that is done, has failed, or takes too long to wait for. */
  flush(): Promise<void>;
  /** The running configuration as text, secrets masked. */
  dump(): string;
}

export interface ControlInterfaceOptions {
  readonly endpoint: RpcEndpoint;
  /** `enable_get_dump`. */
  readonly canGetDump: boolean;
  readonly actions: ControlActions;
  readonly logger: Logger;
}

const MAX_HEADER_BYTES = 8 * 1024;
const MAX_CONNECTIONS = 16;
const REQUEST_TIMEOUT_MS = 5000;

/** `answer` stands beside `"ok":true`; `act` runs once the answer is with the client, which a stop would cut off. */
interface Command {
  readonly answer?: () => Readonly<Record<string, string>>;
  readonly act?: () => void;
}

export class ControlInterface {
  readonly #options: ControlInterfaceOptions;
  readonly #commands: ReadonlyMap<string, Command>;
  #server: Server | undefined;

  constructor(options: ControlInterfaceOptions) {
    this.#options = options;
    this.#commands = new Map(Object.entries(commands(options)));
  }

  get address(): AddressInfo | undefined {
    return (this.#server?.address() as AddressInfo | null | undefined) ?? undefined;
  }

  /** Throws NetworkError when it cannot listen. */
  async start(): Promise<void> {
    const { endpoint, logger } = this.#options;
    const limits = { maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: 1 };
    const server = createServer(limits, (request, response) => this.#serve(request, response));
    server.maxConnections = MAX_CONNECTIONS;
    server.setTimeout(REQUEST_TIMEOUT_MS);
    server.listen(endpoint);
    try {
      await once(server, "listening");
    } catch (cause) {
      const place = `cannot listen on ${endpoint.host}:${endpoint.port} (rpc_endpoint)`;
      throw new NetworkError(`${place}: ${errorMessage(cause)}; set another port`, { cause });
    }
    server.on("error", (error) => logger.error("unexpected error in the control interface", { error }));
    this.#server = server;
    logger.debug(`listening RPC http server on http://${endpoint.host}:${this.address?.port}/`);
    if (!isLoopback(endpoint.host)) {
      logger.warn("whoever reaches rpc_endpoint can stop this agent: it asks for no password", { host: endpoint.host });
    }
  }

  close(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { logger } = this.#options;
    const path = (request.url ?? "").split("?", 1)[0]?.replace(/\/+$/, "") ?? "";
    const command = this.#commands.get(path);
    request.resume();
    if (request.headers.origin !== undefined || request.headers["sec-fetch-site"] !== undefined) {
      logger.warn("a web page's request to rpc_endpoint was refused", { path, host: request.headers.host });
      return reply(response, 403, { message: "no requests of web pages" });
    }
    if (!command) return reply(response, 404, { message: `there is no ${path}` });
    logger.debug(`fluentd RPC got ${path} request`);
    if (command.act) response.once("close", command.act);
    reply(response, 200, command.answer?.());
  }
}

function commands({ actions, canGetDump, logger }: ControlInterfaceOptions): Record<string, Command> {
  const { dump, flush, signal } = actions;
  const reload = { act: () => signal("SIGHUP") };
  return {
    "/api/processes.interruptWorkers": { act: () => signal("SIGINT") },
    "/api/processes.killWorkers": { act: () => signal("SIGTERM") },
    "/api/processes.flushBuffersAndKillWorkers": { act: () => void flush().finally(() => signal("SIGTERM")) },
    "/api/processes.zeroDowntimeRestart": reload,
    "/api/plugins.flushBuffers": { act: () => signal("SIGUSR1") },
    "/api/config.reload": reload,
    "/api/config.gracefulReload": reload,
    "/api/config.dump": { act: () => logger.info(`dump in-memory config\n${dump()}`) },
    ...(canGetDump && {
      "/api/config.getDump": {
        answer: () => {
          logger.info("get dump in-memory config via HTTP");
          return { conf: dump() };
        },
      },
    }),
  };
}

function reply(response: ServerResponse, code: number, fields: Readonly<Record<string, string>> = {}): void {
  const body = JSON.stringify({ ...fields, ok: code === 200 });
  const length = Buffer.byteLength(body);
  response
    .writeHead(code, { "content-type": "application/json", "content-length": length, connection: "close" })
    .end(body);
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
