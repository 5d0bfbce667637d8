/**
 * A chunk as the buffer has it: staged while it grows, then queued, then taken to be sent, in the end purged.
 *
 * Appended bytes are copied into the chunk's own blocks and are pending until commit writes them to the file, once
 * for all appends of a tick; then every waiter's promise resolves. The blocks stay, so that fresh data is sent without
 * being read back. When memory is short the chunk lets its blocks go and lives on disk alone.
 */

import { ByteBlocks, type RetainedMemory } from "./byte-blocks.ts";
import type { Chunk, ChunkMetadata } from "./chunk.ts";
import type { ChunkFile } from "./chunk-file.ts";
import type { ChunkMeta } from "./meta-file.ts";

export type ChunkState = "staged" | "queued" | "taken" | "closed";

export interface ChunkOrigin {
  readonly id: Buffer;
  readonly metadata: ChunkMetadata;
  /** `metadataKey(metadata)`. */
  readonly key: string;
  readonly compression: Chunk["compression"];
  readonly decompressionLimitBytes: number;
  /** Absent for a memory buffer. */
  readonly file: ChunkFile | undefined;
  readonly createdAtMs: number;
}

/** What a chunk found on disk already has. */
export interface ResumedContent {
  readonly byteSize: number;
  readonly size: number;
  readonly modifiedAtMs: number;
}

/** The outcome of writing what was pending in a chunk. */
export interface Commit {
  readonly error: unknown;
  readonly lostBytes: number;
  /** Lets those go on who wait: with the error, if there was one. */
  settle(): void;
}

interface Waiters {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

export class BufferChunk implements Chunk {
  readonly id: Buffer;
  readonly metadata: ChunkMetadata;
  readonly key: string;
  readonly compression: Chunk["compression"];
  readonly decompressionLimitBytes: number;
  readonly file: ChunkFile | undefined;
  readonly createdAtMs: number;
  state: ChunkState = "staged";
  /** The meta file does not tell the current counts. */
  isMetaStale = false;
  /** Place in the order of the queue, from the time it was first queued. */
  order = 0;
  /** Found at start and not yet looked through for a torn tail. */
  isUnverified = false;

  /** Undefined when the bytes are on disk only. */
  #blocks: ByteBlocks | undefined;
  /** Views that wait for commit when there are no blocks. */
  #loose: Buffer[] = [];
  #byteSize = 0;
  #size = 0;
  #pendingBytes = 0;
  #pendingSize = 0;
  #modifiedAtMs: number;
  #waiters: Waiters | undefined;

  constructor(origin: ChunkOrigin, memory: RetainedMemory, resumed?: ResumedContent) {
    this.id = origin.id;
    this.metadata = origin.metadata;
    this.key = origin.key;
    this.compression = origin.compression;
    this.decompressionLimitBytes = origin.decompressionLimitBytes;
    this.file = origin.file;
    this.createdAtMs = origin.createdAtMs;
    this.#modifiedAtMs = resumed?.modifiedAtMs ?? origin.createdAtMs;
    this.#byteSize = resumed?.byteSize ?? 0;
    this.#size = resumed?.size ?? 0;
    if (!resumed) this.#blocks = new ByteBlocks(memory);
  }

  /** Events, with those whose commit is pending. */
  get size(): number {
    return this.#size + this.#pendingSize;
  }

  get byteSize(): number {
    return this.#byteSize + this.#pendingBytes;
  }

  get createdAt(): number {
    return Math.floor(this.createdAtMs / 1000);
  }

  get modifiedAt(): number {
    return Math.floor(this.#modifiedAtMs / 1000);
  }

  get isPending(): boolean {
    return this.#waiters !== undefined;
  }

  get meta(): ChunkMeta {
    const { metadata, id, createdAt, modifiedAt } = this;
    return { metadata, id, size: this.#size, createdAt, modifiedAt };
  }

  /**
   * Takes `bytes` with `size` events, to be written by the next commit. The promise is shared by all appends up to
   * then; it rejects with BufferIoError when the disk refuses. Without a file the events are held at once.
   */
  append(bytes: Buffer, size: number, nowMs: number): Promise<void> {
    if (!this.#blocks?.append(bytes)) this.#appendLoose(bytes);
    this.#pendingBytes += bytes.length;
    this.#pendingSize += size;
    this.#modifiedAtMs = nowMs;
    this.#waiters ??= createWaiters();
    return this.#waiters.promise;
  }

  /**
   * Writes what is pending; undefined when nothing is. When the disk refuses, the pending bytes are forgotten. Who
   * waits goes on when the result is settled: now, or once a sync has made the bytes safe from a power loss.
   */
  commit(): Commit | undefined {
    const waiters = this.#waiters;
    if (!waiters) return undefined;
    this.#waiters = undefined;
    try {
      this.file?.append(this.#pendingViews(), this.#byteSize);
    } catch (error) {
      const lostBytes = this.#pendingBytes;
      this.#blocks?.truncate(this.#byteSize);
      this.#settlePending(0, 0);
      return { error, lostBytes, settle: () => waiters.reject(error) };
    }
    this.#settlePending(this.#pendingBytes, this.#pendingSize);
    this.isMetaStale = this.file !== undefined;
    return { error: undefined, lostBytes: 0, settle: waiters.resolve };
  }

  /** What a look through a resumed chunk found. */
  correct(byteSize: number, size: number): void {
    this.#byteSize = byteSize;
    this.#size = size;
    this.isUnverified = false;
    this.isMetaStale = true;
  }

  /** Rewrites the meta file. Throws BufferIoError. */
  writeMeta(): void {
    this.isMetaStale = false;
    this.file?.writeMeta(this.meta);
  }

  blocks(): readonly Buffer[] | undefined {
    return this.#blocks?.views(0, this.#byteSize);
  }

  async *read(): AsyncGenerator<Buffer> {
    const blocks = this.blocks();
    if (blocks) yield* blocks;
    else if (this.file) yield* this.file.read(this.#byteSize);
  }

  /** Gives memory back; the bytes are on disk, or not wanted any more. With `isUnread` nobody holds a view of them. */
  releaseMemory(isUnread = false): void {
    this.#blocks?.release(isUnread);
    this.#blocks = undefined;
  }

  /** Memory is short: what is pending is kept as views for the rest of the tick, the rest is on disk. */
  #appendLoose(bytes: Buffer): void {
    if (this.#blocks) {
      if (this.#pendingBytes > 0) this.#loose = this.#pendingViews();
      this.releaseMemory();
    }
    this.#loose.push(bytes);
  }

  #pendingViews(): Buffer[] {
    return this.#blocks?.views(this.#byteSize, this.#byteSize + this.#pendingBytes) ?? this.#loose;
  }

  #settlePending(bytes: number, size: number): void {
    this.#byteSize += bytes;
    this.#size += size;
    this.#pendingBytes = 0;
    this.#pendingSize = 0;
    this.#loose = [];
  }
}

function createWaiters(): Waiters {
  let resolve!: () => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  promise.catch(() => {}); // An append that failed halfway leaves nobody to wait for its first half.
  return { promise, resolve, reject };
}
