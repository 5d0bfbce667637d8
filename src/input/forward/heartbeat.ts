/** Answers UDP heartbeats: a byte for a datagram. Source: fluentd 1.18 in_forward `start`; COMPAT 2.2. */

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import type { Logger } from "../../logger.ts";
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
  const type = address.includes(":") ? "udp6" : "udp4";
  const socket = createSocket({
    type,
    ...(receiveBufferBytes !== undefined && { recvBufferSize: receiveBufferBytes }),
  });
  socket.on("message", (data, peer) => {
    logger.trace("heartbeat udp data arrived", { host: peer.address, port: peer.port });
    if (data.length <= HEARTBEAT_LIMIT_BYTES) socket.send(REPLY, peer.port, peer.address, () => {});
  });
  socket.bind(port, address);
  try {
    await once(socket, "listening");
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.on("error", (error) => logger.debug("heartbeat socket", { error }));
  return socket;
}
