/**
 * Delivers chunks and settles what becomes of each: purged when the receiver has it, back in the queue when it may be
 * tried again, to the secondary, the backup folder or the quarantine when that is hopeless. Holds the output's one retry
 * state, and knows the chunks that must not hold up the others (suspects.ts).
 *
 * Nothing leaves the buffer before it is delivered or kept elsewhere: when even the backup cannot be written, the chunk
 * stays in the queue. Source: fluentd 1.18 plugin/output.rb `try_flush`, `update_retry_state`; COMPAT 4.3, 3.3.
 */

import type { BufferChunk } from "../buffer/buffer-chunk.ts";
import { chunkIdText } from "../buffer/chunk.ts";
import type { ChunkBackup } from "../buffer/chunk-backup.ts";
import type { ChunkBuffer } from "../buffer/chunk-buffer.ts";
import type { Counters } from "../counters.ts";
import { AckError, BufferIoError, ChunkBrokenError, isRetryable, StoppingError, TimeoutError } from "../errors.ts";
import { type Logger, localTime } from "../logger.ts";
import type { ChunkWriter, Delivery, Receiver } from "../plugin.ts";
import type { ChunkQuarantine } from "./chunk-quarantine.ts";
import { type RetryPolicy, RetryState } from "./retry-state.ts";
import { Suspects, type SuspectsOptions } from "./suspects.ts";

/** Wait after an ack that did not come: doubles from the first to the second, ± 25 %. fluentd sends again at once. */
const ACK_BACKOFF_MS = { first: 1000, most: 10_000, jitter: 0.25 } as const;

const STANDS_ASIDE =
  "the receiver refuses this chunk again and again, and takes others: they go first, and it is tried again now and then";
export interface ChunkDeliveryOptions extends Pick<SuspectsOptions, "clock" | "random" | "onRejoined"> {
  readonly pluginId: string;
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
  /** When a chunk is refused for good. */
  readonly refusal: Pick<SuspectsOptions, "attempts" | "waitMs">;
  /** Where it goes then. */
  readonly quarantine: ChunkQuarantine;
  /** Nothing may be sent for so long; 0 ends a pause. */
  readonly onPause: (waitMs: number) => void;
}

export class ChunkDelivery {
  readonly #options: ChunkDeliveryOptions;
  readonly #active = new Set<AbortController>();
  readonly #suspects: Suspects;
  #retry: RetryState | undefined;
  #isAborted = false;
  #ackFailures = 0;
  #ackPausedUntilMs = 0;
  #lastDeliveryMs: number | undefined;

  constructor(options: ChunkDeliveryOptions) {
    this.#options = options;
    this.#suspects = new Suspects({ ...options, ...options.refusal });
  }

  get retry(): RetryState | undefined {
    return this.#retry;
  }

  /** Wall time. */
  get lastDeliveryMs(): number | undefined {
    return this.#lastDeliveryMs;
  }

  /** Takes the chunk that is to be sent next. */
  take(): BufferChunk | undefined {
    const { buffer } = this.#options;
    const chunk = buffer.take();
    if (chunk && this.#suspects.isSuspect(chunk)) return chunk;
    this.#suspects.othersWent();
    return chunk ?? buffer.take();
  }

  /** Queues every chunk that stands aside, at its place. */
  recall(): void {
    this.#suspects.recall();
  }

  /** From now on no chunk stands aside: there is no time for long waits. */
  hurry(): void {
    this.#suspects.end();
  }

  /** Sends a taken chunk and settles it. `sent` is called when only the receiver's ack is awaited. Never rejects. */
  async deliver(chunk: BufferChunk, sent: () => void): Promise<void> {
    const { buffer, counters, primary, secondary } = this.#options;
    const isSecondary = secondary !== undefined && (this.#retry?.isSecondary ?? false);
    const refusals = this.#suspects.refusals(chunk);
    if (this.#suspects.isConfirmed(chunk)) sent(); // It holds up no slot, however its receiver treats it.
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
      await this.#failed(chunk, error, isSecondary, this.#suspects.refusals(chunk) > refusals);
    }
  }

  /** Ends every delivery: the agent will not wait any longer. */
  abort(): void {
    this.#isAborted = true;
    for (const controller of this.#active) {
      controller.abort(stopped());
    }
  }

  /** Resolves when the writer has delivered; rejects too when the agent or the commit timeout will wait no longer. */
  async #write(writer: ChunkWriter, chunk: BufferChunk, sent: () => void): Promise<void> {
    const { clock, commitTimeoutMs, counters } = this.#options;
    const controller = new AbortController();
    const { signal } = controller;
    if (this.#isAborted) throw stopped();
    const startMs = clock.monotonic();
    let isWritten = false;
    const suspects = writer === this.#options.primary ? this.#suspects : undefined;
    let sentMs: number | undefined;
    let cancelTimeout = () => {};
    const written = () => {
      if (isWritten) return;
      isWritten = true;
      this.#noteFlushTime(clock.monotonic() - startMs);
    };
    const refused = (receiver: Receiver) => suspects?.refused(chunk, receiver);
    const onSent = (receiver?: Receiver) => {
      if (isWritten || signal.aborted) return;
      written();
      sentMs = clock.monotonic();
      const timeoutMs = writer.commitTimeoutMs ?? commitTimeoutMs;
      const late = () => {
        if (receiver) refused(receiver);
        controller.abort(notCommitted());
      };
      if (timeoutMs !== undefined) cancelTimeout = clock.after(timeoutMs, late);
      sent();
    };
    const delivery: Delivery = {
      sent: onSent,
      signal,
      isAlone: suspects?.isSuspect(chunk) ?? false,
      refused,
      accepted: (receiver, isAcked) => suspects?.accepted(receiver, isAcked),
    };
    this.#active.add(controller);
    try {
      await Promise.race([writer.write(chunk, delivery), rejectionOf(signal)]);
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

  async #failed(chunk: BufferChunk, error: unknown, isSecondary: boolean, isRefused: boolean): Promise<void> {
    const { buffer, counters, logger } = this.#options;
    if (error instanceof StoppingError) {
      if (buffer.takeBack(chunk)) counters.add("takebacks");
      logger.info("delayed commit for buffer chunks was cancelled in shutdown", { chunk_id: chunkIdText(chunk.id) });
      return;
    }
    counters.add("flush_failures");
    if (isRefused && this.#suspects.isRefusedForGood(chunk) && (await this.#setAside(chunk, error))) return;
    const aside = isRefused ? this.#suspects.standAside(chunk) : undefined;
    if (aside && aside.waitMs > 0) this.#standAside(chunk, error, aside.waitMs);
    else if (error instanceof AckError) this.#takeBackUnacked(chunk, error, aside !== undefined);
    else if (isRetryable(error) || buffer.isFolderLost)
      await this.#retryLater(chunk, error, isSecondary, aside !== undefined);
    else await this.#giveUp(chunk, error, isSecondary);
  }

  /** The others are not held up: neither by a pause nor by the limits of retrying. */
  #standAside(chunk: BufferChunk, error: unknown, waitMs: number): void {
    const { buffer, clock, counters, logger } = this.#options;
    if (buffer.takeBack(chunk, true)) counters.add("takebacks");
    logger.warn(STANDS_ASIDE, {
      chunk_id: chunkIdText(chunk.id),
      tag: chunk.metadata.tag,
      bytes: chunk.byteSize,
      refusals: this.#suspects.refusals(chunk),
      next_retry_time: localTime(new Date(Math.round((clock.now() + waitMs) / 1000) * 1000)),
      error,
    });
  }

  /** The receiver did not say that it has the chunk: sent again with the same id, however often. */
  #takeBackUnacked(chunk: BufferChunk, error: AckError, isAside: boolean): void {
    const { buffer, clock, counters, logger, random, onPause } = this.#options;
    if (buffer.takeBack(chunk, isAside)) counters.add("takebacks");
    logger.warn(error.message, { chunk_id: chunkIdText(chunk.id) });
    const now = clock.monotonic();
    if (now >= this.#ackPausedUntilMs) {
      const { first, most, jitter } = ACK_BACKOFF_MS;
      const waitMs = Math.min(first * 2 ** this.#ackFailures, most) * (1 - jitter + 2 * jitter * random());
      this.#ackFailures += 1;
      this.#ackPausedUntilMs = now + waitMs;
    }
    onPause(Math.max(this.#ackPausedUntilMs - now, this.#retry?.waitMs ?? 0));
  }

  async #retryLater(chunk: BufferChunk, error: unknown, isSecondary: boolean, isAside = false): Promise<void> {
    const { buffer, clock, counters, logger, onPause, random, retryPolicy } = this.#options;
    if (buffer.takeBack(chunk, isAside)) counters.add("takebacks");
    counters.add("retries");
    if (this.#retry) this.#retry.fail();
    else this.#retry = new RetryState(retryPolicy, clock, random);
    const retry = this.#retry;
    onPause(retry.waitMs);
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
      records: buffer.stats().queueEvents,
      error,
    });
    this.#suspects.recall();
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
        onPause(this.#retry.waitMs);
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
      if (await this.#flushToSecondary(secondary, chunk, error)) return;
    }
    await this.#backUp(chunk, isSecondary);
  }

  async #flushToSecondary(secondary: ChunkWriter, chunk: BufferChunk, error: unknown): Promise<boolean> {
    const { logger } = this.#options;
    logger.warn("got unrecoverable error in primary. Skip retry and flush chunk to secondary", { error });
    try {
      await this.#write(secondary, chunk, () => {});
      this.#delivered(chunk, true);
      return true;
    } catch (cause) {
      logger.warn("got an error in secondary for unrecoverable error", { error: cause });
      return false;
    }
  }

  /** Refused for good: to a secondary of another type, else to the quarantine. False when neither can keep it. */
  async #setAside(chunk: BufferChunk, error: unknown): Promise<boolean> {
    const { buffer, isSecondaryAlike, quarantine, secondary } = this.#options;
    if (buffer.isFolderLost) return false; // The quarantine may lie in it, and nobody makes another in its place.
    if (secondary && !isSecondaryAlike && (await this.#flushToSecondary(secondary, chunk, error))) return true;
    const receiver = this.#suspects.receivers(chunk).join(", ");
    const refusals = this.#suspects.refusals(chunk);
    if (!(await quarantine.keep(chunk, { receiver, refusals, error }))) return false;
    buffer.purge(chunk);
    return true;
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

function stopped(): StoppingError {
  return new StoppingError("the agent stops before the receiver had the chunk");
}
