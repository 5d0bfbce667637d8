/** Plain TCP connections with a deadline, in the shape that the TLS connector has too. */

import { connect, isIPv6, type Socket } from "node:net";
import { type Clock, systemClock } from "../clock.ts";
import { errorMessage, NetworkError, TimeoutError } from "../errors.ts";

export interface ConnectTarget {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
  /** The name that a TLS server must prove. */
  readonly serverName: string;
  /** For TCP and TLS together. Without it the operating system decides. */
  readonly timeoutMs?: number | undefined;
}

/** Makes connections. The caller owns the socket and handles its errors from then on. */
export interface Connector {
  connect(target: ConnectTarget): Promise<Socket>;
  /** The files that it depends on. */
  readonly paths?: readonly string[];
  /** Reads them again. Throws, and changes nothing then. */
  reload?(): void;
}

/** Rejects with NetworkError or TimeoutError. */
export function createTcpConnector(clock: Clock = systemClock): Connector {
  return {
    connect: (target) =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: target.address, port: target.port, noDelay: true });
        const fail = (error: Error) => {
          cancel();
          socket.destroy();
          reject(error);
        };
        const onError = (cause: Error) =>
          fail(new NetworkError(`cannot connect to ${peerText(target)}: ${errorMessage(cause)}`, { cause }));
        const onTimeout = () =>
          fail(new TimeoutError(`no connection to ${peerText(target)} within ${target.timeoutMs} ms`));
        const cancel = target.timeoutMs === undefined ? () => {} : clock.after(target.timeoutMs, onTimeout);
        socket.on("error", onError);
        socket.once("connect", () => {
          cancel();
          socket.off("error", onError);
          resolve(socket);
        });
      }),
  };
}

/** `127.0.0.1:24224` or `[::1]:24224`. */
export function peerText({ address, port }: { address: string; port: number }): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}
