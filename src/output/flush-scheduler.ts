/**
 * Decides when staged chunks are queued and when queued ones are sent.
 *
 * flush_thread_count chunks are written at the same time. One whose bytes are all written, and which only waits for
 * the receiver's ack, frees its slot; at most AWAITING_LIMIT_CHUNKS and AWAITING_LIMIT_BYTES wait so. A full chunk is
 * sent at once; the check for due ones runs every flush_thread_interval seconds or more often.
 * Source: fluentd 1.18 plugin/output.rb `enqueue_thread_run`, `flush_thread_run`; COMPAT 4.3.
 */

import type { BufferChunk } from "../buffer/buffer-chunk.ts";
import type { ChunkBuffer } from "../buffer/chunk-buffer.ts";
import type { CancelTimer, Clock } from "../clock.ts";
import type { BufferSettings } from "./buffer-settings.ts";

/** Chunks that are sent and not yet acknowledged. */
const AWAITING_LIMIT_CHUNKS = 64;
const AWAITING_LIMIT_BYTES = 64 * 1024 * 1024;

/** The shortest time between two checks for due chunks. */
const LEAST_CHECK_MS = 50;

export interface FlushSchedulerOptions {
  readonly clock: Clock;
  readonly settings: BufferSettings;
  readonly buffer: ChunkBuffer;
  /** Takes the chunk that is to be sent next. */
  readonly take: () => BufferChunk | undefined;
  /** Sends a taken chunk and settles what becomes of it. Calls `sent` when its slot is free. Never rejects. */
  readonly deliver: (chunk: BufferChunk, sent: () => void) => Promise<void>;
}

export class FlushScheduler {
  readonly #options: FlushSchedulerOptions;
  #isRunning = false;
  #writing = 0;
  #awaiting = 0;
  #awaitingBytes = 0;
  /** Due chunks were left staged since the queue was long enough. */
  #hasMoreDue = false;
  #cancelPause: CancelTimer | undefined;
  #cancelCheck: CancelTimer | undefined;
  /** Told when a delivery has ended. */
  readonly #onEnd = new Set<() => void>();

  constructor(options: FlushSchedulerOptions) {
    this.#options = options;
  }

  /** Deliveries that have not ended. */
  get active(): number {
    return this.#writing + this.#awaiting;
  }

  get awaiting(): number {
    return this.#awaiting;
  }

  start(): void {
    const { clock, settings } = this.#options;
    this.#isRunning = true;
    const trigger = settings.keys.time
      ? Math.min(settings.keys.time.seconds, settings.timekeyWait)
      : settings.flushInterval;
    const checkMs = Math.max(LEAST_CHECK_MS, Math.min(settings.flushThreadInterval, trigger / 11) * 1000);
    if (settings.flushMode === "interval" || settings.keys.time) {
      this.#cancelCheck = clock.every(checkMs, () => this.#enqueueDue());
    }
    this.wake();
  }

  /** Ends the check for due chunks, and with `isFinal` starts no further delivery. */
  stop(isFinal: boolean): void {
    this.#cancelCheck?.();
    if (!isFinal) return;
    this.#isRunning = false;
    this.#cancelPause?.();
  }

  /** Starts as many deliveries as slots, caps and a pause allow. */
  wake(): void {
    const { buffer, settings, take } = this.#options;
    if (this.#hasMoreDue && buffer.queueLength < settings.queuedChunksLimitSize) this.#enqueueDue();
    while (this.#canStart()) {
      const chunk = take();
      if (!chunk) return;
      void this.#run(chunk);
    }
  }

  /** Sends nothing for so long. A later pause replaces an earlier one; 0 ends it. */
  pause(waitMs: number): void {
    this.#cancelPause?.();
    this.#cancelPause = undefined;
    if (waitMs <= 0) return;
    this.#cancelPause = this.#options.clock.after(waitMs, () => {
      this.#cancelPause = undefined;
      this.wake();
    });
  }

  /** Resolves when a delivery ends, or `signal` aborts. */
  nextEnd(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        this.#onEnd.delete(done);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      this.#onEnd.add(done);
      signal?.addEventListener("abort", done, { once: true });
    });
  }

  #canStart(): boolean {
    const { settings } = this.#options;
    if (!this.#isRunning || this.#writing >= settings.flushThreadCount) return false;
    if (this.#awaiting >= AWAITING_LIMIT_CHUNKS || this.#awaitingBytes >= AWAITING_LIMIT_BYTES) return false;
    return this.#cancelPause === undefined;
  }

  async #run(chunk: BufferChunk): Promise<void> {
    const { byteSize } = chunk;
    let isSent = false;
    this.#writing += 1;
    await this.#options.deliver(chunk, () => {
      if (isSent) return;
      isSent = true;
      this.#writing -= 1;
      this.#awaiting += 1;
      this.#awaitingBytes += byteSize;
      this.wake();
    });
    if (isSent) {
      this.#awaiting -= 1;
      this.#awaitingBytes -= byteSize;
    } else {
      this.#writing -= 1;
    }
    isSent = true;
    this.wake();
    for (const done of [...this.#onEnd]) done();
  }

  #enqueueDue(): void {
    const { buffer, clock, settings } = this.#options;
    const nowMs = clock.now();
    this.#hasMoreDue = false;
    for (const chunk of buffer.staged()) {
      if (!this.#isDue(chunk, nowMs)) continue;
      if (buffer.queueLength >= settings.queuedChunksLimitSize) {
        this.#hasMoreDue = true;
        return;
      }
      buffer.enqueue(chunk);
    }
  }

  #isDue(chunk: BufferChunk, nowMs: number): boolean {
    const { flushMode, flushInterval, keys, timekeyWait } = this.#options.settings;
    const ageMs = nowMs - chunk.createdAtMs; // Below 0 where the clock was set back: nobody knows how old it is.
    if (flushMode === "interval" && (ageMs >= flushInterval * 1000 || ageMs < 0)) return true;
    if (!keys.time) return false;
    const { timekey } = chunk.metadata;
    return timekey === undefined || (timekey + keys.time.seconds + timekeyWait) * 1000 <= nowMs;
  }
}
