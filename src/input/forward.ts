/**
 * `@type forward` as a source: receives events over the Forward protocol, TCP or TLS, and acks them when every output
 * holds them. Source: fluentd 1.18 plugin/in_forward.rb; COMPAT 2.
 */

import type { Socket as DatagramSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import type { AddressInfo, Server, Socket } from "node:net";
import { Quarantine, quarantineFolder } from "../buffer/quarantine.ts";
import { aborted, type CancelTimer } from "../clock.ts";
import { ConfigError, NetworkError } from "../errors.ts";
import { reloadOnChange } from "../file-reload.ts";
import type { SecurityPolicy } from "../forward-protocol/authenticator.ts";
import type { Input, InputDefinition, PluginContext } from "../plugin.ts";
import { RareWarnings } from "../rare-warnings.ts";
import { listeningSockets } from "../tls/listening-sockets.ts";
import { checkTransport, createTransportServer } from "../tls/transport.ts";
import { AddressGuard, type AddressRefusal } from "./forward/address-guard.ts";
import { Connection, type ConnectionRules } from "./forward/connection.ts";
import { UnackedTotal } from "./forward/deliveries.ts";
import { startHeartbeat } from "./forward/heartbeat.ts";
import { HostNames } from "./forward/host-names.ts";
import { checkLimits, sweepIntervalMs } from "./forward/limits.ts";
import { type ForwardConfig, forwardTable, type SecurityConfig } from "./forward/parameters.ts";
import { PendingMessages } from "./forward/pending-messages.ts";
import { Resends } from "./forward/resends.ts";
import { checkSecurity, createSecurityPolicy, sharedKeysOf } from "./forward/security.ts";
import { TagRule } from "./forward/tag-rule.ts";

export const forwardInput: InputDefinition<ForwardConfig> = {
  kind: "input",
  type: "forward",
  table: forwardTable,
  create(config, context) {
    check(config);
    return new ForwardInput(config, context);
  },
};

/** Throws ConfigError with fluentd's texts. */
function check(config: ForwardConfig): void {
  const fail = (key: string, message: string) => {
    throw new ConfigError(message, config.element.parameter(key)?.position ?? config.element.position);
  };
  if (config.sourceHostnameKey !== undefined && config.resolveHostname === false) {
    fail("resolve_hostname", "resolve_hostname must be true with source_hostname_key");
  }
  if (config.tag === "") fail("tag", "'tag' parameter must not be empty");
  if (config.addTagPrefix === "") fail("add_tag_prefix", "'add_tag_prefix' parameter must not be empty");
  if (config.sendKeepalivePacket && config.denyKeepalive) {
    fail("send_keepalive_packet", "both 'send_keepalive_packet' and 'deny_keepalive' cannot be set to true");
  }
  if (config.port < 0 || config.port > 65535) fail("port", `'port' is ${config.port}, but must be from 0 to 65535`);
  checkLimits(config);
  if (config.security) checkSecurity(config.security);
  checkTransport(config.transport);
}

/** With `port 0` the system picks a TCP port; another program may have its UDP twin. */
const PORT_ATTEMPTS = 5;

class ForwardInput implements Input {
  readonly #config: ForwardConfig;
  readonly #context: PluginContext;
  readonly #warnings: RareWarnings;
  readonly #connections = new Set<Connection>();
  readonly #guard: AddressGuard;
  readonly #resends: Resends;
  #rules: ConnectionRules | undefined;
  #server: Server | undefined;
  #heartbeat: DatagramSocket | undefined;
  #cancelSweep: CancelTimer = () => {};
  #keyReload: { stop: CancelTimer } | undefined;
  #isStopping = false;

  constructor(config: ForwardConfig, context: PluginContext) {
    this.#config = config;
    this.#context = context;
    this.#warnings = new RareWarnings(context.logger, context.clock);
    const { ackAfter, resendIds, resendWindowChunks: chunks, resendWindowTime: seconds } = config;
    const { clock, counters, holdings } = context;
    if (resendIds !== "none") holdings.expect({ chunks, seconds });
    holdings.expect({ isSynced: ackAfter === "synced" });
    this.#resends = new Resends({ ackAfter, ids: resendIds, holdings, clock, counters });
    this.#guard = new AddressGuard(config, context.clock);
  }

  get address(): { host: string; port: number } | undefined {
    const address = this.#server?.address() as AddressInfo | null | undefined;
    return address ? { host: address.address, port: address.port } : undefined;
  }

  async start(): Promise<void> {
    const { port, bind } = this.#config;
    const { clock, logger } = this.#context;
    this.#rules = await this.#createRules();
    const address = await this.#bindAddress();
    logger.info("listening port", { port, bind });
    for (let attempt = 1; ; attempt++) {
      this.#server = await this.#listen(address);
      try {
        this.#heartbeat = await this.#startHeartbeat(address);
        break;
      } catch (error) {
        listeningSockets.close(this.#server);
        if (port !== 0 || attempt === PORT_ATTEMPTS) throw this.#listenError(error, "UDP");
      }
    }
    this.#cancelSweep = clock.every(sweepIntervalMs(this.#config), () => {
      const now = clock.monotonic();
      for (const connection of this.#connections) connection.check(now);
    });
  }

  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#cancelSweep();
    this.#keyReload?.stop();
    if (this.#heartbeat) listeningSockets.closeDatagrams(this.#heartbeat);
    if (!this.#server) return;
    listeningSockets.close(this.#server);
    const finished = Promise.all([...this.#connections].map((connection) => connection.finish()));
    // Waiting for receivers is not for a stop: what they do not have yet stays with its sender, or in a file buffer.
    if (this.#config.ackAfter !== "delivered") await Promise.race([finished, aborted(deadline)]);
    else for (const connection of this.#connections) connection.destroy();
    // The acks are with the system; `end` was called, so a peer that reads gets them before it sees the end.
    const closed = Promise.all([...this.#connections].map((connection) => connection.closed));
    await Promise.race([closed, aborted(deadline)]);
    for (const connection of this.#connections) connection.destroy();
  }

  async #createRules(): Promise<ConnectionRules> {
    const config = this.#config;
    const { clock, logger, counters, emitter } = this.#context;
    const resolveHostname = config.resolveHostname ?? config.sourceHostnameKey !== undefined;
    return {
      limits: { ...config, frameSizeLimit: Math.max(config.frameSizeLimit, config.chunkSizeLimit ?? 0) },
      unackedTotal: new UnackedTotal(Math.max(config.totalUnackedLimit, config.unackedLimit)),
      pendingMessages: new PendingMessages(Math.max(config.pendingLimit, config.frameSizeLimit)),
      chunkSizeLimit: config.chunkSizeLimit,
      chunkSizeWarnLimit: config.chunkSizeWarnLimit,
      resends: this.#resends,
      denyKeepalive: config.denyKeepalive,
      tagRule: new TagRule(config.tag, config.addTagPrefix, config.tagSizeLimit),
      floatTimes: floatTimes(config.skipInvalidEvent),
      now: clock.now,
      quarantine: this.#quarantine(),
      security: config.security && (await this.#createSecurity(config.security)),
      logins: this.#guard,
      hostNames: resolveHostname ? new HostNames(clock) : undefined,
      sourceAddressKey: config.sourceAddressKey,
      sourceHostnameKey: config.sourceHostnameKey,
      warnings: this.#warnings,
      emitter,
      logger,
      counters,
      clock,
    };
  }

  #quarantine(): Quarantine | undefined {
    const { quarantinePath, quarantineSizeLimit, quarantineCountLimit } = this.#config;
    const { id, backupFolder, system, clock } = this.#context;
    if (quarantineSizeLimit <= 0) return undefined;
    return new Quarantine({
      folder: quarantinePath ?? quarantineFolder(system.rootDir ?? backupFolder, id),
      sizeLimitBytes: quarantineSizeLimit,
      countLimit: quarantineCountLimit,
      fileMode: system.filePermission,
      folderMode: system.dirPermission,
      now: clock.now,
    });
  }

  async #createSecurity(security: SecurityConfig): Promise<SecurityPolicy> {
    const { clock, logger } = this.#context;
    if (security.user.length > 0 && !security.userAuth) {
      logger.warn("<user> sections have no effect without 'user_auth true': whoever has the shared key is let in");
    }
    const keys = sharedKeysOf(security);
    const paths = keys.path === undefined ? [] : [keys.path];
    this.#keyReload = reloadOnChange({ paths, what: "shared keys", reload: () => keys.reload(), clock, logger });
    return createSecurityPolicy(security, keys);
  }

  async #bindAddress(): Promise<string> {
    try {
      return (await lookup(this.#config.bind)).address;
    } catch (error) {
      throw this.#listenError(error, "TCP");
    }
  }

  async #listen(address: string): Promise<Server> {
    const { transport, backlog, port, sendKeepalivePacket, connectionLimit, handshakeTimeout } = this.#config;
    const { counters, logger } = this.#context;
    const server = await createTransportServer(transport, {
      clock: this.#context.clock,
      logger,
      admit: (socket) => this.#admit(socket),
      onConnection: (socket) => this.#accept(socket),
      onTlsError: (error, peer, silent) => {
        counters.add("connections_refused", 1, "tls");
        if (silent) logger.debug("a peer hung up before TLS", { peer });
        else this.#warnings.warn("unexpected error before accepting TLS connection by OpenSSL", { peer, error });
      },
      sendKeepalivePacket,
      sharesReads: true,
      allowHalfOpen: true,
      handshakeTimeoutMs: handshakeTimeout * 1000,
    });
    server.maxConnections = connectionLimit;
    server.on("drop", (peer) => {
      counters.add("connections_refused", 1, "connection_limit");
      this.#warnings.warn("connection refused: 'connection_limit' is reached", { host: peer?.remoteAddress });
    });
    try {
      await listeningSockets.listen(server, { host: address, port, backlog });
    } catch (error) {
      throw this.#listenError(error, "TCP");
    }
    server.on("error", (error) => logger.error("unexpected error on accepting connections", { error }));
    return server;
  }

  #startHeartbeat(address: string): Promise<DatagramSocket> {
    return startHeartbeat({
      address,
      port: this.address?.port ?? this.#config.port,
      receiveBufferBytes: this.#config.transport.receiveBufferSize,
      logger: this.#context.logger,
    });
  }

  /** Before TLS, which costs much more than this look. */
  #admit(socket: Socket): boolean {
    const address = socket.remoteAddress ?? "";
    const refusal = this.#guard.take(address);
    if (refusal === undefined) {
      socket.once("close", () => this.#guard.release(address));
      return true;
    }
    this.#context.counters.add("connections_refused", 1, refusal);
    this.#warnings.warn(REFUSALS[refusal], { address });
    return false;
  }

  #accept(socket: Socket): void {
    const { counters } = this.#context;
    if (this.#isStopping) {
      socket.destroy();
      return;
    }
    counters.add("connections_accepted");
    this.#connections.add(
      new Connection(socket, this.#rules as ConnectionRules, (connection) => this.#connections.delete(connection)),
    );
  }

  #listenError(cause: unknown, protocol: "TCP" | "UDP"): NetworkError {
    const { bind, port } = this.#config;
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    const place = `cannot listen on ${bind}:${port} (${protocol}): ${code}`;
    return new NetworkError(`${place}${LISTEN_REMEDIES[code] ?? ""}`, { cause });
  }
}

const REFUSALS: Readonly<Record<AddressRefusal, string>> = {
  address_connection_limit: "connection refused: its address has as many as 'address_connection_limit' allows",
  failed_login_limit: "connection refused: too many failed handshakes from its address, see 'failed_login_limit'",
};

const LISTEN_REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: "; another process has this port: stop it (ss -lntup shows it), or set another 'port'",
  EACCES: "; ports below 1024 need a privilege: set a higher 'port', or grant CAP_NET_BIND_SERVICE",
  EADDRNOTAVAIL: "; this machine has no such address: set 'bind' to one of its own, or to 0.0.0.0",
  ENOTFOUND: "; 'bind' is no address and its name is not known: set it to an address, such as 0.0.0.0",
};

function floatTimes(skipInvalidEvent: boolean | undefined): "convert" | "drop" | "keep" {
  if (skipInvalidEvent === undefined) return "convert";
  return skipInvalidEvent ? "drop" : "keep";
}
