/**
 * Reads for all files of one input, one block at a time and in turn, into one buffer. Between two blocks the event loop
 * runs, so that no file, however large, keeps others, timers or a stop waiting. A file whose batch is not taken yet is
 * not read on; the others are.
 */

import { readSync } from "node:fs";
import { BLOCK_BYTES, FRESH_BYTES, IN_FLIGHT_BYTES, SMALLEST_BLOCK_BYTES } from "./limits.ts";
import { readAt } from "./open-files.ts";

/** A small read takes as long as one of so many bytes. */
const LEAST_COST_BYTES = 4096;

export interface BlockOwner {
  /** Reads at most `limitBytes` at a time into `buffer`, which is its own until the promise resolves. Never rejects. */
  read(buffer: Buffer, limitBytes: number): Promise<void>;
}

export class BlockReader {
  readonly #buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  readonly #queue = new Set<BlockOwner>();
  #isRunning = false;
  #inFlightBytes = 0;
  /** What may still be read without waiting in this turn of the event loop. */
  #bytesOfTurn = BLOCK_BYTES;
  #wake: (() => void)[] = [];

  enqueue(owner: BlockOwner): void {
    this.#queue.add(owner);
    if (!this.#isRunning) void this.#run();
  }

  /** Nothing more is read for it, unless it comes again. */
  withdraw(owner: BlockOwner): void {
    this.#queue.delete(owner);
  }

  /**
   * Fills `target` as `readAt` does. Of a file that has grown by no more than `fresh` bytes since it was read to its end
   * this takes no thread of the pool, and so no turn of the event loop: what many files have grown by is emitted together.
   */
  fill(
    target: Buffer,
    length: number,
    descriptor: number,
    position: number,
    fresh: number | undefined,
  ): number | Promise<number> {
    if (fresh === undefined || fresh > FRESH_BYTES || !this.#hasTime(fresh)) {
      return readAt(descriptor, target, length, position);
    }
    return readSync(descriptor, target, 0, length, position);
  }

  /** Of small reads, as much as a block a turn. */
  #hasTime(bytes: number): boolean {
    const cost = Math.max(bytes, LEAST_COST_BYTES);
    if (cost > this.#bytesOfTurn) return false;
    if (this.#bytesOfTurn === BLOCK_BYTES) {
      setImmediate(() => {
        this.#bytesOfTurn = BLOCK_BYTES;
      });
    }
    this.#bytesOfTurn -= cost;
    return true;
  }

  /** `bytes` were handed over. */
  hold(bytes: number): void {
    this.#inFlightBytes += bytes;
  }

  /** `bytes` were taken, or refused. */
  release(bytes: number): void {
    this.#inFlightBytes -= bytes;
    this.#wakeIfIdle();
  }

  /** Resolves when nothing waits to be read and nothing is in flight. */
  idle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  /** Forgets what waits; resolves when the buffer is at rest. */
  async close(): Promise<void> {
    this.#queue.clear();
    while (this.#isRunning) await new Promise((resolve) => setImmediate(resolve));
  }

  get #isIdle(): boolean {
    return !this.#isRunning && this.#inFlightBytes === 0;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (const owner of this.#queue) {
      this.#queue.delete(owner);
      await owner.read(this.#buffer, this.#inFlightBytes < IN_FLIGHT_BYTES ? BLOCK_BYTES : SMALLEST_BLOCK_BYTES);
    }
    this.#isRunning = false;
    this.#wakeIfIdle();
  }

  #wakeIfIdle(): void {
    if (!this.#isIdle) return;
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}
