/**
 * The buffer of one output: staged chunks by metadata, a queue of full or due ones, and those taken to be sent.
 *
 * Appends of one turn of the event loop are written together: one write per chunk and one in the journal, then all who
 * wait go on. A chunk leaves only by purge. Meta files are kept off this path (meta-writer.ts): id, tag and keys never
 * change; only counts lag, and the journal knows them.
 *
 * Limits: total_limit_size over all chunks, checked before each append; memory for file chunks RETAINED_LIMIT_BYTES.
 * Source: fluentd 1.18 buffer.rb; COMPAT 4.3.
 */

import type { CancelTimer } from "../clock.ts";
import { BufferOverflowError, StoppingError, UnrecoverableError } from "../errors.ts";
import type { Origin } from "../event/origin.ts";
import type { Batch } from "./batch.ts";
import type { BufferChunk } from "./buffer-chunk.ts";
import { BufferJournal } from "./buffer-journal.ts";
import { type BufferStats, bufferStats } from "./buffer-stats.ts";
import { RetainedMemory } from "./byte-blocks.ts";
import type { ChunkMetadata } from "./chunk.ts";
import { type ChunkBufferOptions, RETAINED_LIMIT_BYTES, SYNC_PACE_MS } from "./chunk-buffer-options.ts";
import { ChunkCheck } from "./chunk-check.ts";
import type { Piece } from "./chunk-encoder.ts";
import { hasRoom, isFull } from "./chunk-limits.ts";
import { ChunkMaker } from "./chunk-maker.ts";
import { ChunkQueue } from "./chunk-queue.ts";
import { ChunkRanges } from "./chunk-ranges.ts";
import { type BufferFound, type RecoveredChunk, recoverChunks } from "./chunk-recovery.ts";
import { ChunkRemovals } from "./chunk-removals.ts";
import { DiskHealth } from "./disk-health.ts";
import { FolderWatch } from "./folder-watch.ts";
import { Append, commitGroup, type Receipt } from "./group-commit.ts";
import { MetaWriter } from "./meta-writer.ts";
import { REDO_LOG_BYTES } from "./redo-log.ts";

/** So much is written at once, without waiting for the end of the turn: it is still in the processor's cache then. */
const COMMIT_BYTES = 512 * 1024;

export class ChunkBuffer {
  readonly #options: ChunkBufferOptions;
  readonly #memory: RetainedMemory;
  readonly #disk: DiskHealth;
  readonly #check: ChunkCheck;
  readonly #stage = new Map<string, BufferChunk>();
  readonly #queue = new ChunkQueue();
  readonly #maker: ChunkMaker;
  readonly #metas: MetaWriter;
  /** What it has taken, and from where. */
  readonly journal: BufferJournal;
  /** Appends that are not committed yet, and the chunks that they went into. */
  #appends: Append[] = [];
  readonly #pending = new Set<BufferChunk>();
  #pendingBytes = 0;
  /** Chunks that are to be queued once they are committed. */
  #closing: BufferChunk[] = [];
  /** Files of chunks that have left. */
  readonly removals: ChunkRemovals;
  /** Bytes of all chunks that are not purged. */
  #bytes = 0;
  #commit: NodeJS.Immediate | undefined;
  #watch: FolderWatch | undefined;
  #timers: readonly CancelTimer[] = [];
  /** Compressing appends go one behind the other, so that their order stays. */
  #encoding: Promise<unknown> = Promise.resolve();

  constructor(options: ChunkBufferOptions) {
    this.#options = options;
    const fileLimit = options.retainedLimitBytes ?? RETAINED_LIMIT_BYTES;
    this.#disk = new DiskHealth(options.counters, options.logger);
    this.#check = new ChunkCheck(options);
    this.#memory = new RetainedMemory(options.folder ? fileLimit : Number.POSITIVE_INFINITY);
    this.journal = new BufferJournal({
      ...options,
      syncPaceMs: options.syncPaceMs ?? SYNC_PACE_MS,
      redoLogBytes: options.redoLogBytes ?? REDO_LOG_BYTES,
      chunks: () => this.#all(),
      onSyncFailed: (sequence, error) => this.#syncFailed(sequence, error),
      onSynced: (seconds) => options.counters.observe("sync_seconds", seconds),
    });
    this.#metas = new MetaWriter(this.journal, this.#disk, () => this.#all());
    this.removals = new ChunkRemovals(this.journal, this.#disk, options.logger, options.beforeRemoval ?? (() => {}));
    this.#maker = new ChunkMaker(options, this.#memory, this.journal);
  }

  get isPersistent(): boolean {
    return this.#options.folder !== undefined;
  }

  /** The disk refused the last appends. */
  get isFailing(): boolean {
    return this.#disk.isFailing;
  }

  /** The folder is away, and may come back. */
  get isFolderLost(): boolean {
    return this.#watch?.isLost ?? false;
  }

  /** Room for a further append, whatever its size: the limit may be overshot by one. */
  get isStorable(): boolean {
    return this.#bytes < this.#options.totalLimitBytes;
  }

  /** Chunks that can be taken. */
  get queueLength(): number {
    return this.#queue.length;
  }

  staged(): IterableIterator<BufferChunk> {
    return this.#stage.values();
  }

  /** Events that chunks of an earlier process had more than they said. */
  get recountedEvents(): number {
    return this.#check.recountedEvents;
  }

  /** Takes over what an earlier process left; says what it found in a folder. Throws BufferIoError when the folder cannot be used. */
  async start(): Promise<BufferFound | undefined> {
    const { backup, folder, clock, counters, fileSystem, logger } = this.#options;
    if (!folder) return undefined;
    await folder.open();
    await folder.redo();
    const state = this.journal.read(folder.prefix);
    const isMachineLost = state.isMachineLost(fileSystem.machineStart());
    const found = await folder.resume(state);
    const machineStartedAtMs = fileSystem.machineStartedAtMs();
    const { chunks, delivered } = await recoverChunks(found, state, {
      isMachineLost,
      machineStartedAtMs,
      logger,
      backup,
    });
    for (const chunk of chunks) await this.#adopt(chunk);
    this.#queue.sort();
    counters.add("chunks_resumed", this.#queue.length + this.#stage.size);
    await this.journal.begin(state);
    await this.#metas.write(); // Those that were missing or broken: the old journal knew better, the new one may not.
    this.#watch = new FolderWatch({
      ...this.#options,
      folder,
      journal: this.journal,
      removals: this.removals,
      disk: this.#disk,
      chunks: () => this.#all(),
      close: (chunk) => this.enqueue(chunk),
      onHealed: this.#options.onSpace,
    });
    this.#timers = [this.#metas.start(clock), this.#watch.start()];
    return { prefix: folder.prefix, isMachineLost, isSynced: state.synced >= 0, delivered };
  }

  /**
   * Stores every batch; with `enqueue` their chunks are queued at once. Resolves when all bytes are written, or were
   * before: `safe` tells when that is worth more. The batches of one call count together or not at all.
   * Throws BufferOverflowError when the buffer is full, BufferIoError when the disk refuses.
   */
  async append(batches: readonly Batch[], enqueue: boolean, origin?: Origin): Promise<Receipt> {
    const taken = origin && this.journal.find(origin);
    if (taken) {
      for (const { events } of batches) this.#options.counters.add("repeated_events", events.size);
      return { ...taken, isRepeated: true };
    }
    if (!this.isStorable) throw new BufferOverflowError("buffer space has too many data");
    const encoded = batches.map(({ tag, events }) => this.#options.encoder.encode(tag, events));
    const append = encoded.some((pieces) => pieces instanceof Promise)
      ? await this.#inOrder(encoded, (pieces) => this.#storeAll(batches, pieces, enqueue, origin))
      : this.#storeAll(batches, encoded as Piece[][], enqueue, origin);
    return append.receipt;
  }

  /** Resolves when what was taken is as safe as `ackAfter` says. Throws BufferIoError, or why it was dropped. */
  async safe({ sequence, chunks }: Receipt, ackAfter: Origin["ackAfter"]): Promise<void> {
    if (ackAfter === "synced") await this.journal.whenSynced(sequence);
    else if (ackAfter === "delivered") await this.journal.whenDelivered(chunks);
  }

  /** Moves a staged chunk to the end of the queue. Other chunks go on being appended to. */
  enqueue(chunk: BufferChunk): void {
    this.#close(chunk);
    this.#commitPending();
  }

  enqueueAll(): void {
    for (const chunk of [...this.#stage.values()]) this.#close(chunk);
    this.#commitPending();
  }

  /** The head of the queue, to be sent; it must be purged or taken back. */
  take(): BufferChunk | undefined {
    return this.#queue.take();
  }

  /** Puts a taken chunk back where it was, or aside until `rejoin`. False when it is not taken any more. */
  takeBack(chunk: BufferChunk, isAside = false): boolean {
    return this.#queue.takeBack(chunk, isAside);
  }

  rejoin(chunk: BufferChunk): void {
    this.#queue.rejoin(chunk);
  }

  /**
   * Forgets a taken chunk and removes its files. False when it is not taken any more. `evacuated` says that its files
   * are elsewhere and may be put back, `dropped` that nobody has its events.
   */
  purge(chunk: BufferChunk, outcome: "delivered" | "evacuated" | "dropped" = "delivered"): boolean {
    if (!this.#queue.letGo(chunk)) return false;
    this.#discard(chunk, outcome);
    this.#options.onSpace();
    return true;
  }

  /** Looks through a chunk that an earlier process queued. Throws BufferIoError, ChunkBrokenError. */
  async verify(chunk: BufferChunk): Promise<void> {
    this.#bytes -= await this.#check.check(chunk);
  }

  stats(): BufferStats {
    return bufferStats({
      staged: [...this.#stage.values()],
      queue: this.#queue,
      totalBytes: this.#bytes,
      totalLimitBytes: this.#options.totalLimitBytes,
      retainedBytes: this.#memory.bytes,
      diskFailure: this.#disk.failure,
      folder: this.#options.folder?.location,
    });
  }

  /** Writes what is pending, closes every file, removes empty chunks, unlocks the folder. The chunks on disk stay. */
  async close(): Promise<void> {
    for (const cancel of this.#timers) cancel();
    this.#commitPending();
    await this.#metas.write();
    for (const chunk of [...this.#all()]) {
      if (chunk.byteSize === 0) this.#discard(chunk, "delivered");
      chunk.leave(new StoppingError("the buffer was closed before the chunk was delivered"));
      chunk.file?.close();
      chunk.releaseMemory();
    }
    await this.removals.done();
    await this.journal.close();
    this.#options.folder?.close();
  }

  #inOrder<T>(encoded: readonly (Piece[] | Promise<Piece[]>)[], store: (pieces: Piece[][]) => T): Promise<T> {
    const ready = Promise.all(encoded);
    const stored = this.#encoding.then(async () => store(await ready));
    this.#encoding = stored.catch(() => {});
    return stored;
  }

  #storeAll(
    batches: readonly Batch[],
    pieces: readonly Piece[][],
    enqueue: boolean,
    origin: Origin | undefined,
  ): Append {
    const append = new Append(origin);
    this.#appends.push(append);
    try {
      for (const [index, batch] of batches.entries()) {
        for (const piece of pieces[index] as Piece[]) {
          if (piece.bytes.length > 0) this.#store(batch, piece, append);
        }
      }
    } catch (error) {
      append.error = error;
    }
    if (enqueue) {
      for (const { key } of batches) {
        const chunk = this.#stage.get(key);
        if (chunk) this.#close(chunk);
      }
    }
    if (this.#closing.length > 0 || this.#pendingBytes >= COMMIT_BYTES) this.#commitPending();
    else this.#commit ??= setImmediate(() => this.#commitPending());
    return append;
  }

  #store({ metadata, key }: Batch, piece: Piece, append: Append): void {
    const { bytes, size } = piece;
    let chunk = this.#stage.get(key);
    if (chunk && !hasRoom(chunk, bytes.length, size, this.#options)) {
      this.#close(chunk);
      chunk = undefined;
    }
    chunk ??= this.#stageNew(metadata, key);
    chunk.append(piece, this.#options.clock.now());
    this.#bytes += bytes.length;
    this.#pendingBytes += bytes.length;
    this.#pending.add(chunk);
    append.chunks.add(chunk);
    if (isFull(chunk, this.#options)) this.#close(chunk);
  }

  #stageNew(metadata: ChunkMetadata, key: string): BufferChunk {
    try {
      const chunk = this.#maker.create(metadata, key);
      this.#stage.set(key, chunk);
      return chunk;
    } catch (error) {
      this.#disk.note(error);
      throw error;
    }
  }

  /** Takes no more; the next commit queues it. */
  #close(chunk: BufferChunk): void {
    this.#stage.delete(chunk.key);
    this.#closing.push(chunk);
  }

  #commitPending(): void {
    if (this.#commit) clearImmediate(this.#commit);
    this.#commit = undefined;
    const appends = this.#appends;
    const chunks = [...this.#pending];
    this.#appends = [];
    this.#pendingBytes = 0;
    this.#pending.clear();
    const lostBytes = appends.length > 0 ? commitGroup(appends, chunks, this.journal, this.#disk) : 0;
    const closing = this.#closing;
    this.#closing = []; // Not before: until here the journal must know them.
    for (const chunk of closing) {
      if (chunk.byteSize === 0) this.#discard(chunk, "delivered");
      else this.#queueChunk(chunk);
    }
    this.#bytes -= lostBytes;
    if (lostBytes > 0) this.#options.onSpace();
    if (closing.length > 0) this.#options.onQueued();
  }

  #queueChunk(chunk: BufferChunk): void {
    this.#queue.push(chunk);
    // When the rename fails the chunk is sent all the same; by its name a restart would add to it.
    const isRenamed = this.#disk.guard("can't enqueue buffer file", () => {
      const meta = this.journal.isSyncing ? undefined : chunk.meta;
      if (meta) this.journal.meta(chunk, meta);
      chunk.file?.enqueue(meta);
      if (meta) chunk.isMetaStale = false;
      this.journal.renamed();
    });
    if (!isRenamed) this.journal.closed(chunk);
  }

  #discard(chunk: BufferChunk, outcome: "delivered" | "evacuated" | "dropped"): void {
    chunk.state = "closed";
    this.#bytes -= chunk.byteSize;
    this.journal.gone(chunk, outcome !== "evacuated");
    chunk.leave(outcome === "dropped" ? new UnrecoverableError("the chunk was dropped") : undefined);
    chunk.releaseMemory(true); // Its delivery has ended, so nobody reads its blocks any more.
    if (chunk.file) this.removals.begin(chunk.file, chunk.id.toString("hex"));
  }

  async #adopt(recovered: RecoveredChunk): Promise<void> {
    const chunk = this.#maker.adopt(recovered);
    const { key } = chunk;
    this.#bytes += chunk.byteSize;
    if (chunk.state === "queued") {
      this.#queue.push(chunk);
      return;
    }
    if (chunk.number === 0) {
      await this.verify(chunk);
      chunk.ranges = new ChunkRanges({ byteSize: chunk.byteSize, size: chunk.size });
      this.journal.add(chunk, false);
    }
    if (chunk.byteSize === 0) this.#discard(chunk, "delivered");
    else if (this.#stage.has(key) || isFull(chunk, this.#options)) this.#queueChunk(chunk);
    else this.#stage.set(key, chunk);
  }

  *#all(): IterableIterator<BufferChunk> {
    yield* this.#stage.values();
    yield* this.#closing;
    yield* this.#queue;
  }

  /** What may be lost with the power is sent from memory, as soon as may be; nothing is added to it. */
  #syncFailed(sequence: number, error: unknown): void {
    if (!this.#disk.isFailing) {
      this.#options.logger.error("failed to sync the buffer: what was not synced is not acknowledged", { error });
    }
    this.#disk.note(error);
    for (const chunk of [...this.#stage.values()]) if (chunk.ranges.lastSequence >= sequence) this.enqueue(chunk);
  }
}
