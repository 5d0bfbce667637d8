/**
 * Acks as they go over the wire: `{ack: chunk}` for each chunk, one behind the other, with the chunk's bytes as they came.
 * They are written when the messages come, so that ids are copied once and are never made into strings.
 */

import { ByteWriter } from "../event/byte-writer.ts";
import { msgpackToJson } from "../event/json.ts";
import { skip } from "../event/walker.ts";

/** Acks that may be sent together. */
export interface Acks {
  /** msgpack. */
  readonly bytes: Buffer;
  readonly count: number;
}

/** A map of one, and its key: 81 a3 `ack`. */
const PREFIX = 0x81a36163;
const PREFIX_END = 0x6b;

const NONE: Acks = { bytes: Buffer.alloc(0), count: 0 };
/** Of a few ids. */
const FIRST_BYTES = 256;

export class AckWriter {
  #writer: ByteWriter | undefined;
  /** Acks of one connection come in batches of a size. */
  #roomBytes = FIRST_BYTES;
  #count = 0;

  /** Acks written. */
  get count(): number {
    return this.#count;
  }

  /** The ack of the chunk `bytes[start, end)`, which is msgpack of any kind. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.#writer ??= new ByteWriter(this.#roomBytes);
    this.#writer.uint32(PREFIX);
    this.#writer.byte(PREFIX_END);
    this.#writer.copy(bytes, start, end);
    this.#count += 1;
  }

  /** What was written; the writer is empty afterwards. */
  take(): Acks {
    if (!this.#writer) return NONE;
    const acks = { bytes: this.#writer.take(), count: this.#count };
    this.#writer = undefined;
    this.#roomBytes = Math.max(acks.bytes.length, FIRST_BYTES);
    this.#count = 0;
    return acks;
  }
}

/** The ack of one chunk, which is msgpack. */
export function ackOf(chunk: Uint8Array): Acks {
  const writer = new AckWriter();
  writer.add(chunk, 0, chunk.length);
  return writer.take();
}

/** The bytes of several, in order. */
export function joinAcks(acks: readonly Acks[]): Acks {
  const [first] = acks;
  if (first && acks.length === 1) return first;
  return {
    bytes: Buffer.concat(acks.map(({ bytes }) => bytes)),
    count: acks.reduce((sum, { count }) => sum + count, 0),
  };
}

/** The same as JSON text, without newlines. */
export function jsonAcks({ bytes }: Acks): Buffer {
  let json = "";
  for (let start = 0; start < bytes.length; ) {
    const end = skip(bytes, start, bytes.length);
    json += msgpackToJson(bytes.subarray(start, end));
    start = end;
  }
  return Buffer.from(json);
}
