/**
 * The listening sockets of the process. While a reload exchanges an input for another one on the same address, its
 * socket stays open: the connections and datagrams that come meanwhile wait, and the new input gets them. So nobody who
 * connects at that moment is refused.
 *
 * Node has no way to hand a listening socket from one server to the next but its handle, which `server.listen` takes as
 * `{ _handle }`; a server that has lost its handle closes without touching it.
 *
 * Limits: DATAGRAMS_LIMIT datagrams wait. Addresses are compared as configured.
 */

import { createSocket, type Socket as DatagramSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { createServer, type ListenOptions, type Server, type Socket } from "node:net";

const DATAGRAMS_LIMIT = 1000;

/** How net.Server looks inside. */
interface Handled {
  _handle: object | null;
  readonly allowHalfOpen: boolean;
}

export interface ListenAddress {
  /** "" stands for every address. */
  readonly host: string;
  readonly port: number;
  readonly backlog?: number | undefined;
}

export interface DatagramAddress {
  /** An IP address. */
  readonly host: string;
  readonly port: number;
  readonly receiveBufferBytes?: number | undefined;
}

interface KeptServer {
  readonly port: number;
  readonly holder: Server;
  readonly waiting: Set<Socket>;
}

interface KeptDatagrams {
  readonly socket: DatagramSocket;
  readonly waiting: [Buffer, RemoteInfo][];
}

export class ListeningSockets {
  #keeps = false;
  readonly #addresses = new WeakMap<Server | DatagramSocket, string>();
  readonly #servers = new Map<string, KeptServer>();
  readonly #datagrams = new Map<string, KeptDatagrams>();

  /** From now on a socket whose input lets go of it stays open. */
  keep(): void {
    this.#keeps = true;
  }

  /** Closes what nobody took. */
  release(): void {
    this.#keeps = false;
    for (const key of this.#servers.keys()) this.#drop(key);
    for (const { socket } of this.#datagrams.values()) socket.close();
    this.#datagrams.clear();
  }

  /** Resolves when `server` listens; it may have connections by then. Rejects with the system's error. */
  async listen(server: Server, { host, port, backlog }: ListenAddress): Promise<void> {
    const key = `${host} ${port}`;
    const kept = this.#servers.get(key);
    this.#servers.delete(key);
    if (kept) server.listen({ _handle: takeHandle(kept.holder) } as ListenOptions, backlog);
    else {
      // An address of the same port may stand in the way: 0.0.0.0 of 127.0.0.1.
      for (const [other, { port: its }] of this.#servers) if (its === port) this.#drop(other);
      server.listen({ ...(host !== "" && { host }), port, ...(backlog !== undefined && { backlog }) });
    }
    await once(server, "listening");
    this.#addresses.set(server, key);
    for (const socket of kept?.waiting ?? []) handOver(socket, server);
  }

  /** Lets go of a server: it takes no more connections, and closes when its last one has ended. */
  close(server: Server): void {
    const key = this.#addresses.get(server);
    const { _handle: handle } = server as unknown as Handled;
    // A worker process has no socket of its own, but that of its supervisor.
    if (this.#keeps && key !== undefined && handle?.constructor.name === "TCP") this.#hold(key, server);
    server.close();
  }

  /** Opens a socket whose datagrams go to `receive`. Rejects with the system's error. */
  async openDatagrams(
    { host, port, receiveBufferBytes }: DatagramAddress,
    receive: (bytes: Buffer, peer: RemoteInfo) => void,
  ): Promise<DatagramSocket> {
    const key = `${host} ${port} ${receiveBufferBytes}`;
    const kept = this.#datagrams.get(key);
    this.#datagrams.delete(key);
    if (kept) {
      kept.socket.removeAllListeners("message").removeAllListeners("error").on("message", receive);
      setImmediate(() => {
        for (const [bytes, peer] of kept.waiting) receive(bytes, peer);
      });
      return kept.socket;
    }
    for (const [other, { socket }] of this.#datagrams) {
      if (port === 0 || socket.address().port !== port) continue;
      socket.close();
      this.#datagrams.delete(other);
    }
    const socket = createSocket({
      type: host.includes(":") ? "udp6" : "udp4",
      ...(receiveBufferBytes !== undefined && { recvBufferSize: receiveBufferBytes }),
    });
    socket.on("message", receive);
    socket.bind(port, host);
    try {
      await once(socket, "listening");
    } catch (error) {
      socket.close();
      throw error;
    }
    this.#addresses.set(socket, key);
    return socket;
  }

  closeDatagrams(socket: DatagramSocket): void {
    const key = this.#addresses.get(socket);
    if (!this.#keeps || key === undefined) {
      socket.close();
      return;
    }
    const waiting: KeptDatagrams["waiting"] = [];
    socket.removeAllListeners("message").removeAllListeners("error");
    socket.on("error", () => {});
    socket.on("message", (bytes, peer) => {
      if (waiting.length < DATAGRAMS_LIMIT) waiting.push([bytes, peer]);
    });
    this.#datagrams.set(key, { socket, waiting });
  }

  #hold(key: string, server: Server): void {
    const waiting = new Set<Socket>();
    const holder = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      waiting.add(socket);
      socket.on("error", () => {}).once("close", () => waiting.delete(socket));
    });
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    holder.listen({ _handle: takeHandle(server) } as ListenOptions);
    this.#servers.set(key, { port, holder, waiting });
  }

  #drop(key: string): void {
    const kept = this.#servers.get(key);
    this.#servers.delete(key);
    kept?.holder.close();
    for (const socket of kept?.waiting ?? []) socket.destroy();
  }
}

function takeHandle(server: Server): object | null {
  const handled = server as unknown as Handled;
  const handle = handled._handle;
  handled._handle = null;
  return handle;
}

/** What the peer has sent by now is in the socket, for whoever listens to it. */
function handOver(socket: Socket, server: Server): void {
  socket.removeAllListeners("error").removeAllListeners("close");
  socket.allowHalfOpen = (server as unknown as Handled).allowHalfOpen;
  server.emit("connection", socket);
}

/** Those of this process. */
export const listeningSockets = new ListeningSockets();
