/**
 * Which chunks have bytes that a loss of power would take, and how a round of syncs brings these to the disk: a chunk's
 * file is synced by itself, or, where several have grown by a little, what they have grown by goes into the redo log, and
 * that is synced. With 200 tags and acks after a sync that spares a quarter of all CPU, and a third of the waiting.
 *
 * A chunk is covered while only the redo log has some of its bytes. When that is full, covered chunks are synced by
 * themselves, if they are not delivered by then, and it begins again.
 */

import type { BufferChunk } from "./buffer-chunk.ts";
import { REDO_PIECE_BYTES, RedoLog, type RedoLogOptions, type RedoPiece } from "./redo-log.ts";

/** With fewer chunks the redo log would be one more file to sync, or as many. */
const LEAST_CHUNKS = 3;

/** Chunks that one round makes safe, with the bytes of each that are safe then. */
export interface UnsyncedRound {
  /** Synced by themselves. */
  readonly own: ReadonlyMap<BufferChunk, number>;
  /** In the redo log. */
  readonly redone: ReadonlyMap<BufferChunk, number>;
  /** The redo log was made for them: its name is to be synced, too. */
  readonly isLogNew: boolean;
}

export class UnsyncedChunks {
  readonly #redoLog: RedoLog;
  /** Those that are not safe, and whether only a sync of their own file makes them so. */
  #dirty = new Map<BufferChunk, boolean>();
  /** How many bytes of each are safe. */
  readonly #safeBytes = new Map<BufferChunk, number>();
  readonly #covered = new Set<BufferChunk>();

  /** `prefix` is what chunk file names begin with, with their folder. */
  constructor(options: RedoLogOptions, prefix: string) {
    this.#redoLog = new RedoLog(options, prefix);
  }

  /** Its file is new, or may not have what was written to it: it must be synced itself. */
  touch(chunk: BufferChunk): void {
    if (chunk.state !== "closed") this.#dirty.set(chunk, true);
  }

  /** Bytes were added to its file. */
  grow(chunk: BufferChunk): void {
    if (!this.#dirty.has(chunk)) this.#dirty.set(chunk, false);
  }

  /** Its file is gone. */
  forget(chunk: BufferChunk): void {
    this.#dirty.delete(chunk);
    this.#safeBytes.delete(chunk);
    this.#covered.delete(chunk);
  }

  /** Every file, and the redo log, may be others than before. */
  touchAll(chunks: Iterable<BufferChunk>): void {
    for (const chunk of chunks) this.touch(chunk);
    this.letGo();
  }

  /** Has no file open, so that its disk can be unmounted. The redo log is made anew when it is not needed as it is. */
  letGo(): void {
    this.uncover();
    this.#redoLog.close();
  }

  /** What to sync now. Pieces for the redo log are written to it. */
  begin(): UnsyncedRound {
    const own = new Map<BufferChunk, number>();
    const redone = new Map<BufferChunk, number>();
    const pieces: RedoPiece[] = [];
    const wasOpen = this.#redoLog.isOpen;
    if (this.#redoLog.isFull) this.uncover();
    for (const [chunk, isTouched] of this.#dirty) {
      const piece = isTouched ? undefined : this.#pieceOf(chunk);
      if (piece) pieces.push(piece);
      (piece ? redone : own).set(chunk, chunk.ranges.end);
    }
    this.#dirty = new Map();
    if (redone.size > 0 && !this.#redo(pieces)) {
      for (const [chunk, byteSize] of redone) own.set(chunk, byteSize);
      redone.clear();
    }
    return { own, redone, isLogNew: this.#redoLog.isOpen && !wasOpen };
  }

  /** The syncs that the round needs, all of them begun. */
  syncs({ own, redone }: UnsyncedRound): Promise<void>[] {
    const syncs = Array.from(own.keys(), ({ file }) => file?.sync() ?? Promise.resolve());
    if (redone.size > 0) syncs.push(this.#redoLog.sync());
    return syncs;
  }

  /** The round's syncs have succeeded. */
  succeeded({ own, redone }: UnsyncedRound): void {
    for (const [chunk, byteSize] of own) this.#settle(chunk, byteSize, false);
    for (const [chunk, byteSize] of redone) this.#settle(chunk, byteSize, true);
    if (this.#covered.size === 0) this.#redoLog.restart();
  }

  /** Nobody knows what is on the disk: the next round syncs each chunk itself. */
  failed({ own, redone }: UnsyncedRound): void {
    for (const chunk of [...own.keys(), ...redone.keys()]) this.touch(chunk);
    this.letGo();
  }

  /** Some chunks are safe by the redo log only. */
  get isCovering(): boolean {
    return this.#covered.size > 0;
  }

  /** The next round syncs the files of all chunks that have something in the redo log, or would have. */
  uncover(): void {
    for (const chunk of [...this.#covered, ...this.#dirty.keys()]) this.touch(chunk);
  }

  /** Removes the redo log, unless it is needed. */
  async close(): Promise<void> {
    if (this.#covered.size === 0) await this.#redoLog.remove();
    else this.#redoLog.close();
  }

  /** What the redo log has to take, where that is enough. */
  #pieceOf(chunk: BufferChunk): RedoPiece | undefined {
    const { file, id, ranges } = chunk;
    const start = this.#safeBytes.get(chunk);
    if (!file || start === undefined) return undefined;
    const byteSize = ranges.end - start;
    return byteSize > REDO_PIECE_BYTES
      ? undefined
      : { id, start, byteSize, read: (target) => file.readNow(target, start) };
  }

  /** False when it is not worth it, or not possible: what cannot be written must be synced the other way. */
  #redo(pieces: readonly RedoPiece[]): boolean {
    if (pieces.length < LEAST_CHUNKS) return false;
    try {
      this.#redoLog.write(pieces);
      return true;
    } catch {
      return false;
    }
  }

  #settle(chunk: BufferChunk, byteSize: number, isCovered: boolean): void {
    if (chunk.state === "closed") return;
    this.#safeBytes.set(chunk, byteSize);
    if (isCovered) this.#covered.add(chunk);
    else this.#covered.delete(chunk);
  }
}
