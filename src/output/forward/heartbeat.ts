/**
 * Watches the nodes: asks each for a sign of life every `heartbeat_interval`, and looks how long the last one is ago.
 * A node whose answer is still awaited is not asked again. Source: fluentd 1.18 out_forward.rb `on_heartbeat_timer`,
 * which asks one node after the other; here a slow one does not delay the rest.
 */

import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { CancelTimer, Clock } from "../../clock.ts";
import type { Logger } from "../../logger.ts";
import type { ForwardNode } from "./node.ts";

export type HeartbeatType = "transport" | "udp";

export interface HeartbeatOptions {
  readonly type: HeartbeatType;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  nodes(): Iterable<ForwardNode>;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #awaited = new Set<ForwardNode>();
  readonly #datagrams: HeartbeatDatagrams;
  #cancel: CancelTimer = () => {};

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#datagrams = new HeartbeatDatagrams(options.logger);
  }

  start(): void {
    const { clock, intervalMs, nodes } = this.#options;
    this.#cancel = clock.every(intervalMs, () => {
      for (const node of nodes()) void this.#watch(node);
    });
  }

  stop(): void {
    this.#cancel();
    this.#datagrams.close();
  }

  async #watch(node: ForwardNode): Promise<void> {
    if (!this.#awaited.has(node)) await this.#ask(node);
    node.tick();
  }

  async #ask(node: ForwardNode): Promise<void> {
    const { type, logger } = this.#options;
    const { host, port } = node;
    logger.trace("sending heartbeat", { host, port, heartbeat_type: type });
    this.#awaited.add(node);
    try {
      if (type === "transport") {
        await node.probe();
        node.beat();
      } else {
        const [address] = await node.resolver.addresses();
        this.#datagrams.send(address as string, node);
      }
    } catch (error) {
      logger.debug("failed to send heartbeat packet", { host, port, heartbeat_type: type, error });
    } finally {
      this.#awaited.delete(node);
    }
  }
}

/** Addresses remembered, at most: enough for every node, and names that move do not add up. */
const MAX_ASKED = 4096;

/** One byte there, any byte back. One socket per address family, opened when it is needed. */
class HeartbeatDatagrams {
  readonly #logger: Logger;
  readonly #sockets = new Map<boolean, Socket>();
  /** Who was asked at which address. */
  readonly #asked = new Map<string, ForwardNode>();
  #isClosed = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  send(address: string, node: ForwardNode): void {
    if (this.#isClosed) return;
    if (this.#asked.size >= MAX_ASKED) this.#asked.clear();
    this.#asked.set(`${address} ${node.port}`, node);
    this.#socket(isIPv6(address)).send(PING, node.port, address, (error) => {
      if (error) this.#logger.debug("failed to send heartbeat packet", { host: node.host, port: node.port, error });
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
    this.#asked.clear();
  }

  #socket(isV6: boolean): Socket {
    const open = this.#sockets.get(isV6);
    if (open) return open;
    const socket = createSocket(isV6 ? "udp6" : "udp4");
    socket.on("message", (_, { address, port }) => this.#asked.get(`${address} ${port}`)?.beat());
    socket.on("error", (error) => this.#logger.debug("heartbeat socket failed", { error }));
    this.#sockets.set(isV6, socket.unref());
    return socket;
  }
}

const PING = Buffer.from([0]);
