/** Answers UDP heartbeats: a byte for a datagram. Source: fluentd 1.18 in_forward `start`; COMPAT 2.2. */

import type { Socket } from "node:dgram";
import type { Logger } from "../../logger.ts";
import { listeningSockets } from "../../tls/listening-sockets.ts";
import { HEARTBEAT_LIMIT_BYTES } from "./limits.ts";

const REPLY = Buffer.from([0]);

export interface HeartbeatOptions {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
  readonly receiveBufferBytes: number | undefined;
  readonly logger: Logger;
}

/** Listens for heartbeats. Rejects with the system's error. */
export async function startHeartbeat({ address, port, receiveBufferBytes, logger }: HeartbeatOptions): Promise<Socket> {
  const socket = await listeningSockets.openDatagrams({ host: address, port, receiveBufferBytes }, (data, peer) => {
    logger.trace("heartbeat udp data arrived", { host: peer.address, port: peer.port });
    if (data.length <= HEARTBEAT_LIMIT_BYTES) socket.send(REPLY, peer.port, peer.address, () => {});
  });
  socket.on("error", (error) => logger.debug("heartbeat socket", { error }));
  return socket;
}
