/** A plain application that speaks the Forward protocol: one connection, frames as bytes, acks awaited by id. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { decodeMulti, encode as encodeValue } from "@msgpack/msgpack";

export type Mode = "Message" | "Forward" | "PackedForward" | "CompressedPackedForward";
export const MODES: readonly Mode[] = ["Message", "Forward", "PackedForward", "CompressedPackedForward"];

export interface TestEvent {
  readonly seconds: number;
  /** Absent: the time goes as a plain integer. */
  readonly nanoseconds?: number;
  readonly record: Record<string, unknown>;
}

/** One frame as an application would send it. A Message frame takes exactly one event. */
export function encodeFrame(mode: Mode, tag: string, events: readonly TestEvent[], chunk?: string): Buffer {
  const entries = events.map((event) => Buffer.concat([Buffer.from([0x92]), encodeTime(event), encode(event.record)]));
  const option: Record<string, unknown> = chunk === undefined ? {} : { chunk };
  if (mode === "Message") {
    const [event] = events as [TestEvent];
    return array([encode(tag), encodeTime(event), encode(event.record), encode(option)]);
  }
  if (mode === "Forward") return array([encode(tag), array(entries), encode(option)]);
  const packed = Buffer.concat(entries);
  if (mode === "PackedForward") return array([encode(tag), encode(packed), encode({ ...option, size: events.length })]);
  return array([encode(tag), encode(gzipSync(packed)), encode({ ...option, size: events.length, compressed: "gzip" })]);
}

export function encode(value: unknown): Buffer {
  return Buffer.from(encodeValue(value));
}

function array(items: readonly Buffer[]): Buffer {
  const header = Buffer.from([0xdc, items.length >> 8, items.length & 0xff]);
  return Buffer.concat([header, ...items]);
}

function encodeTime({ seconds, nanoseconds }: TestEvent): Buffer {
  if (nanoseconds === undefined) return encode(seconds);
  const time = Buffer.from([0xd7, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  time.writeUInt32BE(seconds, 2);
  time.writeUInt32BE(nanoseconds, 6);
  return time;
}

export class ForwardClient {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  readonly #acked = new Set<string>();
  #wake = () => {};
  #closed: Error | undefined;
  #hasSentLast = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    socket.on("error", (error) => this.#close(error));
    socket.on("close", () => this.#close(new Error("the connection was closed before the ack")));
  }

  static async open(port: number): Promise<ForwardClient> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return new ForwardClient(socket);
  }

  send(frame: Buffer): void {
    if (!this.#hasSentLast) this.#socket.write(frame);
  }

  /** Sends these bytes, and ends the connection behind them: nothing follows half a frame, as if it were its rest. */
  sendLast(bytes: Buffer): void {
    this.#hasSentLast = true;
    this.#socket.write(bytes, () => this.#socket.destroy());
  }

  /** Resolves when the ack for `chunk` has come; rejects when the connection ends first. */
  async acked(chunk: string): Promise<void> {
    while (!this.#acked.has(chunk)) {
      if (this.#closed) throw this.#closed;
      await new Promise<void>((resolve) => {
        const wake = this.#wake;
        this.#wake = () => {
          wake();
          resolve();
        };
      });
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    try {
      for (const value of decodeMulti(this.#received)) this.#acked.add((value as { ack: string }).ack);
      this.#received = Buffer.alloc(0);
    } catch {
      // The last ack is not whole yet: all are read again with the next bytes.
    }
    this.#notify();
  }

  #close(error: Error): void {
    this.#closed ??= error;
    this.#notify();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = () => {};
    wake();
  }
}
