/**
 * A process that sends frames to the agent and times the acks: `load-generator.js MODE PORT`, driven over IPC.
 *
 * Each connection sends as many frames as its window allows, and goes on when acks come. It stops behind a whole cycle.
 */

import { createConnection, type Socket } from "node:net";
import { buildFrames, CHUNK_ID_BYTES, type Mode, modes } from "./frames.ts";

/** Send for so long, then answer with a LoadReport. */
export interface LoadRequest {
  readonly durationMs: number;
}

export interface LoadReport {
  readonly startedAt: number;
  /** Whole cycles, of all connections together. */
  readonly cycles: number;
  readonly events: number;
  /** From the write of a frame to its ack, in milliseconds. */
  readonly ackMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

const CONNECTIONS = 4;
/** Frames that go out at once are joined up to this size. */
const WRITE_BYTES = 256 * 1024;
/** `{"ack": ` and the header of a string of CHUNK_ID_BYTES. */
const ACK_HEAD = Buffer.from([0x81, 0xa3, 0x61, 0x63, 0x6b, 0xa0 | CHUNK_ID_BYTES]);
const ACK_BYTES = ACK_HEAD.length + CHUNK_ID_BYTES;

class Connection {
  cycles = 0;
  acks: number[] = [];
  readonly #socket: Socket;
  readonly #mode: Mode;
  readonly #frames: Buffer[];
  readonly #sentAt = new Map<string, number>();
  readonly #prefix: string;
  #next = 0;
  #sent = 0;
  #deadline = 0;
  #received: Buffer = Buffer.alloc(0);
  #finish = () => {};

  constructor(socket: Socket, index: number, mode: Mode, frames: Buffer[]) {
    this.#socket = socket;
    this.#mode = mode;
    this.#frames = frames;
    this.#prefix = String(index + 1);
    socket.on("data", (data) => this.#onAcks(data));
    socket.on("close", () => {
      throw new Error("the agent closed a connection");
    });
  }

  run(durationMs: number): Promise<void> {
    this.cycles = 0;
    this.acks = [];
    this.#deadline = performance.now() + durationMs;
    return new Promise((resolve) => {
      this.#finish = resolve;
      this.#send();
    });
  }

  #send(): void {
    const parts: Buffer[] = [];
    const now = performance.now();
    let byteSize = 0;
    while (this.#sentAt.size < this.#mode.window && (this.#next > 0 || now < this.#deadline)) {
      const frame = this.#frames[this.#next] as Buffer;
      const chunkId = this.#prefix + String(this.#sent++).padStart(CHUNK_ID_BYTES - this.#prefix.length, "0");
      this.#sentAt.set(chunkId, now);
      parts.push(frame, Buffer.from(chunkId, "latin1"));
      byteSize += frame.length + CHUNK_ID_BYTES;
      this.#next = (this.#next + 1) % this.#frames.length;
      if (this.#next === 0) this.cycles += 1;
      if (byteSize >= WRITE_BYTES) this.#socket.write(Buffer.concat(parts.splice(0), byteSize));
      if (parts.length === 0) byteSize = 0;
    }
    if (parts.length > 0) this.#socket.write(Buffer.concat(parts, byteSize));
    if (this.#sentAt.size === 0) this.#finish();
  }

  #onAcks(data: Buffer): void {
    const bytes = this.#received.length === 0 ? data : Buffer.concat([this.#received, data]);
    const now = performance.now();
    let position = 0;
    for (; position + ACK_BYTES <= bytes.length; position += ACK_BYTES) {
      const idStart = position + ACK_HEAD.length;
      const chunkId = bytes.toString("latin1", idStart, idStart + CHUNK_ID_BYTES);
      const sentAt = this.#sentAt.get(chunkId);
      if (sentAt === undefined || !ACK_HEAD.equals(bytes.subarray(position, idStart))) {
        throw new Error(`not the ack of a frame in flight: ${bytes.toString("hex", position, position + ACK_BYTES)}`);
      }
      this.#sentAt.delete(chunkId);
      this.acks.push(now - sentAt);
    }
    this.#received = bytes.subarray(position);
    this.#send();
  }
}

const [modeName, port] = process.argv.slice(2);
const mode = modes.find(({ name }) => name === modeName) as Mode;
const frames = buildFrames(mode);
const connections = Array.from({ length: CONNECTIONS }, (_, index) => {
  const socket = createConnection({ port: Number(port), host: "127.0.0.1", noDelay: true });
  return new Connection(socket, index, mode, frames);
});

process.on("message", async ({ durationMs }: LoadRequest) => {
  const startedAt = Date.now();
  await Promise.all(connections.map((connection) => connection.run(durationMs)));
  const cycles = connections.reduce((sum, connection) => sum + connection.cycles, 0);
  const acks = connections.flatMap((connection) => connection.acks).sort((a, b) => a - b);
  const at = (part: number) => acks[Math.ceil(acks.length * part) - 1] ?? 0;
  const ackMs = { p50: at(0.5), p99: at(0.99), max: at(1) };
  process.send?.({ startedAt, cycles, events: cycles * mode.frames * mode.eventsPerFrame, ackMs } satisfies LoadReport);
});
process.on("disconnect", () => process.exit());
