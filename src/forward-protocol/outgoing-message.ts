/** A message on its way out, and how it is cut into writes: few and large, with bounded memory. */

import { ChunkBrokenError } from "../errors.ts";
import type { CompressionMethod } from "../event/event-stream.ts";
import { chunkOption, encodePackedForwardHeader, encodePackedForwardOption } from "./packed-forward.ts";

export interface OutgoingMessage {
  readonly tag: string;
  /** Events. */
  readonly size: number;
  /** Bytes that `blocks` gives in all. */
  readonly byteSize: number;
  readonly compressed: "text" | CompressionMethod;
  /** 16 bytes. With it the receiver is asked for an ack. */
  readonly chunkId?: Buffer | undefined;
  /** The body in order. The blocks are only read, and are not kept once the message is sent. */
  blocks(): Iterable<Buffer> | AsyncIterable<Buffer>;
  /** Told of each piece that is written, in the body or around it: its memory may serve again. */
  release?(piece: Buffer): void;
}

/** Bytes of one write: 64 KiB to 1 MiB are equally fast; less would be felt, more only needs memory. */
export const WRITE_BYTES = 1024 * 1024;
/** A block of this size goes by itself: Node copies what a TLS connection gets in several parts (5 % of a relay's CPU). */
const LARGE_BLOCK_BYTES = 256 * 1024;

/** The parts of one write, to be written together. */
export interface MessageWrite {
  readonly parts: readonly Buffer[];
  /** With this write the message is complete: its ack may come from now on. */
  readonly isLast: boolean;
}

/**
 * Cuts header, body and option into writes of at most WRITE_BYTES: large blocks, and small ones together; a small message
 * is one write. Reads the body only as fast as it is asked for: whoever asks for the next write has done the one before.
 * Throws ChunkBrokenError where the body is not as long as announced; then the connection is spoilt.
 */
export async function* messageWrites(message: OutgoingMessage): AsyncGenerator<MessageWrite, void, void> {
  let parts = [encodePackedForwardHeader(message.tag, message.byteSize)];
  let gathered = 0;
  let total = 0;
  for await (const block of message.blocks()) {
    total += block.length;
    if (total > message.byteSize) throw wrongLength(message, total);
    const isAlone = block.length >= LARGE_BLOCK_BYTES;
    if (parts.length > 0 && (isAlone || gathered + block.length > WRITE_BYTES)) {
      yield { parts, isLast: false };
      for (const part of parts) message.release?.(part);
      parts = [];
      gathered = 0;
    }
    if (isAlone) {
      for (let start = 0; start < block.length; start += WRITE_BYTES)
        yield { parts: [block.subarray(start, start + WRITE_BYTES)], isLast: false };
      message.release?.(block);
    } else {
      parts.push(block);
      gathered += block.length;
    }
  }
  if (total !== message.byteSize) throw wrongLength(message, total);
  parts.push(optionOf(message));
  yield { parts, isLast: true };
  for (const part of parts) message.release?.(part);
}

function optionOf({ size, compressed, chunkId }: OutgoingMessage): Buffer {
  return encodePackedForwardOption({ size, compressed, chunk: chunkId && chunkOption(chunkId) });
}

function wrongLength(message: OutgoingMessage, total: number): ChunkBrokenError {
  const relation = total > message.byteSize ? "at least " : "";
  return new ChunkBrokenError(`a chunk of ${message.byteSize} bytes has ${relation}${total} when it is read`);
}
