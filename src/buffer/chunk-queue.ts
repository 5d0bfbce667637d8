/** Chunks in the order in which they are to be sent, and those that are being sent. */

import type { BufferChunk } from "./buffer-chunk.ts";

export class ChunkQueue {
  readonly #queue: BufferChunk[] = [];
  readonly #taken = new Set<BufferChunk>();
  #nextOrder = 0;

  get length(): number {
    return this.#queue.length;
  }

  get queued(): readonly BufferChunk[] {
    return this.#queue;
  }

  get taken(): Iterable<BufferChunk> {
    return this.#taken;
  }

  *[Symbol.iterator](): IterableIterator<BufferChunk> {
    yield* this.#queue;
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

  /** Puts a taken chunk back at the head, behind those that were queued before it. False when it is not taken. */
  takeBack(chunk: BufferChunk): boolean {
    if (!this.#taken.delete(chunk)) return false;
    chunk.state = "queued";
    const next = this.#queue.findIndex((other) => other.order > chunk.order);
    this.#queue.splice(next < 0 ? this.#queue.length : next, 0, chunk);
    return true;
  }

  /** Forgets a taken chunk. False when it is not taken any more. */
  letGo(chunk: BufferChunk): boolean {
    return this.#taken.delete(chunk);
  }
}
