/**
 * The upstream chunks that one buffer took last, and where: a ring of columns, and a hash table over it. A busy sender
 * brings thousands of small chunks a second, and each is remembered. As objects and strings they kept V8's collector
 * moving them: with ten events a chunk that was half of all CPU.
 *
 * Entries are numbered in the order of their coming; entry `n` stands in row `n` modulo the capacity. Entries of one
 * bucket are linked from the newest back, by distance, so that the oldest is forgotten by counting on.
 *
 * Limits: as many as the owner allows; memory grows with what is there, about 100 bytes each.
 */

import { randomBytes } from "node:crypto";
import type { Share } from "../event/origin.ts";
import type { HeldChunk } from "./holdings.ts";

/** Where and when it was taken. */
export interface Taken {
  /** Of the commit. */
  readonly sequence: number;
  readonly atSeconds: number;
  /** Numbers of the chunks that hold it. */
  readonly chunks: readonly number[];
}

export type TakenChunk = HeldChunk & Taken & { readonly id: string };

const FIRST_CAPACITY = 1024;
/** A row's room for an id of fluentd's, 26 bytes, or most others; longer ones stand elsewhere. */
const ID_BYTES = 31;
const IS_LONG = 0xff;
/** Nobody outside knows which ids share a bucket. */
const SEED = randomBytes(4).readInt32LE();
const NOTHING: readonly TakenChunk[] = [];

class Columns {
  readonly capacity: number;
  /** A byte of length, then the id. */
  readonly ids: Buffer;
  readonly hashes: Int32Array;
  readonly checksums: Uint32Array;
  readonly shareFrom: Float64Array;
  readonly shareTo: Float64Array;
  readonly sequences: Float64Array;
  readonly seconds: Uint32Array;
  readonly chunks: Uint32Array;
  /** How many entries before the one before in its bucket stands; 0 for none. */
  readonly distances: Uint32Array;
  /** One more than the newest entry of each bucket. */
  readonly heads: Float64Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.ids = Buffer.alloc(capacity * (1 + ID_BYTES));
    this.hashes = new Int32Array(capacity);
    this.checksums = new Uint32Array(capacity);
    this.shareFrom = new Float64Array(capacity);
    this.shareTo = new Float64Array(capacity);
    this.sequences = new Float64Array(capacity);
    this.seconds = new Uint32Array(capacity);
    this.chunks = new Uint32Array(capacity);
    this.distances = new Uint32Array(capacity);
    this.heads = new Float64Array(capacity);
  }
}

export class HeldChunks {
  #columns = new Columns(FIRST_CAPACITY);
  readonly #longIds = new Map<number, string>();
  /** Chunks of an entry beyond its first: of a batch that chunk keys spread over several. */
  readonly #furtherChunks = new Map<number, readonly number[]>();
  /** The entries [first, next) are there. */
  #first = 0;
  #next = 0;

  get size(): number {
    return this.#next - this.#first;
  }

  /** Remembers one more, and of all the `limit` newest. `id` is latin1. */
  add(id: string, checksum: number, { from, to }: Share, { sequence, atSeconds, chunks }: Taken, limit: number): void {
    while (this.size > 0 && this.size >= limit) this.#forgetOldest();
    if (limit === 0) return;
    if (this.size === this.#columns.capacity) this.#refill([...this.entries()], this.size * 2);
    const entry = this.#next++;
    const columns = this.#columns;
    const row = entry & (columns.capacity - 1);
    this.#link(entry, row, hashOf(id));
    this.#writeId(entry, row, id);
    columns.checksums[row] = checksum;
    columns.shareFrom[row] = from;
    columns.shareTo[row] = to;
    columns.sequences[row] = sequence;
    columns.seconds[row] = atSeconds;
    columns.chunks[row] = chunks[0] ?? 0;
    if (chunks.length > 1) this.#furtherChunks.set(entry, chunks.slice(1));
  }

  /** What was taken of a chunk, oldest first. */
  of(id: string): readonly TakenChunk[] {
    const { capacity, distances, hashes, heads } = this.#columns;
    const hash = hashOf(id);
    let found: TakenChunk[] | undefined;
    let entry = (heads[hash & (capacity - 1)] as number) - 1;
    while (entry >= this.#first) {
      const row = entry & (capacity - 1);
      if (hashes[row] === hash && this.#readId(entry, row) === id) {
        found ??= [];
        found.unshift(this.#read(entry));
      }
      const distance = distances[row] as number;
      if (distance === 0) break;
      entry -= distance;
    }
    return found ?? NOTHING;
  }

  /** Everything, oldest first. */
  *entries(): IterableIterator<TakenChunk> {
    for (let entry = this.#first; entry < this.#next; entry++) yield this.#read(entry);
  }

  /** Forgets what commit `sequence` and later ones took. */
  forgetFrom(sequence: number): void {
    const kept = [...this.entries()].filter((each) => each.sequence < sequence);
    this.#refill(kept, this.#columns.capacity);
  }

  #link(entry: number, row: number, hash: number): void {
    const { capacity, distances, hashes, heads } = this.#columns;
    const bucket = hash & (capacity - 1);
    const before = (heads[bucket] as number) - 1;
    hashes[row] = hash;
    distances[row] = before >= this.#first ? entry - before : 0;
    heads[bucket] = entry + 1;
  }

  #writeId(entry: number, row: number, id: string): void {
    const { ids } = this.#columns;
    const at = row * (1 + ID_BYTES);
    const isLong = id.length > ID_BYTES;
    ids[at] = isLong ? IS_LONG : id.length;
    if (isLong) this.#longIds.set(entry, id);
    else for (let index = 0; index < id.length; index++) ids[at + 1 + index] = id.charCodeAt(index);
  }

  #readId(entry: number, row: number): string {
    const { ids } = this.#columns;
    const start = row * (1 + ID_BYTES) + 1;
    const length = ids[start - 1] as number;
    return length === IS_LONG ? (this.#longIds.get(entry) as string) : ids.toString("latin1", start, start + length);
  }

  #read(entry: number): TakenChunk {
    const columns = this.#columns;
    const row = entry & (columns.capacity - 1);
    const chunk = columns.chunks[row] as number;
    return {
      id: this.#readId(entry, row),
      checksum: columns.checksums[row] as number,
      from: columns.shareFrom[row] as number,
      to: columns.shareTo[row] as number,
      sequence: columns.sequences[row] as number,
      atSeconds: columns.seconds[row] as number,
      chunks: chunk === 0 ? [] : [chunk, ...(this.#furtherChunks.get(entry) ?? [])],
    };
  }

  #forgetOldest(): void {
    const entry = this.#first++;
    if (this.#longIds.size > 0) this.#longIds.delete(entry);
    if (this.#furtherChunks.size > 0) this.#furtherChunks.delete(entry);
  }

  /** Holds `kept` and nothing else. */
  #refill(kept: readonly TakenChunk[], capacity: number): void {
    this.#columns = new Columns(capacity);
    this.#longIds.clear();
    this.#furtherChunks.clear();
    this.#first = 0;
    this.#next = 0;
    for (const taken of kept) this.add(taken.id, taken.checksum, taken, taken, capacity);
  }
}

/** FNV-1a, mixed so that its low bits depend on all. */
function hashOf(id: string): number {
  let hash = SEED;
  for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) ^ (hash >>> 12);
}
