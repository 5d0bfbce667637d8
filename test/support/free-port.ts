import { once } from "node:events";
import { createServer } from "node:net";

/** A TCP port of loopback that was free a moment ago, for programs that cannot listen on port 0 and say which they got. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
