/**
 * Which files have bytes that a loss of power would take, and how a round of syncs brings these to the disk: a file is
 * synced by itself, or, where several have grown by a little, what they have grown by goes into the redo log, and that is
 * synced. Few events a second, which are a few bytes in the journal and in one chunk, cost one sync so instead of two;
 * with 200 tags and acks after a sync that spares a quarter of all CPU, and a third of the waiting.
 *
 * A file is covered while only the redo log has some of its bytes. When that is full, covered files are synced by
 * themselves, chunks that are delivered by then excepted, and it begins again.
 */

import { REDO_PIECE_BYTES, RedoLog, type RedoLogOptions, type RedoPiece } from "./redo-log.ts";

/** A file that bytes are added to, and whose bytes never change: a chunk's, or the journal's segment. */
export interface GrowingFile {
  /** Its name in the redo log. */
  readonly id: Buffer;
  /** Bytes that count. */
  readonly committedBytes: number;
  /** It needs no sync any more. */
  readonly isGone?: boolean;
  /** Fills `target` with what was written to it a moment ago, from `start` on. Throws when it is not there. */
  readNow(target: Buffer, start: number): void;
  /** Rejects with the system's errors. */
  sync(): Promise<void>;
}

/** With one the redo log would be as many files to sync, and more bytes. */
const LEAST_PIECES = 2;

/** Files that one round makes safe, with the bytes of each that are safe then. */
export interface UnsyncedRound {
  /** Synced by themselves. */
  readonly own: ReadonlyMap<GrowingFile, number>;
  /** In the redo log. */
  readonly redone: ReadonlyMap<GrowingFile, number>;
  /** The redo log was made for them: its name is to be synced, too. */
  readonly isLogNew: boolean;
}

export class UnsyncedFiles {
  readonly #redoLog: RedoLog;
  readonly #journal: GrowingFile;
  /** Those that are not safe, and whether only a sync of their own file makes them so. */
  #dirty = new Map<GrowingFile, boolean>();
  /** How many bytes of each are safe. */
  readonly #safeBytes = new Map<GrowingFile, number>();
  readonly #covered = new Set<GrowingFile>();

  /** `prefix` is what chunk file names begin with, with their folder; `journal` grows with every round. */
  constructor(options: RedoLogOptions, prefix: string, journal: GrowingFile) {
    this.#journal = journal;
    this.#redoLog = new RedoLog(options, prefix);
  }

  /** It is new, or may not have what was written to it: it must be synced itself. */
  touch(file: GrowingFile): void {
    if (!file.isGone) this.#dirty.set(file, true);
  }

  /** Bytes were added to it. */
  grow(file: GrowingFile): void {
    if (!this.#dirty.has(file)) this.#dirty.set(file, false);
  }

  /** It is not there any more. */
  forget(file: GrowingFile): void {
    this.#dirty.delete(file);
    this.#safeBytes.delete(file);
    this.#covered.delete(file);
  }

  /** Every file, and the redo log, may be others than before. */
  touchAll(files: Iterable<GrowingFile>): void {
    for (const file of files) this.touch(file);
    this.letGo();
  }

  /** Has no file open, so that its disk can be unmounted. The redo log is made anew when it is not needed as it is. */
  letGo(): void {
    this.uncover();
    this.#redoLog.close();
  }

  /** What to sync now. Pieces for the redo log are written to it. */
  begin(): UnsyncedRound {
    const own = new Map<GrowingFile, number>();
    const redone = new Map<GrowingFile, number>();
    const pieces: RedoPiece[] = [];
    const wasOpen = this.#redoLog.isOpen;
    this.grow(this.#journal);
    if (this.#redoLog.isFull) this.uncover();
    for (const [file, isTouched] of this.#dirty) {
      const piece = isTouched ? undefined : this.#pieceOf(file);
      if (piece) pieces.push(piece);
      (piece ? redone : own).set(file, file.committedBytes);
    }
    this.#dirty = new Map();
    if (redone.size > 0 && !this.#redo(pieces)) {
      for (const [file, byteSize] of redone) own.set(file, byteSize);
      redone.clear();
    }
    return { own, redone, isLogNew: this.#redoLog.isOpen && !wasOpen };
  }

  /** The syncs that the round needs, all of them begun. */
  syncs({ own, redone }: UnsyncedRound): Promise<void>[] {
    const syncs = Array.from(own.keys(), (file) => file.sync());
    if (redone.size > 0) syncs.push(this.#redoLog.sync());
    return syncs;
  }

  /** The round's syncs have succeeded. */
  succeeded({ own, redone }: UnsyncedRound): void {
    for (const [file, byteSize] of own) this.#settle(file, byteSize, false);
    for (const [file, byteSize] of redone) this.#settle(file, byteSize, true);
    if (this.#covered.size === 0) this.#redoLog.restart();
  }

  /** Nobody knows what is on the disk: the next round syncs each file itself. */
  failed({ own, redone }: UnsyncedRound): void {
    for (const file of [...own.keys(), ...redone.keys()]) this.touch(file);
    this.letGo();
  }

  /** Some files are safe by the redo log only. */
  get isCovering(): boolean {
    return this.#covered.size > 0;
  }

  /** The next round syncs all files that have something in the redo log, or would have. */
  uncover(): void {
    for (const file of [...this.#covered, ...this.#dirty.keys()]) this.touch(file);
  }

  /** Removes the redo log, unless it is needed. */
  async close(): Promise<void> {
    if (this.#covered.size === 0) await this.#redoLog.remove();
    else this.#redoLog.close();
  }

  /** What the redo log has to take, where that is enough. */
  #pieceOf(file: GrowingFile): RedoPiece | undefined {
    const start = this.#safeBytes.get(file);
    if (start === undefined) return undefined;
    const { id } = file;
    const byteSize = file.committedBytes - start;
    return byteSize > REDO_PIECE_BYTES
      ? undefined
      : { id, start, byteSize, read: (target) => file.readNow(target, start) };
  }

  /** False when it is not worth it, or not possible: what cannot be written must be synced the other way. */
  #redo(pieces: readonly RedoPiece[]): boolean {
    if (pieces.length < LEAST_PIECES) return false;
    try {
      this.#redoLog.write(pieces);
      return true;
    } catch {
      return false;
    }
  }

  #settle(file: GrowingFile, byteSize: number, isCovered: boolean): void {
    if (file.isGone) return;
    this.#safeBytes.set(file, byteSize);
    if (isCovered) this.#covered.add(file);
    else this.#covered.delete(file);
  }
}
