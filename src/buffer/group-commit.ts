/**
 * Writes together what was appended in one turn of the event loop: the bytes of each chunk, then one record in the
 * journal, which makes them count. An append is whole or not at all, be it spread over many chunks: where one of its
 * chunks cannot be written, all of them are rolled back, with what else went into them; other chunks are left alone.
 */

import type { Origin } from "../event/origin.ts";
import type { BufferChunk } from "./buffer-chunk.ts";
import type { BufferJournal } from "./buffer-journal.ts";
import type { DiskHealth } from "./disk-health.ts";

/** Where events were taken. */
export interface Receipt {
  /** Of the commit that wrote them. */
  readonly sequence: number;
  /** Numbers of the chunks that hold them. */
  readonly chunks: readonly number[];
  /** They were taken before: nothing was stored. */
  readonly isRepeated?: boolean;
}

/** One append that waits for its commit. */
export class Append {
  readonly origin: Origin | undefined;
  readonly chunks = new Set<BufferChunk>();
  /** Why it cannot be written as a whole. */
  error: unknown;
  readonly receipt: Promise<Receipt>;
  #resolve!: (receipt: Receipt) => void;
  #reject!: (error: unknown) => void;

  constructor(origin: Origin | undefined) {
    this.origin = origin;
    this.receipt = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  settle(sequence: number): void {
    if (this.error === undefined) this.#resolve({ sequence, chunks: Array.from(this.chunks, ({ number }) => number) });
    else this.#reject(this.error);
  }
}

/** Commits `appends`, whose bytes are pending in `chunks`, and lets those go on who wait. Gives the bytes given up. */
export function commitGroup(
  appends: readonly Append[],
  chunks: readonly BufferChunk[],
  journal: BufferJournal,
  disk: DiskHealth,
): number {
  const failed = new Map<BufferChunk, unknown>();
  for (const chunk of chunks) {
    try {
      chunk.write();
    } catch (error) {
      failed.set(chunk, error);
    }
  }
  let written = chunks;
  const fail = () => {
    spread(appends, failed);
    written = chunks.filter((chunk) => !failed.has(chunk));
  };
  if (failed.size > 0 || appends.some(({ error }) => error !== undefined)) fail();
  let sequence = 0;
  const sound = appends.filter(({ error }) => error === undefined);
  if (sound.length > 0) {
    try {
      sequence = journal.commit(written, sound);
    } catch (error) {
      for (const append of sound) append.error = error;
      fail();
    }
  }
  let lostBytes = 0;
  for (const chunk of chunks) {
    if (failed.has(chunk)) {
      disk.note(failed.get(chunk));
      lostBytes += chunk.rollBack();
    } else chunk.settle(sequence, journal.synced);
  }
  for (const append of appends) append.settle(sequence);
  return lostBytes;
}

/** What shares a chunk with a failed append, or an append with a failed chunk, fails too. */
function spread(appends: readonly Append[], failed: Map<BufferChunk, unknown>): void {
  for (let isSpreading = true; isSpreading; ) {
    isSpreading = false;
    for (const append of appends) {
      append.error ??= [...append.chunks].map((chunk) => failed.get(chunk)).find((error) => error !== undefined);
      if (append.error === undefined) continue;
      for (const chunk of append.chunks) {
        if (failed.has(chunk)) continue;
        failed.set(chunk, append.error);
        isSpreading = true;
      }
    }
  }
}
