/**
 * A receiver of the Forward protocol that shares no code with the product: it keeps what arrives, in order, and acks.
 * Listens on loopback, plain or with TLS.
 */

import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { gunzipSync } from "node:zlib";
import { Decoder, decodeMulti, ExtensionCodec } from "@msgpack/msgpack";
import { encode } from "./forward-client.ts";

export interface CollectedEvent {
  readonly tag: string;
  /** `seconds.nanoseconds`, the latter with nine digits; plain seconds for integer times. */
  readonly time: string;
  readonly record: Record<string, unknown>;
}

export interface CollectedMessage {
  readonly tag: string;
  /** As sent: compressed where `compressed` names a method. */
  readonly body: Buffer;
  readonly size: number | undefined;
  readonly compressed: string | undefined;
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

export class CollectingReceiver {
  readonly events: CollectedEvent[] = [];
  /** Every message as it came. */
  readonly messages: CollectedMessage[] = [];
  /** Ids of the chunks that came, in order; a resent chunk stands twice. */
  readonly chunkIds: string[] = [];
  /** Of each message with a chunk id, where its events begin in `events`, and where the next ones do. */
  readonly #chunks: { readonly id: string; readonly start: number; readonly end: number }[] = [];
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

  /** Goes away at once, as a machine does: connections are reset (with TLS: closed), pending acks are never sent. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) {
      if (this.#tls) socket.destroy();
      else socket.resetAndDestroy();
    }
    if (!this.#server?.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  /** Every event of a chunk, but those of chunks that came before: their acks were lost. */
  get distinctEvents(): CollectedEvent[] {
    const known = new Set<string>();
    return this.#chunks.flatMap(({ id, start, end }) => {
      if (known.has(id)) return [];
      known.add(id);
      return this.events.slice(start, end);
    });
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
      for await (const message of new Decoder({ rawStrings: true }).decodeStream(socket)) {
        this.#take(message as RawMessage, socket);
      }
    } catch {
      // A torn message: the sender was killed. What it did not get an ack for, it sends again.
    }
  }

  #take([tagBytes, body, option]: RawMessage, socket: Socket): void {
    const tag = Buffer.from(tagBytes).toString();
    const compressed = option?.compressed && Buffer.from(option.compressed).toString();
    this.messages.push({ tag, body: Buffer.from(body), size: option?.size, compressed });
    const start = this.events.length;
    const entries = compressed === "gzip" ? gunzipSync(body) : body;
    for (const entry of decodeMulti(entries, { extensionCodec, useBigInt64: true })) {
      const [time, record] = entry as [unknown, Record<string, unknown>];
      this.events.push({ tag, time: String(time), record });
    }
    if (option?.chunk !== undefined) {
      const chunk = Buffer.from(option.chunk).toString();
      this.chunkIds.push(chunk);
      this.#chunks.push({ id: chunk, start, end: this.events.length });
      if (socket.writable) socket.write(encode({ ack: chunk }));
    }
    this.#wake();
  }
}

/** A message with its strings as bytes: the entries of fluentd and its kin are a string that is no text. */
type RawMessage = [Uint8Array, Uint8Array, { chunk?: Uint8Array; compressed?: Uint8Array; size?: number }?];
