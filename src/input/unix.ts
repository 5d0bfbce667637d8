/**
 * `@type unix`: the Forward protocol over a Unix domain socket. Unlike fluentd's, it answers senders that want acks.
 * Source: fluentd 1.18 plugin/in_unix.rb.
 */

import { once } from "node:events";
import { mkdir, stat, unlink } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { dirname } from "node:path";
import { aborted } from "../clock.ts";
import { integer, string } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { errorMessage, NetworkError } from "../errors.ts";
import type { Input, InputDefinition, PluginContext } from "../plugin.ts";
import { RareWarnings } from "../rare-warnings.ts";
import { Connection, type ConnectionRules } from "./forward/connection.ts";
import { UnackedTotal } from "./forward/deliveries.ts";
import { CONNECTION_LIMIT, DEFAULT_LIMITS } from "./forward/limits.ts";
import { PendingMessages } from "./forward/pending-messages.ts";
import { TagRule } from "./forward/tag-rule.ts";

const table = section({
  path: string.default("Path of the socket. What stands there already is removed.", "/var/run/fluent/fluent.sock"),
  backlog: integer.optional("Connections that the system keeps waiting; without it Node's 511."),
  tag: string.optional("Tag instead of the one that came."),
});

type UnixConfig = ConfigOf<typeof table>;

export const unixInput: InputDefinition<UnixConfig> = {
  kind: "input",
  type: "unix",
  oneWorkerOnly: true,
  table,
  create: (config, context) => new UnixInput(config, context),
};

class UnixInput implements Input {
  readonly #config: UnixConfig;
  readonly #context: PluginContext;
  readonly #rules: ConnectionRules;
  readonly #connections = new Set<Connection>();
  #server: Server | undefined;

  constructor(config: UnixConfig, context: PluginContext) {
    const { logger, clock, counters, emitter } = context;
    this.#config = config;
    this.#context = context;
    this.#rules = {
      limits: DEFAULT_LIMITS,
      unackedTotal: new UnackedTotal(DEFAULT_LIMITS.totalUnackedLimit),
      pendingMessages: new PendingMessages(DEFAULT_LIMITS.pendingLimit),
      chunkSizeLimit: undefined,
      chunkSizeWarnLimit: undefined,
      denyKeepalive: false,
      tagRule: new TagRule(config.tag, undefined),
      floatTimes: "convert",
      convertsIntegers: true,
      now: clock.now,
      security: undefined,
      logins: undefined,
      hostNames: undefined,
      sourceAddressKey: undefined,
      sourceHostnameKey: undefined,
      warnings: new RareWarnings(logger, clock),
      emitter,
      logger,
      counters,
      clock,
    };
  }

  async start(): Promise<void> {
    const { path, backlog } = this.#config;
    const { logger } = this.#context;
    if (await isThere(path)) {
      logger.warn(`Found existing '${path}'. Remove this file for in_unix plugin`);
      await unlink(path);
    }
    await mkdir(dirname(path), { recursive: true });
    logger.info(`listening fluent socket on ${path}`);
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#context.counters.add("connections_accepted");
      this.#connections.add(new Connection(socket, this.#rules, (connection) => this.#connections.delete(connection)));
    });
    server.maxConnections = CONNECTION_LIMIT;
    server.listen({ path, ...(backlog !== undefined && { backlog }) });
    try {
      await once(server, "listening");
    } catch (cause) {
      throw new NetworkError(`cannot listen on ${path}: ${errorMessage(cause)}; set another path`, { cause });
    }
    server.on("error", (error) => logger.error("unexpected error on accepting connections", { error }));
    this.#server = server;
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#server?.close();
    this.#server = undefined;
    const finished = Promise.all([...this.#connections].map((connection) => connection.finish()));
    await Promise.race([finished, aborted(deadline)]);
    for (const connection of this.#connections) connection.destroy();
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}
