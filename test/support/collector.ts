/**
 * A receiver of the Forward protocol that shares no code with the product: it keeps what arrives, in order, and acks.
 * Listens on loopback, plain or with TLS.
 */

import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { gunzipSync } from "node:zlib";
import { decode, decodeMulti, decodeMultiStream, ExtensionCodec } from "@msgpack/msgpack";
import { encode } from "./forward-client.ts";

export interface CollectedEvent {
  readonly tag: string;
  /** `seconds.nanoseconds`, the latter with nine digits; plain seconds for integer times. */
  readonly time: string;
  readonly record: Record<string, unknown>;
}

const extensionCodec = new ExtensionCodec();
extensionCodec.register({
  type: 0,
  encode: () => null,
  decode: (data) => {
    const bytes = Buffer.from(data);
    return `${bytes.readUInt32BE(0)}.${String(bytes.readUInt32BE(4)).padStart(9, "0")}`;
  },
});

export class Collector {
  readonly events: CollectedEvent[] = [];
  /** Ids of the chunks that came, in order; a resent chunk stands twice. */
  readonly chunkIds: string[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #tls: TlsOptions | undefined;
  #server: Server | undefined;
  #wake = () => {};
  port = 0;

  constructor(tls?: TlsOptions) {
    this.#tls = tls;
  }

  /** Listens; a second start after `stop` takes the same port again. */
  async start(): Promise<void> {
    const serve = (socket: Socket) => void this.#serve(socket);
    this.#server = this.#tls ? createTlsServer(this.#tls, serve) : createServer(serve);
    this.#server.listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = (this.#server.address() as { port: number }).port;
  }

  /** Goes away at once, as a machine does: connections are reset, pending acks are never sent. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    if (!this.#server?.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  async waitFor(condition: (events: readonly CollectedEvent[]) => boolean): Promise<void> {
    while (!condition(this.events)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #serve(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    try {
      for await (const message of decodeMultiStream(socket, { extensionCodec, useBigInt64: true })) {
        this.#take(message as [string, Uint8Array, { chunk?: string; compressed?: string }?], socket);
      }
    } catch {
      // A torn message: the sender was killed. What it did not get an ack for, it sends again.
    }
  }

  #take([tag, body, option]: [string, Uint8Array, { chunk?: string; compressed?: string }?], socket: Socket): void {
    const bytes = typeof body === "string" ? Buffer.from(body, "latin1") : body;
    const entries = option?.compressed === "gzip" ? gunzipSync(bytes) : bytes;
    for (const entry of decodeMulti(entries, { extensionCodec, useBigInt64: true })) {
      const [time, record] = entry as [unknown, Record<string, unknown>];
      this.events.push({ tag, time: String(time), record });
    }
    if (option?.chunk !== undefined) {
      this.chunkIds.push(option.chunk);
      if (socket.writable) socket.write(encode({ ack: option.chunk }));
    }
    this.#wake();
  }
}

/** Decodes one whole msgpack value. */
export function decodeValue(bytes: Uint8Array): unknown {
  return decode(bytes, { extensionCodec, useBigInt64: true });
}
