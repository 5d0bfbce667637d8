/**
 * Bytes that grow at the end, kept in blocks of their own so that what they cost is known exactly. A small chunk has
 * a small block, a growing one larger ones: a thousand tags do not cost a thousand large blocks.
 */

const FIRST_BLOCK_BYTES = 4 * 1024;
const LARGEST_BLOCK_BYTES = 1024 * 1024;

/** Free blocks of the largest size that are kept for the next chunk, within the limit: the 8 MiB of two common chunks. */
const FREE_BLOCKS_LIMIT = 16;

/**
 * Counts what all chunks of a buffer keep in memory, says where it ends, and keeps a few free blocks within it: memory outside
 * V8's heap that comes and goes makes its collector run, which cost more than all the copying (0.3 of 1.3 µs an event).
 */
export class RetainedMemory {
  readonly limitBytes: number;
  readonly #free: Buffer[] = [];
  #bytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** False, and nothing taken, when the limit would be passed. */
  reserve(bytes: number): boolean {
    if (this.#bytes + bytes > this.limitBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** A block whose bytes are anything. */
  block(byteSize: number): Buffer {
    const free = byteSize === LARGEST_BLOCK_BYTES ? this.#free.pop() : undefined;
    if (free) return free;
    while (this.#bytes + this.#free.length * LARGEST_BLOCK_BYTES > this.limitBytes && this.#free.pop());
    return Buffer.allocUnsafeSlow(byteSize);
  }

  /** Takes back a block that nobody reads any more. */
  reuse(block: Buffer): void {
    const freeBytes = (this.#free.length + 1) * LARGEST_BLOCK_BYTES;
    const isKept = this.#free.length < FREE_BLOCKS_LIMIT && this.#bytes + freeBytes <= this.limitBytes;
    if (isKept && block.length === LARGEST_BLOCK_BYTES) this.#free.push(block);
  }
}

export class ByteBlocks {
  readonly #memory: RetainedMemory;
  #blocks: Buffer[] = [];
  #byteSize = 0;
  #capacity = 0;

  constructor(memory: RetainedMemory) {
    this.#memory = memory;
  }

  get byteSize(): number {
    return this.#byteSize;
  }

  /** Copies `bytes` to the end. False, and nothing copied, when memory is short. */
  append(bytes: Buffer): boolean {
    if (!this.#grow(bytes.length)) return false;
    let block = this.#blockAt(this.#byteSize);
    for (let copied = 0; copied < bytes.length; ) {
      const { index, start } = block;
      const count = bytes.copy(this.#blocks[index] as Buffer, this.#byteSize - start, copied);
      copied += count;
      this.#byteSize += count;
      block = { index: index + 1, start: this.#byteSize };
    }
    return true;
  }

  /** Forgets everything behind `byteSize`; the memory stays reserved. */
  truncate(byteSize: number): void {
    this.#byteSize = byteSize;
  }

  /** Views of the bytes in [start, end), in order. */
  views(start: number, end: number): Buffer[] {
    const views: Buffer[] = [];
    for (let { index, start: blockStart } = this.#blockAt(start); blockStart < end; index++) {
      const block = this.#blocks[index] as Buffer;
      views.push(block.subarray(Math.max(0, start - blockStart), Math.min(block.length, end - blockStart)));
      blockStart += block.length;
    }
    return views;
  }

  /**
   * Gives the memory back. Views that were handed out stay valid as long as someone holds them, unless `isUnread`: then
   * nobody does, and the blocks serve again.
   */
  release(isUnread: boolean): void {
    this.#memory.release(this.#capacity);
    if (isUnread) for (const block of this.#blocks) this.#memory.reuse(block);
    this.#blocks = [];
    this.#byteSize = 0;
    this.#capacity = 0;
  }

  /** The block that holds `position`, searched from the end, where appending happens. */
  #blockAt(position: number): { index: number; start: number } {
    let start = this.#capacity;
    for (let index = this.#blocks.length - 1; index >= 0; index--) {
      start -= (this.#blocks[index] as Buffer).length;
      if (start <= position) return { index, start };
    }
    return { index: 0, start: 0 };
  }

  #grow(bytes: number): boolean {
    const missing = this.#byteSize + bytes - this.#capacity;
    if (missing <= 0) return true;
    const sizes: number[] = [];
    for (let total = 0; total < missing; ) {
      const wanted = Math.max(FIRST_BLOCK_BYTES, this.#capacity + total, missing - total);
      const size = Math.min(LARGEST_BLOCK_BYTES, 2 ** Math.ceil(Math.log2(wanted)));
      sizes.push(size);
      total += size;
    }
    const sum = sizes.reduce((left, right) => left + right, 0);
    if (!this.#memory.reserve(sum)) return false;
    for (const size of sizes) this.#blocks.push(this.#memory.block(size));
    this.#capacity += sum;
    return true;
  }
}
