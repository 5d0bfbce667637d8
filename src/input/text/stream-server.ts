/**
 * Listens for streams of text, TCP or TLS: the part that `tcp` and `syslog` share. A connection is read on when outputs
 * hold what it sent before, so a slow output slows the senders.
 */

import { isAscii } from "node:buffer";
import type { AddressInfo, BlockList, Server, Socket } from "node:net";
import { aborted } from "../../clock.ts";
import type { TextEncoding } from "../../parser/parser.ts";
import type { PluginContext } from "../../plugin.ts";
import { RareWarnings } from "../../rare-warnings.ts";
import { listeningSockets } from "../../tls/listening-sockets.ts";
import { createTransportServer, listen, type TransportConfig } from "../../tls/transport.ts";
import { emitBatches } from "../emit-batches.ts";
import { HostNames } from "../forward/host-names.ts";
import { CONNECTION_LIMIT } from "../forward/limits.ts";
import type { Batch } from "./batches.ts";
import type { MessageSplitter, TakeMessage } from "./message-splitter.ts";
import { isAllowed, type PeerKeys, peerValues } from "./peer.ts";

export interface StreamServerOptions extends PeerKeys {
  readonly transport: TransportConfig;
  readonly port: number;
  readonly bind: string;
  readonly sendKeepalivePacket: boolean;
  /** Whose connections are taken; absent: everybody's. */
  readonly networks?: readonly BlockList[] | undefined;
  /** A splitter for one connection. */
  createSplitter(): MessageSplitter;
  /** Takes a whole message; `values` are those of the peer's fields. */
  message(bytes: Buffer, start: number, end: number, values: readonly Buffer[], encoding: TextEncoding): void;
  /** What the messages since the last call have become. */
  takeBatches(): Batch[];
}

export class StreamServer {
  readonly #options: StreamServerOptions;
  readonly #context: PluginContext;
  readonly #warnings: RareWarnings;
  readonly #hostNames: HostNames;
  readonly #sockets = new Map<Socket, Promise<void>>();
  #server: Server | undefined;

  constructor(options: StreamServerOptions, context: PluginContext) {
    this.#options = options;
    this.#context = context;
    this.#warnings = new RareWarnings(context.logger, context.clock);
    this.#hostNames = new HostNames(context.clock);
  }

  get address(): { host: string; port: number } | undefined {
    const address = this.#server?.address() as AddressInfo | null | undefined;
    return address ? { host: address.address, port: address.port } : undefined;
  }

  async start(): Promise<void> {
    const { transport, port, bind, sendKeepalivePacket } = this.#options;
    const { counters, logger } = this.#context;
    const server = await createTransportServer(transport, {
      clock: this.#context.clock,
      logger,
      onConnection: (socket) => this.#accept(socket),
      onTlsError: (error, peer) => {
        counters.add("connections_refused", 1, "tls");
        this.#warnings.warn("unexpected error before accepting TLS connection by OpenSSL", { peer, error });
      },
      sendKeepalivePacket,
    });
    server.maxConnections = CONNECTION_LIMIT;
    await listen(server, { host: bind, port });
    server.on("error", (error) => logger.error("unexpected error on accepting connections", { error }));
    this.#server = server;
  }

  /** Whole messages that have come are still delivered. */
  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#server) listeningSockets.close(this.#server);
    for (const socket of this.#sockets.keys()) socket.pause();
    const finished = Promise.all(this.#sockets.values());
    await Promise.race([finished, aborted(deadline)]);
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  #accept(socket: Socket): void {
    const { counters } = this.#context;
    const address = socket.remoteAddress ?? "";
    socket.on("error", (error) => this.#context.logger.debug("connection failed", { host: address, error }));
    if (!isAllowed(this.#options.networks, address)) {
      counters.add("connections_refused", 1, "network");
      this.#warnings.warn("anonymous client denied", { address });
      socket.destroy();
      return;
    }
    counters.add("connections_accepted");
    this.#sockets.set(socket, Promise.resolve());
    socket.on("close", () => this.#sockets.delete(socket));
    void this.#serve(socket, address);
  }

  async #serve(socket: Socket, address: string): Promise<void> {
    socket.pause();
    const values = await peerValues(this.#options, address, this.#hostNames);
    const splitter = this.#options.createSplitter();
    let encoding: TextEncoding = "utf-8";
    const take: TakeMessage = (bytes, start, end) => this.#options.message(bytes, start, end, values, encoding);
    let rest: Buffer = Buffer.alloc(0);
    socket.on("data", (read: Buffer) => {
      this.#context.counters.add("received_bytes", read.length);
      // The first byte beyond ASCII makes Ruby's buffer one of bytes, and so it stays.
      if (encoding === "utf-8" && !isAscii(read)) encoding = "binary";
      const bytes = rest.length === 0 ? read : Buffer.concat([rest, read]);
      try {
        rest = Buffer.from(bytes.subarray(splitter.split(bytes, take)));
      } catch (error) {
        this.#context.counters.add("protocol_errors", 1, "framing");
        this.#warnings.warn("unexpected error on reading data", { host: address, error });
        socket.destroy();
      }
      const batches = this.#options.takeBatches();
      if (batches.length === 0) return;
      socket.pause();
      const emitted = emitBatches(batches, this.#context).then(() => void socket.resume());
      this.#sockets.set(socket, emitted);
    });
    socket.resume();
  }
}
