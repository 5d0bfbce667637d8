/** Writes lines of syslog to TCP connections, as fast as the agent reads them. */

import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { eventId } from "./event-ids.ts";
import { requestLine } from "./frames.ts";
import type { Load } from "./load.ts";
import type { SyslogLoad } from "./rows.ts";

/** Lines of one write. */
const PIECE_LINES = 200;

export function writeSyslog({ lines, connections }: SyslogLoad, port: number): Load {
  const pieces = Array.from({ length: lines / PIECE_LINES }, (_, piece) => {
    return Buffer.from(Array.from({ length: PIECE_LINES }, (_, index) => line(piece * PIECE_LINES + index)).join(""));
  });
  const sockets = Array.from({ length: connections }, () => {
    return createConnection({ port, host: "127.0.0.1", noDelay: true }).resume();
  });
  return async (durationMs) => {
    const deadline = performance.now() + durationMs;
    let cycles = 0;
    const connection = async (socket: Socket) => {
      for (; performance.now() < deadline; cycles++) {
        for (const piece of pieces) if (!socket.write(piece)) await once(socket, "drain");
      }
    };
    await Promise.all(sockets.map(connection));
    return { cycles, acks: [] };
  };
}

/** One in ten is of another facility, and so of another tag. */
function line(index: number): string {
  const priority = index % 10 === 0 ? 165 : 38;
  const time = new Date(index * 10).toISOString().slice(11, 19);
  return `<${priority}>Feb 28 ${time} gke-pool-1-4f2a nginx[${4000 + (index % 99)}]: ${eventId(index)} ${requestLine(index)}\n`;
}
