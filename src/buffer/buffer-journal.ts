/**
 * The journal of one buffer: writes what each commit put where and whence it came, remembers what the buffer has taken,
 * and says when that is on the disk. A memory buffer has one too, without a file: it remembers while the process lives.
 */

import type { Clock } from "../clock.ts";
import { BufferIoError } from "../errors.ts";
import type { Origin } from "../event/origin.ts";
import type { Logger } from "../logger.ts";
import type { BufferChunk } from "./buffer-chunk.ts";
import { errorCode, type FileSystem, type Standing } from "./file-system.ts";
import type { Taken } from "./held-chunks.ts";
import { type Expectations, HeldSources } from "./held-sources.ts";
import type { HeldChunk, HeldFile, Holder } from "./holdings.ts";
import { chunkRecord, journalBase } from "./journal-base.ts";
import { JournalFile } from "./journal-file.ts";
import type { GroupRecord, JournalRecord, RecordedSource, RecordedStep } from "./journal-record.ts";
import type { JournalState } from "./journal-state.ts";
import type { ChunkMeta } from "./meta-file.ts";
import { SyncRounds } from "./sync-rounds.ts";
import { UnsyncedFiles } from "./unsynced-files.ts";

export interface BufferJournalOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly expected: () => Expectations;
  readonly fileSystem: FileSystem;
  readonly fileMode: number;
  /** From one round of syncs to the next, at the least. */
  readonly syncPaceMs: number;
  readonly segmentBytes?: number | undefined;
  readonly redoLogBytes: number;
  /** Chunks that are in the buffer. */
  readonly chunks: () => Iterable<BufferChunk>;
  /** What these chunks have from commit `sequence` on may not be on the disk, and never come there. */
  readonly onSyncFailed: (sequence: number, error: unknown) => void;
  /** A round of syncs took so long. */
  readonly onSynced: (seconds: number) => void;
}

/** An append as the journal sees it. */
export interface Committed {
  readonly origin: Origin | undefined;
  readonly chunks: ReadonlySet<BufferChunk>;
}

export class BufferJournal implements Holder {
  readonly #options: BufferJournalOptions;
  readonly #held: HeldSources;
  readonly #live = new Map<number, BufferChunk>();
  #file: JournalFile | undefined;
  #unsynced: UnsyncedFiles | undefined;
  #rounds: SyncRounds | undefined;
  #sequence = 0;
  #lastNumber = 0;
  /** Somebody waits for syncs, or has before. */
  #isSyncing = false;
  /** What became of chunks and could not be written yet. */
  #unwritten: JournalRecord[] = [];
  /** Times that a segment was begun because the one before could not be written, or was gone. */
  #renewals = 0;
  #suspension: string | undefined;
  /** The last segment that was to be begun could not be. */
  #isHeldUp = false;

  constructor(options: BufferJournalOptions) {
    this.#options = options;
    this.#held = new HeldSources(options.expected, () => options.clock.now() / 1000);
  }

  /** Reads what an earlier process wrote beside chunks whose names begin with `prefix`. Throws BufferIoError. */
  read(prefix: string): JournalState {
    this.#file = new JournalFile({ ...this.#options, prefix });
    this.#unsynced = new UnsyncedFiles(this.#options, prefix, this.#file);
    const state = this.#file.read();
    this.#lastNumber = state.lastNumber;
    return state;
  }

  /** Begins a segment of its own, with what was read and is still true; on a full disk the first append tries again. */
  async begin(state: JournalState): Promise<void> {
    const { fileSystem, logger } = this.#options;
    if (!this.#file || !this.#unsynced) return;
    for (const { source, share, ...taken } of state.sources) this.#held.add(source, share, taken);
    this.#sequence = state.sequence;
    this.#isSyncing = state.synced >= 0 || this.#options.expected().isSynced;
    const file = this.#file;
    this.#rounds = new SyncRounds({
      fileSystem,
      files: this.#unsynced,
      // What is there after the machine was lost is on the disk.
      synced: state.isMachineLost(fileSystem.machineStart()) ? state.sequence : state.synced,
      sequence: () => this.#sequence,
      folder: () => file.folder,
      clock: this.#options.clock,
      paceMs: this.#options.syncPaceMs,
      onSynced: (seconds) => {
        this.#options.onSynced(seconds);
        void file.removeOlder().catch((error) => logger.warn("cannot remove a journal", { error }));
      },
      onFailed: (error) => this.#syncFailed(error as BufferIoError),
    });
    this.#unsynced.touchAll(this.#options.chunks());
    try {
      file.begin(this.#base());
      // A chunk without a journal is taken as it is. So the journal must be there before the first chunk.
      await file.sync();
      await fileSystem.sync(file.folder);
      await file.removeOlder();
    } catch (error) {
      logger.error("the buffer takes no events until its journal can be written", { error });
    }
  }

  /** Where its file stands now; undefined when it is closed. */
  get standing(): Standing | undefined {
    return this.#file?.standing;
  }

  /** Counts up whenever the files of the chunks may not be what was written to them. */
  get renewals(): number {
    return this.#renewals;
  }

  /** Takes nothing until `resume` or `renew`: what would be written now would not be found. With `isClosed` its file may be taken away. */
  suspend(reason: string, isClosed = false): void {
    this.#suspension = reason;
    if (!this.#file) return;
    this.#file.isSuspended = true;
    if (!isClosed) return;
    this.#file.close();
    this.#unsynced?.letGo();
  }

  get isSuspended(): boolean {
    return this.#suspension !== undefined;
  }

  /** Claims no more what is not known to be on the disk. */
  forgetUnsynced(): void {
    this.#held.forgetFrom(this.synced + 1);
  }

  /** Its file is in place again: goes on where it was. */
  resume(): void {
    this.#suspension = undefined;
    this.#renewals += 1;
    if (this.#file) this.#file.isSuspended = false;
  }

  /** Writes all that counts into a new segment, whatever became of the old one. Throws BufferIoError. */
  renew(): void {
    this.#beginSegment();
    this.#suspension = undefined;
    this.#renewals += 1;
    this.#unsynced?.touchAll(this.#options.chunks());
  }

  /** Throws BufferIoError when nothing can be written now. */
  probe(): void {
    if (!this.#file) return;
    this.#reopen();
    this.#file.write({ type: "base" });
    this.#writeUnwritten();
  }

  /** Gives the number of a new chunk, before its files are made. Throws BufferIoError. */
  open(meta: ChunkMeta): number {
    const number = ++this.#lastNumber;
    this.#reopen();
    this.#file?.write(chunkRecord(number, meta, { byteSize: 0, size: 0 }));
    return number;
  }

  /** The chunk is in the buffer from now on; one that was found and stands in no journal yet gets a number. */
  add(chunk: BufferChunk, isNew: boolean): void {
    if (chunk.number === 0) chunk.number = ++this.#lastNumber;
    this.#live.set(chunk.number, chunk);
    if (isNew) this.rewritten(chunk);
  }

  /** The chunk's files were made anew. */
  rewritten(chunk: BufferChunk): void {
    this.#unsynced?.touch(chunk);
    this.#rounds?.touchFolder();
  }

  /** Whether what is written may be relied on only once it is synced. */
  get isSyncing(): boolean {
    return this.#isSyncing;
  }

  /** Tells what a chunk's meta file is about to say. Throws BufferIoError. */
  meta(chunk: BufferChunk, { size, modifiedAt }: ChunkMeta): void {
    if (!this.#live.has(chunk.number)) return;
    chunk.noteMeta(size, modifiedAt);
    if (this.#file?.isOpen) this.#file.write({ type: "meta", chunk: chunk.number, size, modifiedAt });
  }

  /** Where a batch was taken before; with one source only, for a batch of several never comes again as it was. */
  find({ sources: [source, second], share }: Origin): Taken | undefined {
    return source && !second ? this.#held.find(source, share) : undefined;
  }

  /** Records what was written to `chunks` for `appends`. Throws BufferIoError; then it does not count. */
  commit(chunks: readonly BufferChunk[], appends: readonly Committed[]): number {
    if (chunks.length === 0 && appends.every(({ origin }) => !origin || origin.sources.length === 0)) {
      return this.#sequence;
    }
    const sequence = this.#sequence + 1;
    const atSeconds = Math.floor(this.#options.clock.now() / 1000);
    const sources: RecordedSource[] = [];
    for (const { origin, chunks: into } of appends) {
      if (!origin) continue;
      this.#isSyncing ||= origin.ackAfter !== "written";
      if (origin.sources.length === 0) continue;
      const numbers = Array.from(into, ({ number }) => number);
      for (const source of origin.sources) sources.push({ source, share: origin.share, chunks: numbers });
    }
    if (this.#file) this.#writeGroup(sequence, atSeconds, chunks, sources);
    this.#sequence = sequence;
    let taken: Taken = { sequence, atSeconds, chunks: [] };
    for (const { source, share, chunks: numbers } of sources) {
      if (taken.chunks !== numbers) taken = { sequence, atSeconds, chunks: numbers };
      this.#held.add(source, share, taken);
    }
    return sequence;
  }

  /** Resolves when what `meta` and `gone` told is as safe as it must be before files change. Throws BufferIoError. */
  async whenKnown(): Promise<void> {
    if (!this.#isSyncing || !this.#file?.isOpen) return;
    this.#sequence += 1;
    this.#writeGroup(this.#sequence, Math.floor(this.#options.clock.now() / 1000), [], []);
    await this.whenSynced(this.#sequence);
  }

  /** A chunk leaves the buffer; its files may be removed then. */
  gone(chunk: BufferChunk, isDelivered: boolean): void {
    if (!this.#live.delete(chunk.number)) return;
    this.#unsynced?.forget(chunk);
    this.#unwritten.push({ type: "gone", chunk: chunk.number, isDelivered });
    this.#writeUnwritten();
  }

  /** The chunk takes no more, although its files could not be renamed. */
  closed(chunk: BufferChunk): void {
    this.#unwritten.push({ type: "closed", chunk: chunk.number });
    this.#writeUnwritten();
  }

  /** The chunk's files have new names. */
  renamed(): void {
    this.#rounds?.touchFolder();
  }

  /** Every commit up to this one is on the disk. */
  get synced(): number {
    return this.#rounds?.synced ?? 0;
  }

  /** Resolves when commit `sequence` is on the disk; at once for a memory buffer. Throws BufferIoError. */
  whenSynced(sequence: number): Promise<void> {
    return this.#rounds?.wait(sequence) ?? Promise.resolve();
  }

  /** Resolves when none of these chunks is in the buffer any more. */
  async whenDelivered(numbers: readonly number[]): Promise<void> {
    for (const number of numbers) await this.#live.get(number)?.whenGone();
  }

  heldChunk(id: string): readonly HeldChunk[] {
    return this.#held.chunk(id);
  }

  heldFile(name: string): HeldFile | undefined {
    return this.#held.file(name);
  }

  forgetFile(name: string): void {
    this.#held.forgetFile(name);
  }

  async whenSafe(id: string, ackAfter: Origin["ackAfter"]): Promise<void> {
    for (const { sequence, chunks } of this.#held.chunk(id)) {
      if (ackAfter === "delivered") await this.whenDelivered(chunks);
      else if (ackAfter === "synced") await this.whenSynced(sequence);
    }
  }

  /** Ends the journal; one that has nothing to say is removed. */
  async close(): Promise<void> {
    this.#writeUnwritten();
    const isEmpty = this.#live.size === 0 && this.#held.isEmpty;
    try {
      if (!isEmpty && this.#isSyncing) await this.#rounds?.finish();
      await this.#unsynced?.close();
      if (isEmpty) await this.#file?.remove();
    } catch (error) {
      this.#options.logger.warn("the journal of a buffer could not be closed in order", { error });
    }
    this.#file?.close();
  }

  #writeGroup(
    sequence: number,
    atSeconds: number,
    chunks: readonly BufferChunk[],
    sources: readonly RecordedSource[],
  ): void {
    const file = this.#file as JournalFile;
    this.#reopen();
    if (file.isDueForRotation) this.#rotate();
    this.#writeUnwritten();
    const steps: RecordedStep[] = [];
    for (const chunk of chunks) {
      const { nextStep, number, ranges } = chunk;
      if (!nextStep) continue;
      steps.push({ chunk: number, ...nextStep });
      this.#rounds?.grow(chunk, nextStep.end - ranges.end);
    }
    const record: GroupRecord = { type: "group", sequence, synced: this.#syncedNow(), atSeconds, steps, sources };
    file.write(record);
  }

  #reopen(): void {
    if (!this.#file || this.#file.isOpen) return;
    if (this.#suspension !== undefined) throw new BufferIoError(this.#suspension);
    this.renew();
  }

  #syncedNow(): number {
    return this.#isSyncing ? this.synced : -1;
  }

  #rotate(): void {
    if (this.#beginNext()) void this.#rounds?.wait(this.#sequence).catch(() => {}); // Older segments go when it is on the disk.
  }

  #beginNext(): boolean {
    try {
      this.#beginSegment();
      this.#isHeldUp = false;
      return true;
    } catch (error) {
      // A folder that is away is asked with each round of syncs.
      if (!this.#isHeldUp) this.#options.logger.warn("the journal of a buffer goes on in its old file", { error });
      this.#isHeldUp = true;
      return false;
    }
  }

  /** With all that counts. Throws BufferIoError. */
  #beginSegment(): void {
    if (!this.#file) return;
    this.#file.begin(this.#base());
    this.#unsynced?.touch(this.#file);
    this.#rounds?.touchFolder();
  }

  #writeUnwritten(): void {
    try {
      for (let record = this.#unwritten[0]; record; record = this.#unwritten[0]) {
        this.#file?.write(record);
        this.#unwritten.shift();
      }
    } catch (error) {
      const code = errorCode((error as Error).cause);
      this.#options.logger.debug("a purge is not in the journal yet", { error: code });
    }
  }

  /**
   * Where inputs wait for syncs, what is on the disk and what is not cannot be told any more: it is taken again when it
   * comes again. A folder that is away takes nothing with it, and where nobody waits nothing was promised. The new segment
   * is synced with what comes next: a disk that stays broken is not asked for ever.
   */
  #syncFailed(error: BufferIoError): void {
    if (this.#isSyncing && errorCode(error.cause) !== "ENOENT") this.forgetUnsynced();
    this.#options.onSyncFailed(this.synced + 1, error);
    // The system tells a failure once: a further sync of the old file would succeed without what it lost.
    this.#beginNext();
  }

  #base(): IterableIterator<JournalRecord> {
    const { chunks, clock } = this.#options;
    const atSeconds = Math.floor(clock.now() / 1000);
    return journalBase(chunks(), this.#held.remembered(), {
      sequence: this.#sequence,
      synced: this.#syncedNow(),
      atSeconds,
    });
  }
}
