/** What one block of a file gave: its events, and where in the file they came from. */

import { crc32 } from "node:zlib";
import type { ByteWriter } from "../../event/byte-writer.ts";
import { EventStream } from "../../event/event-stream.ts";
import { Origin } from "../../event/origin.ts";
import type { FrameMemory } from "../../forward-protocol/frame-memory.ts";
import { EVENT_LIMIT_BYTES } from "./limits.ts";

/** Smaller batches have memory of just their size: many may wait at one time. */
const LEAST_SHARED_BYTES = 32 * 1024;

/** What was written, in memory of its own: the writer is used again for the next block. */
export function lineBatch(writer: ByteWriter, memory: FrameMemory, size: number): EventStream {
  const written = writer.view();
  if (written.length < LEAST_SHARED_BYTES) return new EventStream(Buffer.from(written), size);
  if (written.length > EVENT_LIMIT_BYTES) return new EventStream(writer.take(), size);
  const bytes = memory.take(written.length);
  written.copy(bytes);
  return new EventStream(bytes.subarray(0, written.length), size, { release: () => memory.give(bytes) });
}

/**
 * The origin of the events of `text`, which stands at `from` in the file. Everything before is settled: one batch of a
 * file is on its way at a time. A written batch is enough, for the file can be read again. Without a name there is none.
 */
export function fileOrigin(file: string | undefined, from: number, text: Buffer): Origin | undefined {
  if (file === undefined) return undefined;
  const to = from + text.length;
  return new Origin([{ kind: "file", file, from, to, checksum: crc32(text), settled: from }], "written");
}
