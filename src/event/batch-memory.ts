/**
 * Memory in which messages are collected and batches are written, used over and over. Memory outside V8's heap that comes
 * and goes with every batch makes its collector run all the time: at 1,000 events a batch that was a fifth of all CPU.
 *
 * Whoever is handed a buffer owns it, and may give it back, once, when nobody reads it any more. One that is never given
 * back is left to the collector, so forgetting costs speed and nothing else.
 */

/** What is smaller has memory of just its size, and is left to the collector: many may wait at one time. */
const LEAST_BYTES = 32 * 1024;
/** What is larger is rare, and its memory is better returned. */
export const LARGEST_KEPT_BYTES = 2 * 1024 * 1024;
/** What idle buffers may take in all. */
const KEPT_LIMIT_BYTES = 8 * 1024 * 1024;

export class BatchMemory {
  /** Free buffers by size, a power of two. */
  readonly #free = new Map<number, Buffer[]>();
  #keptBytes = 0;

  /** A buffer of at least `byteSize` bytes, whose content is anything. */
  take(byteSize: number): Buffer {
    if (byteSize < LEAST_BYTES) return Buffer.allocUnsafe(byteSize);
    if (byteSize > LARGEST_KEPT_BYTES) return Buffer.allocUnsafeSlow(byteSize);
    const size = 2 ** Math.ceil(Math.log2(byteSize));
    const free = this.#free.get(size)?.pop();
    if (!free) return Buffer.allocUnsafeSlow(size);
    this.#keptBytes -= size;
    return free;
  }

  /** Takes back a whole buffer that nobody reads any more. One of another size than `take` gives is not kept. */
  give(buffer: Buffer): void {
    const size = buffer.length;
    const isOurs = size >= LEAST_BYTES && size <= LARGEST_KEPT_BYTES && (size & (size - 1)) === 0;
    if (!isOurs || this.#keptBytes + size > KEPT_LIMIT_BYTES) return;
    const free = this.#free.get(size);
    if (free) free.push(buffer);
    else this.#free.set(size, [buffer]);
    this.#keptBytes += size;
  }
}

/** Of the whole process. */
export const batchMemory = new BatchMemory();
