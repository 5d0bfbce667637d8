/**
 * Turns a batch of events into bytes that fit a chunk: as they are, formatted by the output, or compressed. A batch
 * that does not fit one chunk is halved until every piece does; a single record that does not fit is given up.
 * Source: fluentd 1.18 buffer.rb `write_once` and `write_step_by_step`.
 */

import { EventStream } from "../event/event-stream.ts";
import type { Chunk } from "./chunk.ts";
import { compress } from "./compression.ts";

export interface ChunkEncoderOptions {
  readonly compression: Chunk["compression"];
  /** Bytes to store for these events; without it their msgpack entries. */
  readonly format?: ((tag: string, events: EventStream) => Buffer) | undefined;
  readonly chunkLimitBytes: number;
  readonly chunkLimitRecords: number | undefined;
  /** Told about a record that no chunk can hold; the record is gone. */
  readonly onOversized: (message: string) => void;
}

/** Bytes with `size` events that fit an empty chunk. */
export interface Piece {
  readonly bytes: Buffer;
  readonly size: number;
  /** CRC-32 of `bytes`, where it is known. */
  readonly checksum?: number | undefined;
}

export class ChunkEncoder {
  readonly #options: ChunkEncoderOptions;

  constructor(options: ChunkEncoderOptions) {
    this.#options = options;
  }

  /** At once without compression: the events' own bytes are passed on, not copied. */
  encode(tag: string, events: EventStream): Piece[] | Promise<Piece[]> {
    const { compression } = this.#options;
    return compression === "text" ? this.#plain(tag, events, 0) : this.#compressed(compression, tag, events, 0);
  }

  #plain(tag: string, events: EventStream, first: number): Piece[] {
    const bytes = this.#format(tag, events);
    const checksum = bytes === events.packed ? events.checksum : undefined;
    if (this.#fits(bytes, events.size)) return [{ bytes, size: events.size, checksum }];
    if (events.size === 1) return this.#giveUp(bytes, first);
    const [left, right] = halve(events);
    return [...this.#plain(tag, left, first), ...this.#plain(tag, right, first + left.size)];
  }

  async #compressed(method: "gzip" | "zstd", tag: string, events: EventStream, first: number): Promise<Piece[]> {
    const asReceived = !this.#options.format && events.compressed?.method === method;
    const bytes = asReceived ? events.compressed.bytes : await compress(method, this.#format(tag, events));
    if (this.#fits(bytes, events.size)) return [{ bytes, size: events.size }];
    if (events.size === 1) return this.#giveUp(bytes, first);
    const [left, right] = halve(events);
    const head = await this.#compressed(method, tag, left, first);
    return [...head, ...(await this.#compressed(method, tag, right, first + left.size))];
  }

  #format(tag: string, events: EventStream): Buffer {
    return this.#options.format ? this.#options.format(tag, events) : events.packed;
  }

  #fits(bytes: Buffer, size: number): boolean {
    const { chunkLimitBytes, chunkLimitRecords } = this.#options;
    return (
      bytes.length <= chunkLimitBytes && (chunkLimitRecords === undefined || size <= chunkLimitRecords || size === 1)
    );
  }

  #giveUp(bytes: Buffer, index: number): Piece[] {
    const limit = this.#options.chunkLimitBytes;
    this.#options.onOversized(
      `a ${bytes.length} bytes record (nth: ${index}) is larger than buffer chunk limit size (${limit})`,
    );
    return [];
  }
}

/** Two streams of about half the bytes each, both with at least one event. */
function halve(events: EventStream): [EventStream, EventStream] {
  const { packed, size } = events;
  let count = 0;
  for (const { end } of events.entries()) {
    count += 1;
    if (end * 2 < packed.length && count < size - 1) continue;
    return [new EventStream(packed.subarray(0, end), count), new EventStream(packed.subarray(end), size - count)];
  }
  throw new RangeError(`a stream of ${size} events has ${count}`);
}
