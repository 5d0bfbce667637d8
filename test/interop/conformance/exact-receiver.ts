/** Receives Forward messages on loopback, acks them, and keeps every event as text that hides nothing. */

import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { gunzipSync } from "node:zlib";
import { Decoder } from "@msgpack/msgpack";
import { encode } from "../../support/forward-client.ts";
import { msgpackText } from "../../support/msgpack-text.ts";

export interface ExactEvent {
  readonly tag: string;
  /** `time:SECONDS.NANOSECONDS`, or what came instead. */
  readonly time: string;
  readonly record: string;
}

export class ExactReceiver {
  /** Of each connection, in the order in which they were made: a later one may be read before an earlier one ends. */
  readonly #connections: ExactEvent[][] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #waiting: (() => void)[] = [];

  private constructor() {
    this.#server = createServer((socket) => void this.#serve(socket));
  }

  static async listen(): Promise<ExactReceiver> {
    const receiver = new ExactReceiver();
    receiver.#server.listen(0, "127.0.0.1");
    await once(receiver.#server, "listening");
    receiver.#server.unref();
    return receiver;
  }

  get events(): ExactEvent[] {
    return this.#connections.flat();
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  /** Resolves when `count` events have come; rejects when `signal` aborts before. */
  async waitFor(count: number, signal: AbortSignal): Promise<void> {
    while (this.events.length < count) {
      if (signal.aborted) throw new Error(`${this.events.length} of ${count} events came`);
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  async #serve(socket: Socket): Promise<void> {
    const events: ExactEvent[] = [];
    this.#connections.push(events);
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    try {
      for await (const message of new Decoder({ rawStrings: true }).decodeStream(socket)) {
        this.#take(message as RawMessage, events, socket);
      }
    } catch {
      // A torn message: its sender ended. What it got no ack for, it sends again.
    }
  }

  #take([tag, body, option]: RawMessage, events: ExactEvent[], socket: Socket): void {
    const isCompressed = option?.compressed && Buffer.from(option.compressed).toString() === "gzip";
    const entries = Buffer.from(isCompressed ? gunzipSync(body) : body);
    for (let offset = 0; offset < entries.length; ) {
      const time = msgpackText(entries, offset + 1);
      const record = msgpackText(entries, time.end);
      events.push({ tag: Buffer.from(tag).toString(), time: time.text, record: record.text });
      offset = record.end;
    }
    if (option?.chunk !== undefined && socket.writable) {
      socket.write(encode({ ack: Buffer.from(option.chunk).toString() }));
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

/** Strings stay bytes: the entries are one that is no text. */
type RawMessage = [Uint8Array, Uint8Array, { chunk?: Uint8Array; compressed?: Uint8Array }?];
