/**
 * Looks once a second whether the folder of a buffer is still what it was, and whether a disk that refused takes events
 * again, so that a buffer to which nobody writes heals, too.
 *
 * | seen                                             | done                                                        |
 * |--------------------------------------------------|-------------------------------------------------------------|
 * | the folder was deleted                           | it is made again                                            |
 * | it was moved away, or its disk unmounted         | nothing is taken until it is back; after PATIENCE_MS a      |
 * |                                                  | folder that stands at its path by then is used instead      |
 * | its disk is read-only                            | it is let go, so that it can be unmounted, and tried again  |
 * | it can be used again                             | a new journal, the lock, and chunk files that are missing   |
 * |                                                  | or too short are written again from memory                  |
 *
 * A folder that is gone takes writes without a word, into files that nobody will find. Events that were acknowledged as
 * written in the second before that was seen are in memory; those that memory had no room for are lost with their files,
 * unless these come back.
 */

import type { CancelTimer, Clock } from "../clock.ts";
import { BufferIoError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { BufferChunk } from "./buffer-chunk.ts";
import type { BufferJournal } from "./buffer-journal.ts";
import type { ChunkFolder } from "./chunk-folder.ts";
import type { ChunkRemovals } from "./chunk-removals.ts";
import type { DiskHealth } from "./disk-health.ts";

const INTERVAL_MS = 1000;

/** How long a folder that was moved or unmounted is waited for where another stands in its place. */
const PATIENCE_MS = 60_000;

export interface FolderWatchOptions {
  readonly clock: Clock;
  readonly folder: ChunkFolder;
  readonly journal: BufferJournal;
  readonly removals: ChunkRemovals;
  readonly disk: DiskHealth;
  readonly logger: Logger;
  readonly fileMode: number;
  /** Chunks that are in the buffer. */
  readonly chunks: () => Iterable<BufferChunk>;
  /** Takes no more into a staged chunk. */
  readonly close: (chunk: BufferChunk) => void;
  /** The disk takes events again. */
  readonly onHealed: () => void;
}

export class FolderWatch {
  readonly #options: FolderWatchOptions;
  /** Of the journal, when the files of the chunks were last known to be right. */
  #renewals: number;
  /** Since when the folder cannot be used. */
  #lostSinceMs: number | undefined;
  #isLocking = false;

  constructor(options: FolderWatchOptions) {
    this.#options = options;
    this.#renewals = options.journal.renewals;
  }

  /** What is missing in the folder may come back with it. */
  get isLost(): boolean {
    if (this.#lostSinceMs === undefined) this.look();
    return this.#lostSinceMs !== undefined;
  }

  start(): CancelTimer {
    return this.#options.clock.every(INTERVAL_MS, () => this.look());
  }

  look(): void {
    const { disk, journal, removals, onHealed } = this.#options;
    try {
      this.#lookAtFolder();
      if (this.#lostSinceMs !== undefined) return;
      if (disk.isFailing) {
        journal.probe();
        this.#options.folder.probe();
      }
      if (disk.isFailing || journal.renewals !== this.#renewals) this.#checkFiles();
    } catch (error) {
      disk.note(error);
    }
    removals.retry();
    if (disk.look()) onHealed();
  }

  /** Throws BufferIoError and the system's errors. */
  #lookAtFolder(): void {
    const { clock, disk, folder, journal } = this.#options;
    const { standing } = journal;
    if (this.#lostSinceMs === undefined) {
      if (disk.isReadOnly) this.#lose("its disk is read-only", true);
      else if (standing !== undefined && standing !== "in place") this.#lose(`it is ${standing}`, false);
      return;
    }
    if (standing === "in place") this.#find(() => journal.resume());
    else if (standing === "deleted") this.#find(() => this.#moveIn());
    else if (standing === undefined && folder.isThere) this.#find(() => this.#moveIn());
    else if (folder.isThere && clock.monotonic() - this.#lostSinceMs >= PATIENCE_MS) this.#find(() => this.#moveIn());
    else disk.note(new BufferIoError(`the buffer folder ${folder.location} is gone`));
  }

  #lose(how: string, isLetGo: boolean): void {
    const { clock, folder, journal, logger } = this.#options;
    const path = folder.location;
    this.#lostSinceMs = clock.monotonic();
    journal.suspend(`the buffer folder ${path} cannot be used: ${how}`, isLetGo);
    folder.letGo(isLetGo);
    logger.error(`the buffer folder cannot be used: ${how}. No events are taken until it can`, { path });
    if (!isLetGo) this.#lookAtFolder();
  }

  #find(use: () => void): void {
    const { folder, logger } = this.#options;
    use();
    this.#lostSinceMs = undefined;
    logger.warn("the buffer folder is used again", { path: folder.location });
    if (!this.#isLocking) void this.#relock();
  }

  #moveIn(): void {
    const { folder, journal } = this.#options;
    folder.make();
    journal.renew();
  }

  async #relock(): Promise<void> {
    const { disk, folder } = this.#options;
    this.#isLocking = true;
    try {
      await folder.relock();
    } catch (error) {
      disk.note(error);
      this.#lose("another agent has taken it", true);
    }
    this.#isLocking = false;
  }

  /** Chunks whose files are missing or too short are written again from memory. Throws BufferIoError. */
  #checkFiles(): void {
    const { renewals } = this.#options.journal;
    let failure: unknown;
    for (const chunk of [...this.#options.chunks()]) {
      try {
        this.#check(chunk);
      } catch (error) {
        failure = error;
      }
    }
    if (failure !== undefined) throw failure;
    this.#renewals = renewals;
  }

  #check(chunk: BufferChunk): void {
    const { close, fileMode, journal, logger } = this.#options;
    if (!chunk.file || chunk.hasWholeFile) return;
    const { path } = chunk.file;
    if (chunk.restore(fileMode)) {
      journal.rewritten(chunk);
      logger.warn("the file of a buffer chunk was missing or too short, and is written again from memory", { path });
      return;
    }
    if (chunk.state === "staged") close(chunk);
    if (chunk.isUnverified) return;
    chunk.isUnverified = true;
    journal.forgetUnsynced(); // Senders that were not told may still have them.
    const what = "the file of a buffer chunk is missing or too short, and its events are not in memory: they are lost";
    logger.error(`${what} unless it comes back before they are sent`, { path, events: chunk.size });
  }
}
