/**
 * The load: messages of the Forward protocol, built once and sent over and over.
 *
 * A frame ends with its chunk id, so sending one again is a copy and 24 fresh bytes. Every event of a mode carries an
 * `id` of its own, so the receiver can tell that each one arrived as often as it was sent.
 */

import { gzipSync } from "node:zlib";
import { EventTime } from "../src/event/event-time.ts";
import { encode } from "../src/event/msgpack.ts";

export interface Mode {
  readonly name: string;
  readonly shape: "packed" | "forward" | "message" | "gzip";
  readonly eventsPerFrame: number;
  /** Different frames; a cycle sends each of them once. */
  readonly frames: number;
  /** Frames that one connection may have without an ack. */
  readonly window: number;
  /** CPU of fluentd divided by CPU of Suiro, per event, that Suiro wants to reach. */
  readonly goal: number | undefined;
}

export const modes: readonly Mode[] = [
  { name: "packed-1000", shape: "packed", eventsPerFrame: 1000, frames: 8, window: 4, goal: 2.5 },
  { name: "packed-10", shape: "packed", eventsPerFrame: 10, frames: 200, window: 64, goal: 5 },
  { name: "forward-100", shape: "forward", eventsPerFrame: 100, frames: 40, window: 16, goal: 8 },
  { name: "gzip-1000", shape: "gzip", eventsPerFrame: 1000, frames: 8, window: 4, goal: undefined },
  { name: "message", shape: "message", eventsPerFrame: 1, frames: 1000, window: 256, goal: 8 },
];

/** The chunk id is the end of a frame: this many ASCII digits. */
export const CHUNK_ID_BYTES = 24;

/** Ids start here, so that msgpack always takes five bytes for one (`ce` and a uint32). */
export const FIRST_EVENT_ID = 0x10000;

/** Where `ce` of the id stands in an entry: 92, d7 00 and eight bytes of time, map header, "id". */
export const EVENT_ID_OFFSET = 1 + 10 + 1 + 3;

export const TAG = "kubernetes.checkout";

/** All frames of one cycle, each without its chunk id. */
export function buildFrames(mode: Mode): Buffer[] {
  return Array.from({ length: mode.frames }, (_, index) => buildFrame(mode, index * mode.eventsPerFrame));
}

function buildFrame(mode: Mode, firstEvent: number): Buffer {
  const entries = Array.from({ length: mode.eventsPerFrame }, (_, index) => buildEntry(firstEvent + index));
  const compressed = mode.shape === "gzip" ? { compressed: "gzip" } : {};
  const option = encode({ size: mode.eventsPerFrame, ...compressed, chunk: "0".repeat(CHUNK_ID_BYTES) });
  const message = [encode(TAG), ...buildBody(mode, entries), option.subarray(0, -CHUNK_ID_BYTES)];
  return Buffer.concat([Buffer.of(mode.shape === "message" ? 0x94 : 0x93), ...message]);
}

function buildBody(mode: Mode, entries: Buffer[]): Buffer[] {
  switch (mode.shape) {
    case "packed":
      return [encode(Buffer.concat(entries))];
    case "gzip":
      return [encode(gzipSync(Buffer.concat(entries)))];
    case "forward":
      return [Buffer.of(0xdc, mode.eventsPerFrame >> 8, mode.eventsPerFrame & 0xff), ...entries];
    case "message":
      return [(entries[0] as Buffer).subarray(1)];
  }
}

/** One event of about 210 bytes, as a container log looks after its metadata was added. */
function buildEntry(index: number): Buffer {
  const path = `/api/v1/orders/${(index * 7919) % 100_000}`;
  return encode([
    new EventTime(1_764_000_000 + index, (index * 104_729) % 1_000_000_000),
    {
      id: FIRST_EVENT_ID + index,
      stream: "stdout",
      log: `10.8.${index % 256}.${(index * 31) % 256} "GET ${path} HTTP/1.1" 200 ${(index * 613) % 50_000} "okhttp/4.12.0" ${index % 900}ms`,
      namespace: "shop",
      pod: `checkout-7d9f8b6c5-${(index % 46_656).toString(36).padStart(5, "x")}`,
      container: "checkout",
      host: "gke-pool-1-4f2a",
    },
  ]);
}
