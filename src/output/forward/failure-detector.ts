/**
 * Tells from the times of a node's heartbeats whether it is gone: a phi accrual detector with a hard limit behind it.
 *
 * φ = (elapsed − interval + 1) / (mean' · ln 10), where mean' is the mean gap, newer ones weighing more, minus interval
 * plus 1. With steady beats of one second, φ passes 16 after about 37 s of silence.
 * Source: fluentd 1.18 out_forward/failure_detector.rb, with a clock that never jumps.
 */

/** Gaps that are kept: at one a second, the last 17 minutes. */
const WINDOW_SIZE = 1000;

/** All times in seconds. */
export class FailureDetector {
  readonly #intervalSeconds: number;
  readonly #hardTimeoutSeconds: number;
  /** Whole microseconds, as fluentd keeps them. */
  readonly #gaps: number[];
  #last: number;

  constructor(intervalSeconds: number, hardTimeoutSeconds: number, now: number) {
    this.#intervalSeconds = intervalSeconds;
    this.#hardTimeoutSeconds = hardTimeoutSeconds;
    this.#gaps = [Math.floor(intervalSeconds * 1e6)];
    this.#last = now;
  }

  /** Beats seen since the last `clear`, the window's length at most. */
  get sampleSize(): number {
    return this.#gaps.length;
  }

  /** A sign of life. */
  add(now: number): void {
    const gap = this.#gaps.length === 0 ? this.#intervalSeconds : now - this.#last;
    this.#gaps.push(Math.floor(gap * 1e6));
    if (this.#gaps.length > WINDOW_SIZE) this.#gaps.shift();
    this.#last = now;
  }

  /** Whether the last sign of life is at least one interval old: more frequent ones would only narrow the window. */
  isDue(now: number): boolean {
    return now - this.#last >= this.#intervalSeconds;
  }

  isHardTimeout(now: number): boolean {
    return now - this.#last > this.#hardTimeoutSeconds;
  }

  /** How sure it is that the node is gone. */
  phi(now: number): number {
    if (this.#gaps.length === 0) return 0;
    let sum = 0;
    let weights = 0;
    for (const [index, gap] of this.#gaps.entries()) {
      sum += gap * (index + 1);
      weights += index + 1;
    }
    const mean = Math.floor(sum / weights) / 1e6 - this.#intervalSeconds + 1;
    return (now - this.#last - this.#intervalSeconds + 1) / (mean * Math.LN10);
  }

  /** Forgets all beats: the node has to prove itself again. */
  clear(): void {
    this.#gaps.length = 0;
    this.#last = Number.NEGATIVE_INFINITY;
  }
}
