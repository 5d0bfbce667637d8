/**
 * One receiver: its connections, whether it is alive, and the delivery of a chunk to it.
 * Source: fluentd 1.18 out_forward.rb `Node` and `NoneHeartbeatNode`, whose log messages are kept.
 */

import { isIP } from "node:net";
import type { Clock } from "../../clock.ts";
import type { Counters } from "../../counters.ts";
import { AckError, type ErrorCode, HandshakeError, SuiroError } from "../../errors.ts";
import { NoAckError } from "../../forward-protocol/ack-waiter.ts";
import { ClientSession } from "../../forward-protocol/client-session.ts";
import type { ClientIdentity } from "../../forward-protocol/handshake.ts";
import type { OutgoingMessage } from "../../forward-protocol/outgoing-message.ts";
import type { SharedKeys } from "../../forward-protocol/shared-keys.ts";
import type { Connector } from "../../forward-protocol/tcp-connector.ts";
import type { Logger } from "../../logger.ts";
import type { Delivery, NodeReport } from "../../plugin.ts";
import { FailureDetector } from "./failure-detector.ts";
import { HostResolver } from "./host-resolver.ts";
import type { Balanced } from "./load-balancer.ts";
import { type Lease, NodeConnections, pendingInput } from "./node-connections.ts";
import type { Service } from "./service.ts";

/** What all nodes of an output share. Times in milliseconds unless named otherwise. */
export interface NodeSettings {
  readonly connector: Connector;
  /** Of `<security>`: this side's name and the default key. */
  readonly security: { readonly selfHostname: string; readonly sharedKeys: SharedKeys } | undefined;
  readonly connectTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  readonly sendTimeoutMs: number;
  readonly ackTimeoutMs: number;
  readonly keepalive: boolean;
  readonly keepaliveTimeoutMs: number | undefined;
  readonly sendKeepalivePacket: boolean;
  readonly expireDnsSeconds: number | undefined;
  readonly dnsRoundRobin: boolean;
  /** False for `heartbeat_type none`: the node is always available. */
  readonly isWatched: boolean;
  readonly heartbeatIntervalSeconds: number;
  readonly hardTimeoutSeconds: number;
  readonly recoverSampleSize: number;
  /** Infinity where the phi detector is off. */
  readonly phiThreshold: number;
}

export interface NodeContext {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly counters: Counters;
  /** The node became available, or stopped being so. */
  onAvailabilityChange(): void;
}

export class ForwardNode implements Balanced {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly weight: number;
  readonly standby: boolean;
  readonly resolver: HostResolver;
  readonly #service: Service;
  readonly #settings: NodeSettings;
  readonly #context: NodeContext;
  readonly #connections: NodeConnections;
  readonly #detector: FailureDetector;
  #isUp = true;
  /** Why no chunks go to it, for the log; undefined while it is up. */
  #downReason: string | undefined;
  #lastAck = Number.NEGATIVE_INFINITY;

  constructor(service: Service, settings: NodeSettings, context: NodeContext) {
    this.#service = service;
    this.#settings = settings;
    this.#context = context;
    this.host = service.host;
    this.port = service.port;
    this.name = service.name ?? `${service.host}:${service.port}`;
    this.weight = service.weight;
    this.standby = service.standby;
    const { clock } = context;
    this.resolver = new HostResolver({
      host: service.host,
      expireSeconds: settings.expireDnsSeconds,
      roundRobin: settings.dnsRoundRobin,
      clock,
    });
    this.#connections = new NodeConnections({
      open: () => this.#open(),
      keepalive: settings.keepalive,
      keepaliveTimeoutMs: settings.keepaliveTimeoutMs,
      clock,
    });
    this.#detector = new FailureDetector(settings.heartbeatIntervalSeconds, settings.hardTimeoutSeconds, this.#now());
    const { host, port, weight } = this;
    context.logger.info(`adding forwarding server '${this.name}'`, { host, port, weight });
  }

  get isAvailable(): boolean {
    return this.#isUp || !this.#settings.isWatched;
  }

  report(): NodeReport {
    const { name, host, port, isAvailable, standby, weight } = this;
    const age = this.#now() - this.#lastAck;
    return {
      name,
      host,
      port,
      isAvailable,
      standby,
      weight,
      lastAckAgeSeconds: Number.isFinite(age) ? age : undefined,
    };
  }

  get downReason(): string | undefined {
    return this.#downReason;
  }

  /** No chunks until the next good heartbeats. */
  disable(reason: string): void {
    if (!this.#settings.isWatched || !this.#isUp) return;
    this.#isUp = false;
    this.#downReason = reason;
    this.#context.onAvailabilityChange();
  }

  /**
   * Delivers one message: resolves at its ack, or without acks when its bytes are with the kernel and the connection is
   * well. A connection that had stood idle and proves dead is replaced at once, without counting as a failure.
   */
  async deliver(message: OutgoingMessage, delivery: Delivery): Promise<void> {
    try {
      await this.#deliver(message, delivery);
    } catch (error) {
      this.#judge(error, delivery.isAlone);
      throw error;
    }
    delivery.accepted(this, message.chunkId !== undefined);
    if (message.chunkId) {
      this.#lastAck = this.#now();
      this.#context.counters.add("acks_received");
    }
    if (this.#detector.isDue(this.#now())) this.#detector.add(this.#now());
  }

  /** Connects, shakes hands and closes: the heartbeat of type transport. A fresh ack proves as much, and saves it. */
  async probe(): Promise<void> {
    if (this.#now() - this.#lastAck < this.#settings.heartbeatIntervalSeconds) return;
    const session = await this.#open();
    session.close().catch(() => {});
  }

  /** A heartbeat was answered. */
  beat(): void {
    this.#detector.add(this.#now());
    if (this.#isUp || this.#detector.sampleSize <= this.#settings.recoverSampleSize) return;
    this.#isUp = true;
    this.#downReason = undefined;
    this.#context.logger.warn(`recovered forwarding server '${this.name}'`, { host: this.host, port: this.port });
    this.#context.onAvailabilityChange();
  }

  /** Looks at the time since the last heartbeat, and detaches the node when it is too long. */
  tick(): void {
    const now = this.#now();
    const isHardTimeout = this.#detector.isHardTimeout(now);
    if (!this.#isUp) {
      if (isHardTimeout) this.#detector.clear();
      return;
    }
    const phi = this.#detector.phi(now);
    const { phiThreshold } = this.#settings;
    if (isHardTimeout) this.#detach({ hard_timeout: true });
    else if (phi > phiThreshold) this.#detach({ phi, phi_threshold: phiThreshold });
  }

  /** Takes no more chunks; those in flight go on. */
  close(): void {
    this.#connections.close();
  }

  /** Lets go of every connection. */
  destroy(): void {
    this.#connections.destroy();
  }

  async #deliver(message: OutgoingMessage, delivery: Delivery): Promise<void> {
    const lease = await this.#connections.acquire(delivery.isAlone);
    try {
      return await this.#send(lease, message, delivery);
    } catch (error) {
      if (!hadEnded(lease) || delivery.signal.aborted) throw error;
      this.#context.logger.debug("a kept connection had ended; sending on a new one", { node: this.name });
    }
    await this.#send(await this.#connections.acquire(true), message, delivery);
  }

  async #send(lease: Lease, message: OutgoingMessage, delivery: Delivery): Promise<void> {
    try {
      await this.#transfer(lease.session, message, delivery);
    } catch (error) {
      if (isRefusal(error) && !hadEnded(lease)) delivery.refused(this);
      throw error;
    }
  }

  async #transfer(session: ClientSession, message: OutgoingMessage, delivery: Delivery): Promise<void> {
    const onSent = () => {
      if (!delivery.isAlone) this.#connections.written(session);
      delivery.sent(this);
    };
    await session.send(message, { onSent, signal: delivery.signal });
    const closed = delivery.isAlone ? session.close() : this.#connections.done(session);
    if (message.chunkId) return void closed.catch(() => {}); // it has the chunk, however the connection ends
    await closed;
    await pendingInput();
    if (session.closedByPeer && session.failure?.cause) throw session.failure; // broke, not just ended
  }

  /** What an error says about the node. */
  #judge(error: unknown, isAlone: boolean): void {
    const { host, port } = this;
    const { logger, counters } = this.#context;
    if (error instanceof HandshakeError) {
      logger.warn(`connection refused to ${this.name}: ${error.message}`, { host, port });
      counters.add("protocol_errors", 1, "handshake");
    } else if (error instanceof AckError) {
      logger.warn(error.message, { host, port });
      counters.add("protocol_errors", 1, error instanceof NoAckError ? "no_ack" : "wrong_ack");
    }
    if (error instanceof HandshakeError || (error instanceof NoAckError && !isAlone)) this.disable(error.message);
  }

  /** Connects to the first address that answers. */
  async #open(): Promise<ClientSession> {
    const addresses = await this.resolver.addresses();
    let failure: unknown;
    for (const address of addresses) {
      try {
        return await this.#openTo(address);
      } catch (error) {
        failure = error;
        if (error instanceof HandshakeError) break;
      }
    }
    this.resolver.forget();
    throw failure;
  }

  #openTo(address: string): Promise<ClientSession> {
    const { connector, connectTimeoutMs: timeoutMs, sendKeepalivePacket, ...settings } = this.#settings;
    const serverName = isIP(this.host) === 0 ? this.host : (this.#service.name ?? this.host);
    return ClientSession.open({
      connect: async () => {
        const socket = await connector.connect({ address, port: this.port, serverName, timeoutMs });
        return sendKeepalivePacket ? socket.setKeepAlive(true) : socket;
      },
      peer: this.name,
      identity: this.#identity(),
      clock: this.#context.clock,
      handshakeTimeoutMs: settings.handshakeTimeoutMs,
      sendTimeoutMs: settings.sendTimeoutMs,
      ackTimeoutMs: settings.ackTimeoutMs,
    });
  }

  #identity(): ClientIdentity | undefined {
    const { security } = this.#settings;
    if (!security) return undefined;
    const { sharedKey = security.sharedKeys.current, username, password } = this.#service;
    return { selfHostname: security.selfHostname, sharedKey, username, password };
  }

  #detach(why: Record<string, unknown>): void {
    const { host, port } = this;
    this.#context.logger.warn(`detached forwarding server '${this.name}'`, { host, port, ...why });
    this.resolver.forget();
    this.#detector.clear();
    this.disable("it answers no heartbeats");
  }

  #now(): number {
    return this.#context.clock.monotonic() / 1000;
  }
}

/** A connection that had stood idle, and whose end was seen only when it was used. */
function hadEnded({ wasIdle, session }: Lease): boolean {
  return wasIdle && session.closedByPeer;
}

/** What the receiver does to a message that was begun, other than what this side cannot read or will not wait for. */
function isRefusal(error: unknown): boolean {
  return error instanceof SuiroError && REFUSALS.has(error.code);
}

const REFUSALS: ReadonlySet<ErrorCode> = new Set(["ACK", "NETWORK", "TIMEOUT"]);
