/**
 * Bounds for the connections of an agent, since the client library sets none: a time to connect, and the bytes that may
 * come. A connection that goes beyond them is destroyed, and its request fails with the reason.
 */

import type { Agent } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../../clock.ts";
import { LimitError, TimeoutError } from "../../errors.ts";

const KEEP_ALIVE_MS = 30_000;
/** How often the bytes are counted. */
const LOOK_MS = 1000;

export interface ConnectionLimits {
  readonly openTimeoutMs: number;
  readonly maxBytes: number;
  /** Said of a connection that brought more: what it is, and what to do. */
  readonly tooMuch: string;
}

export class LimitedConnections {
  readonly #limits: ConnectionLimits;
  readonly #clock: Clock;
  /** What each brought before the last call of `progress`. */
  readonly #sockets = new Map<Socket, number>();

  constructor(limits: ConnectionLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Bounds every connection that `agent` makes from now on; they are over when this event has come: `connect`. */
  limit(agent: Agent, connected: "connect" | "secureConnect"): void {
    const connect = agent.createConnection.bind(agent);
    agent.createConnection = (options, callback) => {
      const socket = connect(options, callback) as Socket;
      this.#watch(socket, connected);
      return socket;
    };
  }

  /** What came was whole: bytes are counted anew. */
  progress(): void {
    for (const socket of this.#sockets.keys()) this.#sockets.set(socket, socket.bytesRead);
  }

  /** Ends all connections; their requests fail. */
  destroy(): void {
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  #watch(socket: Socket, connected: string): void {
    const { openTimeoutMs, maxBytes, tooMuch } = this.#limits;
    this.#sockets.set(socket, 0);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const stopWaiting = this.#clock.after(openTimeoutMs, () =>
      socket.destroy(new TimeoutError(`does not answer within ${openTimeoutMs} ms`)),
    );
    const stopLooking = this.#clock.every(LOOK_MS, () => {
      if (socket.bytesRead - (this.#sockets.get(socket) ?? 0) > maxBytes) socket.destroy(new LimitError(tooMuch));
    });
    socket.once(connected, stopWaiting);
    socket.once("close", () => {
      stopWaiting();
      stopLooking();
      this.#sockets.delete(socket);
    });
  }
}
