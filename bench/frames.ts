/**
 * Messages of the Forward protocol, built once and sent over and over.
 *
 * A frame ends with its chunk id, so sending one again is a copy and some fresh bytes. Every event of a cycle carries an
 * id of its own, so the receiver can tell that each one arrived as often as it was sent.
 */

import { randomFillSync } from "node:crypto";
import { gzipSync } from "node:zlib";
import { EventTime } from "../src/event/event-time.ts";
import { encode } from "../src/event/msgpack.ts";
import { eventId } from "./event-ids.ts";
import type { ForwardLoad } from "./rows.ts";

/** The chunk id is the end of a frame: base64 of 16 bytes and a newline, as fluentd has it. */
export const CHUNK_ID_BYTES = 25;

/**
 * The id of a connection's frame. Packed frames have ids as fluentd gives them, which begin with the time: agents that
 * know resends remember them. Of the other shapes ids are random, as client libraries make them.
 */
export class ChunkIds {
  readonly #start: Buffer;

  constructor({ shape }: ForwardLoad, connection: number) {
    this.#start = Buffer.alloc(12);
    const isTimeOrdered = shape === "packed" || shape === "gzip";
    if (isTimeOrdered) this.#start.writeBigUInt64BE((BigInt(Date.now()) * 1000n) << 12n);
    else randomFillSync(this.#start);
    this.#start[8] = connection;
  }

  at(index: number): Buffer {
    const id = Buffer.alloc(16);
    this.#start.copy(id);
    id.writeUInt32BE(index, 12);
    return Buffer.from(`${id.toString("base64")}\n`, "latin1");
  }
}

/** All frames of one cycle, each without its chunk id. */
export function buildFrames(load: ForwardLoad): Buffer[] {
  return Array.from({ length: load.frames }, (_, index) => buildFrame(load, index));
}

function buildFrame(load: ForwardLoad, frame: number): Buffer {
  const first = frame * load.eventsPerFrame;
  const entries = Array.from({ length: load.eventsPerFrame }, (_, index) => buildEntry(first + index));
  const compressed = load.shape === "gzip" ? { compressed: "gzip" } : {};
  const option = encode({ size: load.eventsPerFrame, ...compressed, chunk: "0".repeat(CHUNK_ID_BYTES) });
  const tag = encode(load.tags === 1 ? "kubernetes.checkout" : `kubernetes.checkout.${frame % load.tags}`);
  const header = Buffer.of(load.shape === "message" ? 0x94 : 0x93);
  return Buffer.concat([header, tag, ...buildBody(load, entries), option.subarray(0, -CHUNK_ID_BYTES)]);
}

function buildBody({ shape, eventsPerFrame }: ForwardLoad, entries: Buffer[]): Buffer[] {
  switch (shape) {
    case "packed":
      return [encode(Buffer.concat(entries))];
    case "gzip":
      return [encode(gzipSync(Buffer.concat(entries)))];
    case "forward":
      return [Buffer.of(0xdc, eventsPerFrame >> 8, eventsPerFrame & 0xff), ...entries];
    case "message":
      return [(entries[0] as Buffer).subarray(1)];
  }
}

function buildEntry(index: number): Buffer {
  return encode([new EventTime(1_764_000_000 + index, (index * 104_729) % 1_000_000_000), recordOf(index)]);
}

/** Of about 210 bytes, as a container log looks after its metadata was added. */
export function recordOf(index: number): Record<string, string> {
  return {
    id: eventId(index),
    stream: "stdout",
    log: `10.8.${index % 256}.${(index * 31) % 256} ${requestLine(index)} "okhttp/4.12.0" ${index % 900}ms`,
    namespace: "shop",
    pod: `checkout-7d9f8b6c5-${(index % 46_656).toString(36).padStart(5, "x")}`,
    container: "checkout",
    host: "gke-pool-1-4f2a",
  };
}

export function requestLine(index: number): string {
  return `"GET /api/v1/orders/${(index * 7919) % 100_000} HTTP/1.1" 200 ${(index * 613) % 50_000}`;
}
