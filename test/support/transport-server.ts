/** A `<transport>` server on a free loopback port, for tests; it echoes what it gets. */

import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import type { TestContext } from "node:test";
import { createTransportServer, type TransportServerOptions, transportTable } from "../../src/tls/transport.ts";
import { configSection } from "./config-section.ts";
import { MemoryLog } from "./memory-log.ts";

export interface ReportedFailure {
  readonly message: string;
  readonly peer: string;
  readonly silent: boolean;
}

export interface TransportServer {
  readonly port: number;
  readonly connections: Socket[];
  readonly failures: ReportedFailure[];
  /** Resolves when as many failures as this were reported. */
  failed(count: number): Promise<void>;
}

export async function startTransportServer(
  t: TestContext,
  argument: string,
  values: Record<string, string>,
  options: Partial<TransportServerOptions> = {},
): Promise<TransportServer> {
  const connections: Socket[] = [];
  const failures: ReportedFailure[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const server = await createTransportServer(configSection(transportTable, argument, values), {
    onConnection(socket) {
      connections.push(socket);
      socket.on("error", () => {}).pipe(socket);
    },
    onTlsError(error, peer, silent) {
      failures.push({ message: error.message, peer, silent });
      for (const { count, resolve } of waiting) if (failures.length >= count) resolve();
    },
    logger: new MemoryLog(),
    ...options,
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of connections) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    failures,
    failed: (count) =>
      new Promise((resolve) => (failures.length >= count ? resolve() : waiting.push({ count, resolve }))),
  };
}
