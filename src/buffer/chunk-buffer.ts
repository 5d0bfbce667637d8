/**
 * The buffer of one output: staged chunks by metadata, a queue of full or due ones, and those taken to be sent.
 *
 * An append resolves when its bytes are written to the chunk's file (or at once without one). Appends of one turn of
 * the event loop are written together: one write per chunk, then all who wait go on. A chunk leaves only by purge.
 * Meta files are kept off this path: they are written when a chunk is made, enqueued, closed, and about once a second
 * while it grows. That is safe because id, tag and keys never change; only counts lag, and a resume counts again.
 *
 * Limits: total_limit_size over all chunks, checked before each append; memory for file chunks RETAINED_LIMIT_BYTES.
 * Source: fluentd 1.18 buffer.rb; COMPAT 4.3.
 */

import type { Clock } from "../clock.ts";
import type { Counters } from "../counters.ts";
import { BufferOverflowError } from "../errors.ts";
import type { EventStream } from "../event/event-stream.ts";
import type { Logger } from "../logger.ts";
import { BufferChunk, type ResumedContent } from "./buffer-chunk.ts";
import { type BufferStats, bufferStats } from "./buffer-stats.ts";
import { RetainedMemory } from "./byte-blocks.ts";
import type { Chunk, ChunkMetadata } from "./chunk.ts";
import type { ChunkBackup } from "./chunk-backup.ts";
import type { ChunkEncoder, Piece } from "./chunk-encoder.ts";
import type { ChunkFolder, FoundChunk } from "./chunk-folder.ts";
import { createChunkId } from "./chunk-id.ts";
import { metadataKey } from "./chunk-metadata.ts";
import { DiskHealth } from "./disk-health.ts";
import { findEntries } from "./torn-tail.ts";

/** Bytes of file chunks that are also kept in memory, over all chunks of one buffer. */
const RETAINED_LIMIT_BYTES = 32 * 1024 * 1024;

/** How often stale meta files are rewritten, and how many at a time. */
const META_INTERVAL_MS = 1000;
const META_PER_INTERVAL = 256;

export interface ChunkBufferOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly encoder: ChunkEncoder;
  readonly backup: ChunkBackup;
  /** Absent for a memory buffer. */
  readonly folder: ChunkFolder | undefined;
  readonly compression: Chunk["compression"];
  readonly decompressionLimitBytes: number;
  readonly chunkLimitBytes: number;
  readonly chunkLimitRecords: number | undefined;
  /** A share of the limits from which a chunk counts as full. */
  readonly chunkFullThreshold: number;
  readonly totalLimitBytes: number;
  /** Chunks hold msgpack entries, plain: a resumed one can be walked. */
  readonly isWalkable: boolean;
  readonly retainedLimitBytes?: number;
  /** Told after chunks came into the queue. */
  readonly onQueued: () => void;
  /** Told after room was made. */
  readonly onSpace: () => void;
}

/** Events that go into the chunk of this metadata. */
export interface Batch {
  /** Of the events; the metadata has it only where it is a chunk key. */
  readonly tag: string;
  readonly metadata: ChunkMetadata;
  /** `metadataKey(metadata)`. */
  readonly key: string;
  readonly events: EventStream;
}

export class ChunkBuffer {
  readonly #options: ChunkBufferOptions;
  readonly #memory: RetainedMemory;
  readonly #disk: DiskHealth;
  readonly #stage = new Map<string, BufferChunk>();
  readonly #queue: BufferChunk[] = [];
  readonly #taken = new Set<BufferChunk>();
  /** Chunks with appends that are not written yet. */
  readonly #pending = new Set<BufferChunk>();
  readonly #removals = new Set<Promise<void>>();
  /** Bytes of all chunks that are not purged. */
  #bytes = 0;
  #nextOrder = 0;
  #commit: NodeJS.Immediate | undefined;
  #cancelMetaTimer: (() => void) | undefined;
  /** Compressing appends go one behind the other, so that their order stays. */
  #encoding: Promise<unknown> = Promise.resolve();

  constructor(options: ChunkBufferOptions) {
    this.#options = options;
    const fileLimit = options.retainedLimitBytes ?? RETAINED_LIMIT_BYTES;
    this.#disk = new DiskHealth(options.counters, options.logger);
    this.#memory = new RetainedMemory(options.folder ? fileLimit : Number.POSITIVE_INFINITY);
  }

  get isPersistent(): boolean {
    return this.#options.folder !== undefined;
  }

  /** Room for a further append, whatever its size: the limit may be overshot by one. */
  get isStorable(): boolean {
    return this.#bytes < this.#options.totalLimitBytes;
  }

  get queueLength(): number {
    return this.#queue.length;
  }

  get queuedRecords(): number {
    return this.#queue.reduce((sum, chunk) => sum + chunk.size, 0);
  }

  staged(): IterableIterator<BufferChunk> {
    return this.#stage.values();
  }

  /** Takes over what an earlier process left. Throws BufferIoError when the folder cannot be used. */
  async start(): Promise<void> {
    const { folder, clock, counters } = this.#options;
    if (!folder) return;
    await folder.open();
    for (const found of await folder.resume()) await this.#adopt(found);
    this.#queue.sort((left, right) => left.modifiedAt - right.modifiedAt || Buffer.compare(left.id, right.id));
    for (const chunk of this.#queue) chunk.order = this.#nextOrder++;
    counters.add("chunks_resumed", this.#queue.length + this.#stage.size);
    this.#cancelMetaTimer = clock.every(META_INTERVAL_MS, () => this.#refreshMeta());
  }

  /**
   * Stores every batch; with `enqueue` their chunks are queued at once. Resolves when all bytes are written.
   * Throws BufferOverflowError when the buffer is full, BufferIoError when the disk refuses.
   */
  async append(batches: readonly Batch[], enqueue: boolean): Promise<void> {
    if (!this.isStorable) throw new BufferOverflowError("buffer space has too many data");
    const encoded = batches.map((batch) => this.#encode(batch));
    const stored = encoded.some((pieces) => pieces instanceof Promise)
      ? await this.#inOrder(encoded, (pieces) => this.#storeAll(batches, pieces, enqueue))
      : this.#storeAll(batches, encoded as Piece[][], enqueue);
    if (stored.length === 1) await stored[0];
    else await Promise.all(stored);
  }

  /** Moves a staged chunk to the end of the queue. Other chunks go on being appended to. */
  enqueue(chunk: BufferChunk): void {
    this.#stage.delete(chunk.key);
    this.#commitChunk(chunk);
    if (chunk.byteSize === 0) {
      this.#discard(chunk);
      return;
    }
    this.#queueChunk(chunk);
    this.#options.onQueued();
  }

  enqueueAll(): void {
    for (const chunk of [...this.#stage.values()]) this.enqueue(chunk);
  }

  /** The head of the queue, to be sent; it must be purged or taken back. */
  take(): BufferChunk | undefined {
    const chunk = this.#queue.shift();
    if (!chunk) return undefined;
    chunk.state = "taken";
    this.#taken.add(chunk);
    return chunk;
  }

  /**
   * Puts a taken chunk back at the head of the queue, behind those that were queued before it. False when it is not
   * taken any more.
   */
  takeBack(chunk: BufferChunk): boolean {
    if (!this.#taken.delete(chunk)) return false;
    chunk.state = "queued";
    const next = this.#queue.findIndex((other) => other.order > chunk.order);
    this.#queue.splice(next < 0 ? this.#queue.length : next, 0, chunk);
    return true;
  }

  /** Forgets a taken chunk and removes its files. False when it is not taken any more. */
  purge(chunk: BufferChunk): boolean {
    if (!this.#taken.delete(chunk)) return false;
    this.#discard(chunk);
    this.#options.onSpace();
    return true;
  }

  /** Looks for a torn tail in a chunk that an earlier process queued. Throws BufferIoError, ChunkBrokenError. */
  async verify(chunk: BufferChunk): Promise<void> {
    const { isWalkable, backup, counters, decompressionLimitBytes, logger } = this.#options;
    if (!chunk.isUnverified || !chunk.file) return;
    chunk.isUnverified = false;
    if (!isWalkable) return;
    const stored = chunk.file.read(chunk.byteSize);
    const { byteSize, size, tail } = await findEntries(stored, chunk.compression, decompressionLimitBytes);
    if (tail !== "none") {
      const cut = chunk.byteSize - byteSize;
      const path = chunk.file.path;
      logger.warn(`buffer chunk ends in ${cut} bytes that are no whole event; they are cut off.`, { path, tail });
      counters.add("dropped_events", 1, "torn_tail");
      if (tail === "foreign") await backup.keep(`${chunk.id.toString("hex")}.tail`, behind(chunk, byteSize));
      chunk.file.truncate(byteSize);
      this.#bytes -= cut;
    }
    if (size !== chunk.size || tail !== "none") chunk.correct(byteSize, size);
  }

  stats(): BufferStats {
    return bufferStats({
      staged: [...this.#stage.values()],
      queued: this.#queue,
      taken: this.#taken,
      totalBytes: this.#bytes,
      totalLimitBytes: this.#options.totalLimitBytes,
      retainedBytes: this.#memory.bytes,
      folder: this.#options.folder?.location,
    });
  }

  /** Writes what is pending, closes every file, removes empty chunks, unlocks the folder. The chunks on disk stay. */
  async close(): Promise<void> {
    this.#cancelMetaTimer?.();
    this.#commitPending();
    for (const chunk of [...this.#stage.values(), ...this.#queue, ...this.#taken]) {
      if (chunk.byteSize === 0) this.#discard(chunk);
      else if (chunk.isMetaStale) this.#disk.guard("can't write buffer metadata", () => chunk.writeMeta());
      chunk.file?.close();
      chunk.releaseMemory();
    }
    await this.removalsDone();
    this.#options.folder?.close();
  }

  /** Resolves when the files of all purged chunks are gone. */
  async removalsDone(): Promise<void> {
    await Promise.all(this.#removals);
  }

  #encode({ tag, events }: Batch): Piece[] | Promise<Piece[]> {
    return this.#options.encoder.encode(tag, events);
  }

  #inOrder<T>(encoded: readonly (Piece[] | Promise<Piece[]>)[], store: (pieces: Piece[][]) => T): Promise<T> {
    const ready = Promise.all(encoded);
    const stored = this.#encoding.then(async () => store(await ready));
    this.#encoding = stored.catch(() => {});
    return stored;
  }

  #storeAll(batches: readonly Batch[], pieces: readonly Piece[][], enqueue: boolean): Promise<void>[] {
    const stored: Promise<void>[] = [];
    for (const [index, batch] of batches.entries()) {
      for (const piece of pieces[index] as Piece[]) {
        if (piece.bytes.length > 0) stored.push(this.#store(batch, piece));
      }
    }
    if (enqueue) {
      for (const { key } of batches) {
        const chunk = this.#stage.get(key);
        if (chunk) this.enqueue(chunk);
      }
    }
    return stored;
  }

  #store({ metadata, key }: Batch, { bytes, size }: Piece): Promise<void> {
    let chunk = this.#stage.get(key);
    if (chunk && !this.#hasRoom(chunk, bytes.length, size)) {
      this.enqueue(chunk);
      chunk = undefined;
    }
    chunk ??= this.#stageNew(metadata, key);
    const written = chunk.append(bytes, size, this.#options.clock.now());
    this.#bytes += bytes.length;
    this.#pending.add(chunk);
    if (this.#isFull(chunk)) this.enqueue(chunk);
    else this.#commit ??= setImmediate(() => this.#commitPending());
    return written;
  }

  #hasRoom(chunk: BufferChunk, bytes: number, size: number): boolean {
    const { chunkLimitBytes, chunkLimitRecords } = this.#options;
    if (chunk.byteSize + bytes > chunkLimitBytes) return false;
    return chunkLimitRecords === undefined || chunk.size + size <= chunkLimitRecords;
  }

  #isFull(chunk: BufferChunk): boolean {
    const { chunkLimitBytes, chunkLimitRecords, chunkFullThreshold } = this.#options;
    if (chunk.byteSize >= chunkLimitBytes * chunkFullThreshold) return true;
    return chunkLimitRecords !== undefined && chunk.size >= chunkLimitRecords * chunkFullThreshold;
  }

  #stageNew(metadata: ChunkMetadata, key: string): BufferChunk {
    const { clock, compression, decompressionLimitBytes, folder } = this.#options;
    const createdAtMs = clock.now();
    const id = createChunkId(clock);
    const createdAt = Math.floor(createdAtMs / 1000);
    let file: BufferChunk["file"];
    try {
      file = folder?.create({ metadata, id, size: 0, createdAt, modifiedAt: createdAt });
    } catch (error) {
      this.#disk.count(error);
      throw error;
    }
    const origin = { id, metadata, key, compression, decompressionLimitBytes, file, createdAtMs };
    const chunk = new BufferChunk(origin, this.#memory);
    this.#stage.set(key, chunk);
    return chunk;
  }

  #commitPending(): void {
    if (this.#commit) clearImmediate(this.#commit);
    this.#commit = undefined;
    for (const chunk of this.#pending) this.#commitChunk(chunk);
  }

  #commitChunk(chunk: BufferChunk): void {
    this.#pending.delete(chunk);
    const commit = chunk.commit();
    if (!commit) return;
    this.#disk.note(commit.error);
    commit.settle();
    if (commit.error === undefined) return;
    this.#bytes -= commit.lostBytes;
    this.#options.onSpace();
  }

  #queueChunk(chunk: BufferChunk): void {
    chunk.state = "queued";
    chunk.order = this.#nextOrder++;
    this.#queue.push(chunk);
    // When the rename fails the chunk is sent all the same; a restart would find it as staged.
    this.#disk.guard("can't enqueue buffer file", () => chunk.file?.enqueue(chunk.meta));
    chunk.isMetaStale = false;
  }

  #discard(chunk: BufferChunk): void {
    chunk.state = "closed";
    this.#bytes -= chunk.byteSize;
    chunk.releaseMemory(true); // Its delivery has ended, so nobody reads its blocks any more.
    if (!chunk.file) return;
    const removal = chunk.file
      .remove()
      .catch((error) => {
        this.#disk.count(error);
        this.#options.logger.error("failed to purge buffer chunk", { chunk_id: chunk.id.toString("hex"), error });
      })
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  async #adopt({ file, state, meta, byteSize }: FoundChunk): Promise<void> {
    const { compression, decompressionLimitBytes } = this.#options;
    const { id, metadata, size } = meta;
    const key = metadataKey(metadata);
    const createdAtMs = meta.createdAt * 1000;
    const origin = { id, metadata, key, compression, decompressionLimitBytes, file, createdAtMs };
    const content: ResumedContent = { byteSize, size, modifiedAtMs: meta.modifiedAt * 1000 };
    const chunk = new BufferChunk(origin, this.#memory, content);
    chunk.isUnverified = true;
    this.#bytes += byteSize;
    if (state === "queued") {
      chunk.state = "queued";
      this.#queue.push(chunk);
      return;
    }
    await this.verify(chunk);
    if (chunk.byteSize === 0) this.#discard(chunk);
    else if (this.#stage.has(key) || this.#isFull(chunk)) this.#queueChunk(chunk);
    else this.#stage.set(key, chunk);
  }

  #refreshMeta(): void {
    let left = META_PER_INTERVAL;
    for (const chunk of this.#stage.values()) {
      if (!chunk.isMetaStale) continue;
      if (left-- === 0) return;
      this.#disk.guard("can't write buffer metadata", () => chunk.writeMeta());
    }
  }
}

async function* behind(chunk: BufferChunk, start: number): AsyncGenerator<Buffer> {
  let position = 0;
  for await (const block of chunk.read()) {
    if (position + block.length > start) yield block.subarray(Math.max(0, start - position));
    position += block.length;
  }
}
