/** A receiver that does what a test tells it, on a real socket of loopback. */

import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { decodeRaw } from "../../src/event/msgpack.ts";
import { INCOMPLETE, skipValue } from "../../src/event/walker.ts";

/** One message of a sender, taken apart. */
export interface ReceivedMessage {
  readonly bytes: Buffer;
  readonly tag: string;
  readonly body: Buffer;
  readonly option: { readonly size: bigint | number; readonly compressed: string; readonly chunk: Buffer | undefined };
}

/** One accepted connection. */
export class PeerConnection {
  readonly socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #wake = () => {};
  #hasEnded = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wake();
    });
    socket.on("end", () => this.#end());
    socket.on("close", () => this.#end());
    socket.on("error", () => this.#end());
  }

  /** The next whole message's bytes, or undefined when the sender ended the connection before. */
  async nextBytes(): Promise<Buffer | undefined> {
    for (;;) {
      const end = this.#received.length === 0 ? INCOMPLETE : skipValue(this.#received, 0, this.#received.length);
      if (end !== INCOMPLETE) {
        const message = this.#received.subarray(0, end);
        this.#received = this.#received.subarray(end);
        return message;
      }
      if (this.#hasEnded) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The next PackedForward message; fails where the sender ends first. */
  async next(): Promise<ReceivedMessage> {
    const bytes = await this.nextBytes();
    if (!bytes) throw new Error("the sender ended the connection without a message");
    const [tag, body, option] = decodeRaw(bytes) as [Buffer, Buffer, Record<string, unknown>];
    return {
      bytes,
      tag: Buffer.from(tag).toString(),
      body: Buffer.from(body),
      option: {
        size: option.size as number,
        compressed: Buffer.from(option.compressed as Buffer).toString(),
        chunk: option.chunk === undefined ? undefined : Buffer.from(option.chunk as Buffer),
      },
    };
  }

  /** Waits until the sender has ended the connection. */
  async ended(): Promise<void> {
    while (await this.nextBytes());
  }

  #end(): void {
    this.#hasEnded = true;
    this.#wake();
  }
}

export type PeerScript = (connection: PeerConnection, index: number) => Promise<void> | void;

export interface ScriptedPeer {
  readonly port: number;
  /** In the order of their coming. */
  readonly connections: readonly PeerConnection[];
  readonly server: Server;
}

/** Listens until the test ends; `script` runs for every connection. */
export async function scriptedPeer(context: TestContext, script: PeerScript, port = 0): Promise<ScriptedPeer> {
  const connections: PeerConnection[] = [];
  const server = createServer((socket) => {
    const connection = new PeerConnection(socket);
    connections.push(connection);
    void Promise.resolve(script(connection, connections.length - 1)).catch(() => socket.destroy());
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    for (const { socket } of connections) socket.destroy();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, connections, server };
}

/** The ack of a message, as fluentd writes it. */
export function ackOf(message: ReceivedMessage): Buffer {
  const chunk = message.option.chunk as Buffer;
  return Buffer.concat([Buffer.from("\x81\xa3ack", "latin1"), Buffer.from([0xa0 | chunk.length]), chunk]);
}

/** Acknowledges every message at once. */
export const acknowledging: PeerScript = async (connection) => {
  for (;;) connection.socket.write(ackOf(await connection.next()));
};
