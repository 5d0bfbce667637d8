/**
 * The one message that out_forward sends, PackedForward:
 *
 * | part    | bytes                                                                                  |
 * |---------|----------------------------------------------------------------------------------------|
 * | array   | `93`                                                                                   |
 * | tag     | msgpack str                                                                            |
 * | entries | `db` + u32 length + that many bytes: entries `[time, record]`, or them compressed      |
 * | option  | map `{"size": events, "compressed": "text"|"gzip"|"zstd"[, "chunk": id]}`, in that order |
 *
 * Entries are always str32, however short. Source: Forward protocol v1, "PackedForward Mode" and "CompressedPackedForward
 * Mode"; fluentd 1.18 out_forward.rb `send_data_actual`, byte for byte.
 */

import { UnrecoverableError } from "../errors.ts";
import type { CompressionMethod } from "../event/event-stream.ts";
import { encode } from "../event/msgpack.ts";

/** The longest body that a u32 length can announce. */
const MAX_BODY_BYTES = 2 ** 32 - 1;

export interface PackedForwardOption {
  /** Events in the body: a hint for the receiver's counters. */
  readonly size: number;
  readonly compressed: "text" | CompressionMethod;
  /** As `chunkOption` makes it. With it the receiver answers `{"ack": chunk}`. */
  readonly chunk?: string | undefined;
}

/** Everything before the body. Throws UnrecoverableError for a body that the length field cannot hold. */
export function encodePackedForwardHeader(tag: string, byteSize: number): Buffer {
  if (byteSize > MAX_BODY_BYTES) {
    throw new UnrecoverableError(`a chunk of ${byteSize} bytes is too long to send; set chunk_limit_size below 4g`);
  }
  const tagBytes = encode(tag);
  const header = Buffer.allocUnsafe(1 + tagBytes.length + 5);
  header[0] = 0x93;
  tagBytes.copy(header, 1);
  header[1 + tagBytes.length] = 0xdb;
  header.writeUInt32BE(byteSize, 2 + tagBytes.length);
  return header;
}

/** Everything behind the body. */
export function encodePackedForwardOption({ size, compressed, chunk }: PackedForwardOption): Buffer {
  return encode(chunk === undefined ? { size, compressed } : { size, compressed, chunk });
}

/** A chunk's id as fluentd sends it: base64 in MIME form, so with a newline behind it. The ack repeats it exactly. */
export function chunkOption(chunkId: Buffer): string {
  return `${chunkId.toString("base64")}\n`;
}
