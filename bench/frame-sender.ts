/**
 * Sends frames over connections to the agent. Each connection sends as many as its window allows, and goes on when acks
 * come; it stops behind a whole cycle.
 */

import { createConnection, type Socket } from "node:net";
import { buildFrames, CHUNK_ID_BYTES, ChunkIds } from "./frames.ts";
import type { Load } from "./load.ts";
import type { ForwardLoad } from "./rows.ts";

/** Frames that go out at once are joined up to this size. */
const WRITE_BYTES = 256 * 1024;
/** With a rate, how often frames that are due are sent. */
const PACE_MS = 2;
/** `{"ack": ` and the header of a string of CHUNK_ID_BYTES. */
const ACK_HEAD = Buffer.from([0x81, 0xa3, 0x61, 0x63, 0x6b, 0xa0 | CHUNK_ID_BYTES]);
const ACK_BYTES = ACK_HEAD.length + CHUNK_ID_BYTES;

export function connectAll(load: ForwardLoad, port: number): Load {
  const frames = buildFrames(load);
  const connections = Array.from({ length: load.connections }, (_, index) => {
    const socket = createConnection({ port, host: "127.0.0.1", noDelay: true });
    return new Connection(socket, index, load, frames);
  });
  return async (durationMs) => {
    await Promise.all(connections.map((connection) => connection.run(durationMs)));
    return {
      cycles: connections.reduce((sum, { cycles }) => sum + cycles, 0),
      acks: connections.flatMap(({ acks }) => acks),
    };
  };
}

class Connection {
  cycles = 0;
  acks: number[] = [];
  readonly #socket: Socket;
  readonly #load: ForwardLoad;
  readonly #frames: Buffer[];
  readonly #sentAt = new Map<string, number>();
  readonly #ids: ChunkIds;
  #next = 0;
  #sent = 0;
  #startedAt = 0;
  #sentBefore = 0;
  #deadline = 0;
  #received: Buffer = Buffer.alloc(0);
  #finish = () => {};

  constructor(socket: Socket, index: number, load: ForwardLoad, frames: Buffer[]) {
    this.#socket = socket;
    this.#load = load;
    this.#frames = frames;
    this.#ids = new ChunkIds(load, index);
    socket.on("data", (data) => this.#onAcks(data));
    socket.on("close", () => {
      throw new Error("the agent closed a connection");
    });
  }

  run(durationMs: number): Promise<void> {
    this.cycles = 0;
    this.acks = [];
    this.#startedAt = performance.now();
    this.#sentBefore = this.#sent;
    this.#deadline = this.#startedAt + durationMs;
    const pace = this.#load.eventsPerSecond === undefined ? undefined : setInterval(() => this.#send(), PACE_MS);
    return new Promise((resolve) => {
      this.#finish = () => {
        clearInterval(pace);
        resolve();
      };
      this.#send();
    });
  }

  #send(): void {
    const parts: Buffer[] = [];
    const now = performance.now();
    let byteSize = 0;
    for (let left = this.#due(now); left > 0 && (this.#next > 0 || now < this.#deadline); left--) {
      const frame = this.#frames[this.#next] as Buffer;
      const chunkId = this.#ids.at(this.#sent++);
      this.#sentAt.set(chunkId.toString("latin1"), now);
      parts.push(frame, chunkId);
      byteSize += frame.length + CHUNK_ID_BYTES;
      this.#next = (this.#next + 1) % this.#frames.length;
      if (this.#next === 0) this.cycles += 1;
      if (byteSize >= WRITE_BYTES) this.#socket.write(Buffer.concat(parts.splice(0), byteSize));
      if (parts.length === 0) byteSize = 0;
    }
    if (parts.length > 0) this.#socket.write(Buffer.concat(parts, byteSize));
    if (this.#sentAt.size === 0 && this.#next === 0 && now >= this.#deadline) this.#finish();
  }

  /** Frames that may be sent now. */
  #due(now: number): number {
    const { window, connections, eventsPerFrame, eventsPerSecond } = this.#load;
    const free = window - this.#sentAt.size;
    if (eventsPerSecond === undefined) return free;
    const planned = ((now - this.#startedAt) / 1000) * (eventsPerSecond / eventsPerFrame / connections);
    return Math.min(free, Math.floor(planned) - (this.#sent - this.#sentBefore));
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
