/**
 * When to try again after a failed flush. One state per output: any chunk that is delivered ends it.
 *
 * Failure 1 is retried retry_wait later; failure n at now + retry_wait * base^(n-1) ± 12.5 %, at most
 * retry_max_interval; periodic at now + retry_wait ± 12.5 %. The time is never past start + retry_timeout, so the last
 * try is at that moment. From the secondary threshold on the secondary is used, with a back-off of its own.
 * Times are milliseconds that pass, not the wall's: a clock that is set must not end 72 hours of retrying in a moment.
 * Source: fluentd 1.18 plugin_helper/retry_state.rb; COMPAT 4.3.
 */

import type { Clock } from "../clock.ts";
import type { BufferSettings } from "./buffer-settings.ts";

export interface RetryPolicy {
  readonly type: "exponential_backoff" | "periodic";
  readonly waitMs: number;
  readonly backoffBase: number;
  readonly maxIntervalMs: number | undefined;
  readonly timeoutMs: number;
  readonly maxTimes: number | undefined;
  readonly isForever: boolean;
  readonly isRandomized: boolean;
  /** The share of the time limit after which the secondary is used; undefined without a secondary. */
  readonly secondaryThreshold: number | undefined;
}

export function retryPolicy(settings: BufferSettings, hasSecondary: boolean): RetryPolicy {
  return {
    type: settings.retryType,
    waitMs: settings.retryWait * 1000,
    backoffBase: settings.retryExponentialBackoffBase,
    maxIntervalMs: settings.retryMaxInterval === undefined ? undefined : settings.retryMaxInterval * 1000,
    timeoutMs: settings.retryTimeout * 1000,
    maxTimes: settings.retryMaxTimes,
    isForever: settings.retryForever,
    isRandomized: settings.retryRandomize,
    secondaryThreshold: hasSecondary ? settings.retrySecondaryThreshold : undefined,
  };
}

/** A wait is changed by up to this share either way. */
const JITTER = 0.125;

/** A timer may fire so much before its time. */
const EARLY_MS = 1;

export class RetryState {
  /** Wall time, to be shown. */
  readonly startMs: number;
  readonly #policy: RetryPolicy;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #timeoutAtMs: number;
  readonly #secondaryAtMs: number;
  #steps = 0;
  #nextMs: number;
  /** The step at which the secondary took over. */
  #secondarySteps: number | undefined;
  #hasReachedTimeout = false;
  #hasTimedOut = false;

  constructor(policy: RetryPolicy, clock: Clock, random: () => number = Math.random) {
    this.#policy = policy;
    this.#clock = clock;
    this.#random = random;
    this.startMs = clock.now();
    const startMs = clock.monotonic();
    this.#timeoutAtMs = startMs + policy.timeoutMs;
    this.#secondaryAtMs = startMs + this.#longestRetryMs() * (policy.secondaryThreshold ?? 1);
    this.#nextMs = startMs + policy.waitMs;
  }

  /** Failures after the first one. */
  get steps(): number {
    return this.#steps;
  }

  /** Until the next try; 0 when it is due. */
  get waitMs(): number {
    return Math.max(0, this.#nextMs - this.#clock.monotonic());
  }

  /** Wall time of the next try, to be shown. */
  get nextTimeMs(): number {
    return this.#clock.now() + this.#nextMs - this.#clock.monotonic();
  }

  /** Whether the next try goes to the secondary. */
  get isSecondary(): boolean {
    if (this.#policy.isForever || this.#policy.secondaryThreshold === undefined) return false;
    return this.#secondarySteps !== undefined || this.#clock.monotonic() >= this.#secondaryAtMs;
  }

  /** No further try is due: the limit of time or of tries is reached. */
  get isLimit(): boolean {
    const { isForever, maxTimes } = this.#policy;
    if (isForever) return false;
    return this.#hasTimedOut || (maxTimes !== undefined && this.#steps >= maxTimes);
  }

  /** A further failure. One that comes before the next try was due, from a slot beside it, only moves the time. */
  fail(): void {
    if (this.#clock.monotonic() + EARLY_MS < this.#nextMs) {
      this.#nextMs = this.#calculateNext();
      return;
    }
    this.#steps += 1;
    if (this.isSecondary) this.#secondarySteps ??= this.#steps;
    this.#nextMs = this.#calculateNext();
    const isAtTimeout = this.#nextMs >= this.#timeoutAtMs;
    if (this.#hasReachedTimeout) this.#hasTimedOut = isAtTimeout;
    else this.#hasReachedTimeout = isAtTimeout;
  }

  #calculateNext(): number {
    const naive = this.#clock.monotonic() + this.#jittered(this.#intervalMs(this.#steps - (this.#secondarySteps ?? 0)));
    if (this.#policy.isForever) return naive;
    const beforeSecondary = this.#policy.secondaryThreshold !== undefined && this.#secondarySteps === undefined;
    return Math.min(naive, beforeSecondary ? this.#secondaryAtMs : this.#timeoutAtMs);
  }

  #intervalMs(step: number): number {
    const { type, waitMs, backoffBase, maxIntervalMs } = this.#policy;
    if (type === "periodic") return waitMs;
    return Math.min(waitMs * backoffBase ** step, maxIntervalMs ?? Number.MAX_SAFE_INTEGER);
  }

  #jittered(intervalMs: number): number {
    if (!this.#policy.isRandomized) return intervalMs;
    return intervalMs + intervalMs * JITTER * (2 * this.#random() - 1);
  }

  /** retry_timeout, or the sum of all waits of retry_max_times where that is shorter. */
  #longestRetryMs(): number {
    const { maxTimes, timeoutMs } = this.#policy;
    if (maxTimes === undefined) return timeoutMs;
    let sum = 0;
    for (let step = 0; step < maxTimes && sum < timeoutMs; step++) sum += this.#intervalMs(step);
    return Math.min(sum, timeoutMs);
  }
}
