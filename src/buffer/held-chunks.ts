/**
 * The upstream chunks that one buffer took last, and where: a ring of columns. A busy sender brings thousands of small
 * chunks a second, and each is remembered. As objects they kept V8's collector moving them: at one event a chunk that was
 * a third of all CPU, and 20 MB.
 *
 * Limits: as many as the owner allows; memory grows with what is there, about 120 bytes each.
 */

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
const NOTHING: readonly TakenChunk[] = [];

/** One row for each entry; entry `n` stands at `n` modulo the capacity, a power of two. */
class Columns {
  readonly capacity: number;
  readonly ids: string[];
  readonly checksums: Uint32Array;
  readonly shareFrom: Float64Array;
  readonly shareTo: Float64Array;
  readonly sequences: Float64Array;
  readonly seconds: Uint32Array;
  readonly chunks: Uint32Array;
  /** How many entries before the entry with the same id stands; 0 for none. */
  readonly distances: Uint32Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.ids = new Array<string>(capacity).fill("");
    this.checksums = new Uint32Array(capacity);
    this.shareFrom = new Float64Array(capacity);
    this.shareTo = new Float64Array(capacity);
    this.sequences = new Float64Array(capacity);
    this.seconds = new Uint32Array(capacity);
    this.chunks = new Uint32Array(capacity);
    this.distances = new Uint32Array(capacity);
  }
}

export class HeldChunks {
  #columns = new Columns(FIRST_CAPACITY);
  /** The newest entry of each id. */
  readonly #newest = new Map<string, number>();
  /** Chunks of an entry beyond its first: of a batch that chunk keys spread over several. */
  readonly #furtherChunks = new Map<number, readonly number[]>();
  /** The entries [first, next) are there. */
  #first = 0;
  #next = 0;

  get size(): number {
    return this.#next - this.#first;
  }

  /** Remembers one more, and of all the `limit` newest. */
  add(id: string, { checksum, from, to }: HeldChunk, { sequence, atSeconds, chunks }: Taken, limit: number): void {
    while (this.size > 0 && this.size >= limit) this.#forgetOldest();
    if (limit === 0) return;
    if (this.size === this.#columns.capacity) this.#refill([...this.entries()], this.size * 2);
    const entry = this.#next++;
    const columns = this.#columns;
    const row = entry & (columns.capacity - 1);
    const before = this.#newest.get(id);
    columns.ids[row] = id;
    columns.checksums[row] = checksum;
    columns.shareFrom[row] = from;
    columns.shareTo[row] = to;
    columns.sequences[row] = sequence;
    columns.seconds[row] = atSeconds;
    columns.chunks[row] = chunks[0] ?? 0;
    columns.distances[row] = before === undefined ? 0 : entry - before;
    if (chunks.length !== 1) this.#furtherChunks.set(entry, chunks.slice(1));
    this.#newest.set(id, entry);
  }

  /** What was taken of a chunk, oldest first. */
  of(id: string): readonly TakenChunk[] {
    let entry = this.#newest.get(id);
    if (entry === undefined) return NOTHING;
    const found: TakenChunk[] = [];
    for (; entry !== undefined; entry = this.#before(entry)) found.unshift(this.#read(entry));
    return found;
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

  #before(entry: number): number | undefined {
    const distance = this.#columns.distances[entry & (this.#columns.capacity - 1)] as number;
    return distance > 0 && entry - distance >= this.#first ? entry - distance : undefined;
  }

  #read(entry: number): TakenChunk {
    const columns = this.#columns;
    const row = entry & (columns.capacity - 1);
    const chunk = columns.chunks[row] as number;
    const further = this.#furtherChunks.get(entry);
    return {
      id: columns.ids[row] as string,
      checksum: columns.checksums[row] as number,
      from: columns.shareFrom[row] as number,
      to: columns.shareTo[row] as number,
      sequence: columns.sequences[row] as number,
      atSeconds: columns.seconds[row] as number,
      chunks: chunk === 0 ? [] : further ? [chunk, ...further] : [chunk],
    };
  }

  #forgetOldest(): void {
    const entry = this.#first++;
    const row = entry & (this.#columns.capacity - 1);
    const id = this.#columns.ids[row] as string;
    if (this.#newest.get(id) === entry) this.#newest.delete(id);
    if (this.#furtherChunks.size > 0) this.#furtherChunks.delete(entry);
    this.#columns.ids[row] = "";
  }

  /** Holds `kept` and nothing else. */
  #refill(kept: readonly TakenChunk[], capacity: number): void {
    this.#columns = new Columns(capacity);
    this.#newest.clear();
    this.#furtherChunks.clear();
    this.#first = 0;
    this.#next = 0;
    for (const taken of kept) this.add(taken.id, taken, taken, capacity);
  }
}
