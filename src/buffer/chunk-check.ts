/**
 * Looks through a chunk that an earlier process left, before it is sent. One that stands in the journal is held against
 * its checksums: bad ranges go to the backup folder, the others are sent. One that does not, such as fluentd's, is
 * walked: what is behind its last whole entry is cut off. Throws BufferIoError, ChunkBrokenError.
 */

import type { Counters } from "../counters.ts";
import { ChunkBrokenError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { BufferChunk, Span } from "./buffer-chunk.ts";
import type { ChunkBackup } from "./chunk-backup.ts";
import type { ChunkFile } from "./chunk-file.ts";
import { type ChunkRange, type RangeCheck, RangeChecks, type Step } from "./chunk-ranges.ts";
import { findEntries } from "./torn-tail.ts";

export interface ChunkCheckOptions {
  readonly logger: Logger;
  readonly counters: Counters;
  readonly backup: ChunkBackup;
  readonly decompressionLimitBytes: number;
  /** Chunks hold msgpack entries, plain. */
  readonly isWalkable: boolean;
}

export class ChunkCheck {
  readonly #options: ChunkCheckOptions;

  /** Events that chunks had more than they said, without those that were counted as dropped. */
  recountedEvents = 0;

  constructor(options: ChunkCheckOptions) {
    this.#options = options;
  }

  /** Gives the bytes that the chunk has fewer. */
  async check(chunk: BufferChunk): Promise<number> {
    const { file } = chunk;
    if (!chunk.isUnverified || !file) return 0;
    chunk.isUnverified = false;
    const { byteSize, size } = chunk;
    const dropped = this.#options.counters.get("dropped_events", "checksum");
    const { base, ranges } = chunk.ranges;
    // What was there before anybody summed it up has no checksums; a disk that lost some of it lost the rest, too.
    if (ranges.length > 0 && file.has(base.byteSize)) await this.#compare(chunk, file);
    else if (this.#options.isWalkable) await this.#walk(chunk, file);
    this.recountedEvents += chunk.size - size + this.#options.counters.get("dropped_events", "checksum") - dropped;
    return byteSize - chunk.byteSize;
  }

  async #walk(chunk: BufferChunk, file: ChunkFile): Promise<void> {
    const { backup, counters, decompressionLimitBytes, logger } = this.#options;
    const blocks = untilEnd(file.read(chunk.byteSize));
    const found = await findEntries(blocks, chunk.compression, decompressionLimitBytes);
    const { byteSize, size, tail } = found;
    if (byteSize === chunk.byteSize && size === chunk.size) return;
    if (!file.has(chunk.byteSize)) {
      const { path } = file;
      logger.error("a buffer chunk is shorter than it was: the disk has lost its end", {
        path,
        events: chunk.size - size,
      });
      counters.add("dropped_events", Math.max(0, chunk.size - size), "checksum");
    } else if (tail !== "none") {
      const cut = chunk.byteSize - byteSize;
      const { path } = file;
      logger.warn(`buffer chunk ends in ${cut} bytes that are no whole event; they are cut off.`, { path, tail });
      counters.add("dropped_events", 1, "torn_tail");
      if (tail === "foreign")
        await backup.keep(`${chunk.id.toString("hex")}.tail`, file.read(chunk.byteSize, byteSize));
      file.truncate(byteSize);
    }
    chunk.correct(byteSize, size);
  }

  async #compare(chunk: BufferChunk, file: ChunkFile): Promise<void> {
    const { base, ranges } = chunk.ranges;
    const checks = await compareRanges(file, ranges);
    if (checks.every(({ isGood }) => isGood)) return;
    const spans: Span[] = base.byteSize > 0 ? [{ start: 0, end: base.byteSize }] : [];
    let size = base.size;
    for (const check of checks) {
      const { good, range, end } = check;
      size += good?.size ?? 0;
      if (good) spans.push({ start: range.start, end: good.end });
      if (!check.isGood) await this.#quarantine(chunk, file, good?.end ?? range.start, end, missing(check));
    }
    chunk.correct(
      spans.reduce((sum, { start, end }) => sum + end - start, 0),
      size,
      spans,
    );
  }

  /** Keeps the bytes [start, end) for a person to look at. */
  async #quarantine(chunk: BufferChunk, file: ChunkFile, start: number, end: number, size: number): Promise<void> {
    const { backup, counters, logger } = this.#options;
    const { path } = file;
    logger.error("bytes of a buffer chunk are not what was written: the disk has lost or changed them", {
      path,
      bytes: `${start}-${end}`,
      events: size,
    });
    counters.add("dropped_events", size, "checksum");
    await backup.keep(`${chunk.id.toString("hex")}.${start}`, untilEnd(file.read(end, start)));
  }
}

/** Reads the file once. Of a shorter one the ranges behind its end are bad. */
export async function compareRanges(file: ChunkFile, ranges: readonly ChunkRange[]): Promise<readonly RangeCheck[]> {
  const start = ranges[0]?.start ?? 0;
  const checks = new RangeChecks(ranges, start);
  const last = checks.all.at(-1);
  if (last) for await (const block of untilEnd(file.read(last.end, start))) checks.update(block);
  return checks.all;
}

/** What can be read; a file that ends early just ends. */
async function* untilEnd(blocks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* blocks;
  } catch (error) {
    if (!(error instanceof ChunkBrokenError) || error.cause !== undefined) throw error;
  }
}

function missing({ good, range }: RangeCheck): number {
  return (range.steps.at(-1) as Step).size - (good?.size ?? 0);
}
