/** Chunks in the order in which they are to be sent, those that are being sent, and those that stand aside meanwhile. */

import type { BufferChunk } from "./buffer-chunk.ts";

export class ChunkQueue {
  readonly #queue: BufferChunk[] = [];
  readonly #taken = new Set<BufferChunk>();
  readonly #aside = new Set<BufferChunk>();
  #nextOrder = 0;

  /** Chunks that can be taken. */
  get length(): number {
    return this.#queue.length;
  }

  get queued(): readonly BufferChunk[] {
    return this.#queue;
  }

  get aside(): ReadonlySet<BufferChunk> {
    return this.#aside;
  }

  *[Symbol.iterator](): IterableIterator<BufferChunk> {
    yield* this.#queue;
    yield* this.#aside;
    yield* this.#taken;
  }

  /** Puts it at the end. */
  push(chunk: BufferChunk): void {
    chunk.state = "queued";
    chunk.order = this.#nextOrder++;
    this.#queue.push(chunk);
  }

  /** Orders what an earlier process left by its last change. */
  sort(): void {
    this.#queue.sort((left, right) => left.modifiedAt - right.modifiedAt || Buffer.compare(left.id, right.id));
    for (const chunk of this.#queue) chunk.order = this.#nextOrder++;
  }

  /** The head, to be sent; it must be given back or let go. */
  take(): BufferChunk | undefined {
    const chunk = this.#queue.shift();
    if (!chunk) return undefined;
    chunk.state = "taken";
    this.#taken.add(chunk);
    return chunk;
  }

  /**
   * Puts a taken chunk back at the head, behind those that were queued before it, or aside: then nobody takes it until
   * it rejoins. False when it is not taken.
   */
  takeBack(chunk: BufferChunk, isAside: boolean): boolean {
    if (!this.#taken.delete(chunk)) return false;
    chunk.state = "queued";
    this.#aside.add(chunk);
    if (!isAside) this.rejoin(chunk);
    return true;
  }

  /** A chunk that stands aside comes back to its place in the queue. */
  rejoin(chunk: BufferChunk): void {
    if (!this.#aside.delete(chunk)) return;
    const next = this.#queue.findIndex((other) => other.order > chunk.order);
    this.#queue.splice(next < 0 ? this.#queue.length : next, 0, chunk);
  }

  /** Forgets a taken chunk. False when it is not taken any more. */
  letGo(chunk: BufferChunk): boolean {
    return this.#taken.delete(chunk);
  }
}
