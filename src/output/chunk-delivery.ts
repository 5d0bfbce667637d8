/**
 * Delivers chunks and settles what becomes of each: purged when the receiver has it, back in the queue when it may be
 * tried again, to the secondary or the backup folder when that is hopeless. Holds the output's one retry state.
 *
 * Nothing leaves the buffer before it is delivered or kept elsewhere: when even the backup cannot be written, the chunk
 * stays in the queue. Source: fluentd 1.18 plugin/output.rb `try_flush`, `update_retry_state`; COMPAT 4.3, 3.3.
 */

import type { BufferChunk } from "../buffer/buffer-chunk.ts";
import { chunkIdText } from "../buffer/chunk.ts";
import type { ChunkBackup } from "../buffer/chunk-backup.ts";
import type { ChunkBuffer } from "../buffer/chunk-buffer.ts";
import type { Clock } from "../clock.ts";
import type { Counters } from "../counters.ts";
import { AckError, BufferIoError, ChunkBrokenError, isRetryable, StoppingError, TimeoutError } from "../errors.ts";
import { type Logger, localTime } from "../logger.ts";
import type { ChunkWriter } from "../plugin.ts";
import { type RetryPolicy, RetryState } from "./retry-state.ts";

/** Wait after an ack that did not come: doubles from the first to the second, ± 25 %. fluentd sends again at once. */
const ACK_BACKOFF_MS = { first: 1000, most: 10_000, jitter: 0.25 } as const;

export interface ChunkDeliveryOptions {
  readonly pluginId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly buffer: ChunkBuffer;
  readonly backup: ChunkBackup;
  readonly primary: ChunkWriter;
  readonly secondary: ChunkWriter | undefined;
  /** The secondary is of the same type: what the primary refuses for good, it would refuse too. */
  readonly isSecondaryAlike: boolean;
  readonly retryPolicy: RetryPolicy;
  readonly slowFlushMs: number;
  readonly commitTimeoutMs: number | undefined;
  readonly random: () => number;
  /** Nothing may be sent before this wall time; 0 ends a pause. */
  readonly onPause: (untilMs: number) => void;
}

export class ChunkDelivery {
  readonly #options: ChunkDeliveryOptions;
  readonly #active = new Set<AbortController>();
  #retry: RetryState | undefined;
  #ackFailures = 0;
  #ackPausedUntilMs = 0;
  #lastDeliveryMs: number | undefined;

  constructor(options: ChunkDeliveryOptions) {
    this.#options = options;
  }

  get retry(): RetryState | undefined {
    return this.#retry;
  }

  /** Wall time. */
  get lastDeliveryMs(): number | undefined {
    return this.#lastDeliveryMs;
  }

  /** Sends a taken chunk and settles it. `sent` is called when only the receiver's ack is awaited. Never rejects. */
  async deliver(chunk: BufferChunk, sent: () => void): Promise<void> {
    const { buffer, counters, primary, secondary } = this.#options;
    const isSecondary = secondary !== undefined && (this.#retry?.isSecondary ?? false);
    try {
      await buffer.verify(chunk);
      if (chunk.byteSize === 0) {
        buffer.purge(chunk);
        return;
      }
      counters.add("flush_attempts");
      await this.#write(isSecondary ? secondary : primary, chunk, sent);
      this.#delivered(chunk, isSecondary);
    } catch (error) {
      await this.#failed(chunk, error, isSecondary);
    }
  }

  /** Ends every delivery: the agent will not wait any longer. */
  abort(): void {
    for (const controller of this.#active) {
      controller.abort(new StoppingError("the agent stops before the receiver had the chunk"));
    }
  }

  /** Resolves when the writer has delivered; rejects too when the agent or the commit timeout will wait no longer. */
  async #write(writer: ChunkWriter, chunk: BufferChunk, sent: () => void): Promise<void> {
    const { clock, commitTimeoutMs, counters } = this.#options;
    const controller = new AbortController();
    const { signal } = controller;
    const startMs = clock.monotonic();
    let isWritten = false;
    let sentMs: number | undefined;
    let cancelTimeout = () => {};
    const written = () => {
      if (isWritten) return;
      isWritten = true;
      this.#noteFlushTime(clock.monotonic() - startMs);
    };
    const onSent = () => {
      if (isWritten || signal.aborted) return;
      written();
      sentMs = clock.monotonic();
      const timeoutMs = writer.commitTimeoutMs ?? commitTimeoutMs;
      if (timeoutMs !== undefined) cancelTimeout = clock.after(timeoutMs, () => controller.abort(notCommitted()));
      sent();
    };
    this.#active.add(controller);
    try {
      await Promise.race([writer.write(chunk, { sent: onSent, signal }), rejectionOf(signal)]);
      written();
      const nowMs = clock.monotonic();
      counters.observe("flush_seconds", (nowMs - startMs) / 1000);
      if (sentMs !== undefined) counters.observe("ack_seconds", (nowMs - sentMs) / 1000);
    } finally {
      isWritten = true;
      cancelTimeout();
      this.#active.delete(controller);
    }
  }

  #delivered(chunk: BufferChunk, isSecondary: boolean): void {
    const { buffer, clock, counters, logger, onPause } = this.#options;
    const { size, byteSize } = chunk;
    if (!buffer.purge(chunk)) return;
    this.#lastDeliveryMs = clock.now();
    counters.add("delivered_events", size);
    counters.add("delivered_bytes", byteSize);
    this.#ackFailures = 0;
    this.#ackPausedUntilMs = 0;
    if (this.#retry) {
      logger.warn(isSecondary ? "retry succeeded by secondary." : "retry succeeded.", {
        chunk_id: chunkIdText(chunk.id),
      });
      this.#retry = undefined;
    }
    onPause(0);
  }

  async #failed(chunk: BufferChunk, error: unknown, isSecondary: boolean): Promise<void> {
    const { buffer, counters, logger } = this.#options;
    if (error instanceof StoppingError) {
      if (buffer.takeBack(chunk)) counters.add("takebacks");
      logger.info("delayed commit for buffer chunks was cancelled in shutdown", { chunk_id: chunkIdText(chunk.id) });
      return;
    }
    counters.add("flush_failures");
    if (error instanceof AckError) this.#takeBackUnacked(chunk, error);
    else if (isRetryable(error)) await this.#retryLater(chunk, error, isSecondary);
    else await this.#giveUp(chunk, error, isSecondary);
  }

  /** The receiver did not say that it has the chunk: sent again with the same id, however often. */
  #takeBackUnacked(chunk: BufferChunk, error: AckError): void {
    const { buffer, clock, counters, logger, random, onPause } = this.#options;
    if (buffer.takeBack(chunk)) counters.add("takebacks");
    logger.warn(error.message, { chunk_id: chunkIdText(chunk.id) });
    const now = clock.now();
    if (now >= this.#ackPausedUntilMs) {
      const { first, most, jitter } = ACK_BACKOFF_MS;
      const waitMs = Math.min(first * 2 ** this.#ackFailures, most) * (1 - jitter + 2 * jitter * random());
      this.#ackFailures += 1;
      this.#ackPausedUntilMs = now + waitMs;
    }
    onPause(Math.max(this.#ackPausedUntilMs, this.#retry?.nextTimeMs ?? 0));
  }

  async #retryLater(chunk: BufferChunk, error: unknown, isSecondary: boolean): Promise<void> {
    const { buffer, clock, counters, logger, onPause, random, retryPolicy } = this.#options;
    if (buffer.takeBack(chunk)) counters.add("takebacks");
    counters.add("retries");
    if (this.#retry) this.#retry.fail();
    else this.#retry = new RetryState(retryPolicy, clock, random);
    const retry = this.#retry;
    onPause(retry.nextTimeMs);
    if (retry.isLimit) {
      await this.#dropQueue(retry, error);
      return;
    }
    const what = isSecondary ? "failed to flush the buffer with secondary output." : "failed to flush the buffer.";
    logger.warn(what, {
      retry_times: retry.steps,
      next_retry_time: localTime(new Date(Math.round(retry.nextTimeMs / 1000) * 1000)),
      chunk: chunkIdText(chunk.id),
      error,
    });
  }

  /** The retry limit: every queued chunk is moved to the backup folder and counted. Staged ones stay. */
  async #dropQueue(retry: RetryState, error: unknown): Promise<void> {
    const { backup, buffer, clock, counters, logger, onPause, random, retryPolicy } = this.#options;
    logger.error("Hit limit for retries. dropping all chunks in the buffer queue.", {
      retry_times: retry.steps,
      records: buffer.queuedRecords,
      error,
    });
    for (let left = buffer.queueLength; left > 0; left--) {
      const chunk = buffer.take();
      if (!chunk) break;
      try {
        const isKept = await backup.evacuate(chunk);
        if (isKept) counters.add("chunks_backed_up");
        counters.add("dropped_events", chunk.size, "retry_limit");
        buffer.purge(chunk, isKept ? "evacuated" : "dropped");
      } catch (cause) {
        buffer.takeBack(chunk);
        logger.error("unexpected error while evacuating chunk files. They stay in the queue.", { error: cause });
        this.#retry = new RetryState(retryPolicy, clock, random);
        onPause(this.#retry.nextTimeMs);
        return;
      }
    }
    this.#retry = undefined;
    onPause(0);
  }

  /** Retrying is hopeless: to the secondary where that may help, else to the backup folder. */
  async #giveUp(chunk: BufferChunk, error: unknown, isSecondary: boolean): Promise<void> {
    const { isSecondaryAlike, logger, secondary } = this.#options;
    if (!secondary) {
      logger.warn("got unrecoverable error in primary and no secondary", { error });
    } else if (isSecondary) {
      logger.warn("got unrecoverable error in secondary.", { error });
    } else if (isSecondaryAlike) {
      logger.warn("got unrecoverable error in primary and secondary type is same as primary. Skip secondary", {
        error,
      });
    } else {
      logger.warn("got unrecoverable error in primary. Skip retry and flush chunk to secondary", { error });
      try {
        await this.#write(secondary, chunk, () => {});
        this.#delivered(chunk, true);
        return;
      } catch (cause) {
        logger.warn("got an error in secondary for unrecoverable error", { error: cause });
      }
    }
    await this.#backUp(chunk, isSecondary);
  }

  async #backUp(chunk: BufferChunk, isSecondary: boolean): Promise<void> {
    const { backup, buffer, counters, logger } = this.#options;
    let isKept = false;
    try {
      isKept = await backup.keep(chunkIdText(chunk.id), chunk.read());
      if (isKept) counters.add("chunks_backed_up");
    } catch (error) {
      if (!(error instanceof BufferIoError && error.cause instanceof ChunkBrokenError)) {
        await this.#retryLater(chunk, error, isSecondary);
        return;
      }
      logger.error("a buffer chunk is lost", { chunk: chunkIdText(chunk.id), error });
    }
    counters.add("dropped_events", chunk.size, "unrecoverable");
    buffer.purge(chunk, isKept ? "delivered" : "dropped");
  }

  #noteFlushTime(elapsedMs: number): void {
    const { counters, logger, pluginId, slowFlushMs } = this.#options;
    counters.add("flush_milliseconds", Math.floor(elapsedMs));
    if (elapsedMs <= slowFlushMs) return;
    counters.add("slow_flushes");
    logger.warn("buffer flush took longer time than slow_flush_log_threshold:", {
      elapsed_time: elapsedMs / 1000,
      slow_flush_log_threshold: slowFlushMs / 1000,
      plugin_id: pluginId,
    });
  }
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function notCommitted(): TimeoutError {
  return new TimeoutError("failed to flush the buffer chunk, timeout to commit.");
}
