/**
 * Keeps meta files near what their chunks are, off the path of appends. The journal is told first what a meta file will
 * say: one that says anything else was written by fluentd. Where inputs wait for syncs, that word is on the disk before
 * the meta file is touched, for a power loss may keep the one and lose the other.
 */

import type { CancelTimer, Clock } from "../clock.ts";
import type { BufferChunk } from "./buffer-chunk.ts";
import type { BufferJournal } from "./buffer-journal.ts";
import type { DiskHealth } from "./disk-health.ts";
import type { ChunkMeta } from "./meta-file.ts";

/** How often stale meta files are rewritten, and how many at a time. */
const INTERVAL_MS = 1000;
const PER_INTERVAL = 256;

export class MetaWriter {
  readonly #journal: BufferJournal;
  readonly #disk: DiskHealth;
  readonly #chunks: () => Iterable<BufferChunk>;

  constructor(journal: BufferJournal, disk: DiskHealth, chunks: () => Iterable<BufferChunk>) {
    this.#journal = journal;
    this.#disk = disk;
    this.#chunks = chunks;
  }

  start(clock: Clock): CancelTimer {
    return clock.every(INTERVAL_MS, () => void this.write(PER_INTERVAL));
  }

  /** Writes up to `limit` stale meta files. Never rejects: what cannot be written stays stale. */
  async write(limit = Number.POSITIVE_INFINITY): Promise<void> {
    const stale: [BufferChunk, ChunkMeta][] = [];
    for (const chunk of this.#chunks()) {
      if (stale.length >= limit) break;
      if (chunk.isMetaStale) stale.push([chunk, chunk.meta]);
    }
    if (stale.length === 0) return;
    try {
      for (const [chunk, meta] of stale) {
        chunk.isMetaStale = false;
        this.#journal.meta(chunk, meta);
      }
      await this.#journal.whenKnown();
    } catch (error) {
      this.#disk.count(error);
      for (const [chunk] of stale) chunk.isMetaStale = true;
      return;
    }
    for (const [chunk, meta] of stale) {
      if (chunk.state === "closed") continue;
      this.#disk.guard("can't write buffer metadata", () => chunk.file?.writeMeta(meta));
    }
  }
}
