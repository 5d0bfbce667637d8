/**
 * Blocks of memory that chunks are read into on their way to a receiver, used over and over. Memory outside V8's heap
 * that comes and goes with every block makes its collector run: where an output lags behind, and everything is read back,
 * that was a tenth of all CPU.
 *
 * Whoever took a block, or was handed it, gives it back when nobody reads it any more. One that is never given back is
 * left to the collector, so forgetting costs speed and nothing else.
 */

/** With half of it the hops to the thread pool are felt, with twice as much nothing but the memory. */
export const BLOCK_BYTES = 512 * 1024;
/** Free blocks that are kept: one for each flush slot of a busy output. */
const FREE_BLOCKS_LIMIT = 8;

export class BlockMemory {
  readonly #free: Buffer[] = [];
  readonly #lent = new WeakSet<ArrayBufferLike>();

  /** A block of BLOCK_BYTES, whose content is anything. */
  take(): Buffer {
    const block = this.#free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
    this.#lent.add(block.buffer);
    return block;
  }

  /** Takes back the block that `part` is of; what did not come from here is left alone. */
  give({ buffer }: Buffer): void {
    if (!this.#lent.delete(buffer) || this.#free.length >= FREE_BLOCKS_LIMIT) return;
    this.#free.push(Buffer.from(buffer));
  }
}
