/**
 * A chunk as the buffer has it: staged while it grows, then queued, then taken to be sent, in the end purged.
 *
 * Appended bytes are copied into the chunk's own blocks and are pending until commit writes them to the file, once
 * for all appends of a tick; then every waiter's promise resolves. The blocks stay, so that fresh data is sent without
 * being read back. When memory is short the chunk lets its blocks go and lives on disk alone.
 */

import { BufferIoError } from "../errors.ts";
import type { BlockMemory } from "./block-memory.ts";
import { ByteBlocks, type RetainedMemory } from "./byte-blocks.ts";
import type { Chunk, ChunkMetadata } from "./chunk.ts";
import type { Piece } from "./chunk-encoder.ts";
import type { ChunkFile } from "./chunk-file.ts";
import { type ChunkRange, ChunkRanges, type NextStep, RangeChecks, type Step } from "./chunk-ranges.ts";
import { joinedChecksum } from "./joined-checksum.ts";
import type { ChunkMeta } from "./meta-file.ts";
import type { GrowingFile } from "./unsynced-files.ts";

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
  /** From the journal; absent for a chunk that stands in none. */
  readonly ranges?: ChunkRanges;
  readonly number?: number;
  readonly modifiedAtMs: number;
}

/** Bytes [start, end) of the chunk's file. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Meta writes that are remembered: a power loss may leave an older one than the last. */
const METAS_LIMIT = 8;

export class BufferChunk implements Chunk, GrowingFile {
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
  /** To be looked through for a torn tail or bad bytes: it was found at start, or had bad bytes when it was read. */
  isUnverified = false;
  /** Its name in the journal; 0 when it stands in none. */
  number: number;
  /** What the bytes are to be, as far as the journal knows. */
  ranges: ChunkRanges;
  /** What the meta file said lately: events, modification time. */
  readonly metas: (readonly [number, number])[] = [];

  /** Undefined when the bytes are on disk only. */
  #blocks: ByteBlocks | undefined;
  /** Views that wait for commit when there are no blocks. */
  #loose: Buffer[] = [];
  #byteSize = 0;
  #size = 0;
  #pendingBytes = 0;
  #pendingSize = 0;
  /** Of what is pending, where all of it came with one. */
  #pendingChecksum: number | undefined = 0;
  #modifiedAtMs: number;
  #nextStep: NextStep | undefined;
  /** Where its bytes are in the file, when not at its beginning without gaps. */
  #spans: readonly Span[] | undefined;
  /** Those who wait for its end. */
  #waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];

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
    this.number = resumed?.number ?? 0;
    this.ranges = resumed?.ranges ?? new ChunkRanges();
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

  /** Of its file, as far as the journal has them. */
  get committedBytes(): number {
    return this.ranges.end;
  }

  get isGone(): boolean {
    return this.state === "closed";
  }

  readNow(target: Buffer, start: number): void {
    this.file?.readNow(target, start);
  }

  async sync(): Promise<void> {
    await this.file?.sync();
  }

  /** What was written last and is not settled. */
  get nextStep(): NextStep | undefined {
    return this.#nextStep;
  }

  get meta(): ChunkMeta {
    const { metadata, id, createdAt, modifiedAt } = this;
    return { metadata, id, size: this.#size, createdAt, modifiedAt };
  }

  /** Takes bytes with events, to be written and settled by the next commit. */
  append({ bytes, size, checksum }: Piece, nowMs: number): void {
    this.#pendingChecksum = joinedChecksum(this.#pendingChecksum, checksum, bytes.length);
    if (!this.#blocks?.append(bytes)) this.#appendLoose(bytes);
    this.#pendingBytes += bytes.length;
    this.#pendingSize += size;
    this.#modifiedAtMs = nowMs;
  }

  /** Writes what is pending. Throws BufferIoError. */
  write(): void {
    if (!this.file) return;
    const views = this.#pendingViews();
    this.file.append(views, this.#byteSize);
    this.#nextStep = this.ranges.next(views, this.#pendingSize, this.#pendingChecksum);
  }

  /** What was written counts, as part of commit `sequence`. */
  settle(sequence: number, synced: number): void {
    if (this.#nextStep) this.ranges.add(this.#nextStep, sequence, synced);
    this.#settlePending(this.#pendingBytes, this.#pendingSize);
    this.isMetaStale = this.file !== undefined;
  }

  /** Its file has all that was committed. */
  get hasWholeFile(): boolean {
    return this.file?.has(this.#spans?.at(-1)?.end ?? this.#byteSize) ?? true;
  }

  /** Makes its files anew. False when its bytes are not in memory. Throws BufferIoError. */
  restore(fileMode: number): boolean {
    const views = this.blocks();
    if (!views || !this.file) return false;
    this.file.restore(views, this.meta, fileMode);
    return true;
  }

  /** Forgets what is pending, written or not; gives its bytes. */
  rollBack(): number {
    const lostBytes = this.#pendingBytes;
    if (this.#nextStep) this.file?.rollBack(this.#byteSize);
    this.#blocks?.truncate(this.#byteSize);
    this.#settlePending(0, 0);
    return lostBytes;
  }

  /** What a look through a resumed chunk found: with `spans`, its bytes stand there. */
  correct(byteSize: number, size: number, spans?: readonly Span[]): void {
    this.#byteSize = byteSize;
    this.#size = size;
    this.#spans = spans;
    this.isUnverified = false;
    this.isMetaStale = true;
  }

  /** The meta file says, or is about to say, this. */
  noteMeta(size: number, modifiedAt: number): void {
    this.metas.push([size, modifiedAt]);
    if (this.metas.length > METAS_LIMIT) this.metas.shift();
  }

  /** Resolves when the chunk left the buffer and its events are kept elsewhere; rejects when they were dropped. */
  whenGone(): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Tells those who wait for it. */
  leave(error?: unknown): void {
    for (const { resolve, reject } of this.#waiting) {
      if (error === undefined) resolve();
      else reject(error);
    }
    this.#waiting = [];
  }

  blocks(): readonly Buffer[] | undefined {
    return this.#blocks?.views(0, this.#byteSize);
  }

  /** Throws BufferIoError and ChunkBrokenError. */
  async *read(memory?: BlockMemory): AsyncGenerator<Buffer> {
    const blocks = this.blocks();
    if (blocks) yield* blocks;
    else if (this.file) {
      const { isFresh } = this.file; // To sum up what the disk cannot have changed was a tenth of all CPU.
      for (const { start, end } of this.#spans ?? [{ start: 0, end: this.#byteSize }]) {
        const bytes = this.file.read(end, start, memory);
        yield* isFresh ? bytes : this.#checked(bytes, start, end);
      }
    }
  }

  /** Passes on the bytes [start, end) as long as they are what was written. Throws BufferIoError where they are not. */
  async *#checked(blocks: AsyncIterable<Buffer>, start: number, end: number): AsyncGenerator<Buffer> {
    const isWithin = ({ start: from, steps }: ChunkRange) => from >= start && (steps.at(-1) as Step).end <= end;
    const checks = new RangeChecks(this.ranges.ranges.filter(isWithin), start);
    for await (const block of blocks) {
      if (!checks.update(block)) {
        this.isUnverified = true; // Which leaves out what is bad when it is sent again.
        throw new BufferIoError(`the disk has changed bytes of ${this.file?.path}; the rest of them is sent next`);
      }
      yield block;
    }
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
    this.#pendingChecksum = 0;
    this.#nextStep = undefined;
    this.#loose = [];
  }
}
