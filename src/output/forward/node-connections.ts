/**
 * The connections to one node.
 *
 * Without keepalive every chunk has its own, from connect to close. With it connections are kept: a chunk takes one that
 * is not being written to, and several chunks may wait for their acks on the same one.
 *
 * Limits: MAX_CONNECTIONS to a node; MAX_PENDING_ACKS and MAX_PENDING_BYTES on a kept connection. Whoever finds none
 * free waits, and so holds its flush slot. Source: fluentd 1.18 out_forward/connection_manager.rb and socket_cache.rb,
 * where a connection carries one chunk at a time.
 */

import type { CancelTimer, Clock } from "../../clock.ts";
import { StoppingError } from "../../errors.ts";
import type { ClientSession } from "../../forward-protocol/client-session.ts";

export const MAX_CONNECTIONS = 64;
export const MAX_PENDING_ACKS = 64;
export const MAX_PENDING_BYTES = 64 * 1024 * 1024;

export interface NodeConnectionsOptions {
  open(): Promise<ClientSession>;
  readonly keepalive: boolean;
  readonly keepaliveTimeoutMs: number | undefined;
  readonly clock: Clock;
}

/** A connection that is the holder's to write to, until `written`. */
export interface Lease {
  readonly session: ClientSession;
  /** It stood idle before: the peer may have left unseen. */
  readonly wasIdle: boolean;
}

export class NodeConnections {
  readonly #options: NodeConnectionsOptions;
  readonly #sessions = new Set<ClientSession>();
  /** Leased, and not written yet. */
  readonly #leased = new Set<ClientSession>();
  readonly #idleTimers = new Map<ClientSession, CancelTimer>();
  readonly #queue: (() => void)[] = [];
  #opening = 0;
  #isClosed = false;

  constructor(options: NodeConnectionsOptions) {
    this.#options = options;
  }

  /** Connections that are open or being opened. */
  get count(): number {
    return this.#sessions.size + this.#opening;
  }

  /** Gives a connection, a new one if `fresh`. Rejects as `open` does, and with StoppingError after `close`. */
  async acquire(fresh = false): Promise<Lease> {
    for (;;) {
      if (this.#isClosed) throw new StoppingError("the connections are being closed");
      const kept = fresh ? undefined : this.#kept();
      if (kept) {
        const wasIdle = kept.pendingAcks === 0;
        this.#leased.add(kept);
        this.#stopIdleTimer(kept);
        if (wasIdle) await pendingInput();
        if (kept.isOpen) return { session: kept, wasIdle };
        this.#leased.delete(kept);
      } else if (this.#mayOpen(fresh)) {
        return { session: await this.#open(), wasIdle: false };
      } else {
        await new Promise<void>((resolve) => this.#queue.push(resolve));
      }
    }
  }

  /** The message of a lease is written: with keepalive the next one may follow. */
  written(session: ClientSession): void {
    if (this.#isKept(session)) this.#leased.delete(session);
    this.#wakeNext();
  }

  /**
   * The chunk of a lease is through: its connection is kept, or closed gracefully. Rejects when it broke before its last
   * byte was with the kernel.
   */
  async done(session: ClientSession): Promise<void> {
    if (!this.#isKept(session)) return session.close();
    if (session.isOpen && session.pendingAcks === 0 && !this.#leased.has(session)) this.#startIdleTimer(session);
    this.#wakeNext();
  }

  /** Gives no more; idle connections end now, the others with their chunk. */
  close(): void {
    this.#isClosed = true;
    for (const session of this.#sessions) {
      this.#stopIdleTimer(session);
      if (session.isOpen && session.pendingAcks === 0 && !this.#leased.has(session)) session.close().catch(() => {});
    }
    for (const wake of this.#queue.splice(0)) wake();
  }

  /** Lets go of all at once. */
  destroy(): void {
    this.close();
    for (const session of [...this.#sessions]) session.destroy();
  }

  #isKept(session: ClientSession): boolean {
    return this.#options.keepalive && session.allowsReuse && !this.#isClosed;
  }

  #kept(): ClientSession | undefined {
    if (!this.#options.keepalive) return undefined;
    for (const session of this.#sessions) {
      if (!this.#leased.has(session) && session.isOpen && !isFull(session)) return session;
    }
    return undefined;
  }

  /** A kept connection that is only full is waited for: the receiver is slow, and one more would not help it. */
  #mayOpen(fresh: boolean): boolean {
    if (this.count >= MAX_CONNECTIONS) return false;
    if (fresh || !this.#options.keepalive) return true;
    return [...this.#sessions].every((session) => this.#leased.has(session) || !session.isOpen);
  }

  async #open(): Promise<ClientSession> {
    this.#opening++;
    try {
      const session = await this.#options.open();
      if (this.#isClosed) {
        session.destroy();
        throw new StoppingError("the connections are being closed");
      }
      this.#sessions.add(session);
      this.#leased.add(session);
      session.onEnd(() => this.#forget(session));
      return session;
    } catch (error) {
      this.#wakeNext();
      throw error;
    } finally {
      this.#opening--;
    }
  }

  #forget(session: ClientSession): void {
    this.#sessions.delete(session);
    this.#leased.delete(session);
    this.#stopIdleTimer(session);
    this.#wakeNext();
  }

  #startIdleTimer(session: ClientSession): void {
    const { keepaliveTimeoutMs, clock } = this.#options;
    if (keepaliveTimeoutMs === undefined) return;
    this.#stopIdleTimer(session);
    const expire = () => session.close().catch(() => {});
    this.#idleTimers.set(session, clock.after(keepaliveTimeoutMs, expire));
  }

  #stopIdleTimer(session: ClientSession): void {
    this.#idleTimers.get(session)?.();
    this.#idleTimers.delete(session);
  }

  #wakeNext(): void {
    this.#queue.shift()?.();
  }
}

function isFull(session: ClientSession): boolean {
  return session.pendingAcks >= MAX_PENDING_ACKS || session.pendingBytes >= MAX_PENDING_BYTES;
}

/** Lets the event loop read its sockets once, so that a FIN the kernel has already is seen before a write. */
export function pendingInput(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
