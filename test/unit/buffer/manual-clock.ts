import type { CancelTimer, Clock } from "../../../src/clock.ts";

/** A clock that stands still until a test moves it; timers fire in order while it moves. */
export class ManualClock implements Clock {
  #nowMs: number;
  #timers: { atMs: number; action: () => void; everyMs: number | undefined }[] = [];

  constructor(nowMs = 1_700_000_000_000) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(delayMs: number, action: () => void): CancelTimer {
    return this.#add(delayMs, action, undefined);
  }

  every(intervalMs: number, action: () => void): CancelTimer {
    return this.#add(intervalMs, action, intervalMs);
  }

  /** Moves time on, and lets promises settle after each timer. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs;
    await settle();
    for (;;) {
      const next = this.#timers.filter(({ atMs }) => atMs <= endMs).sort((left, right) => left.atMs - right.atMs)[0];
      if (!next) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      if (next.everyMs === undefined) this.#timers = this.#timers.filter((timer) => timer !== next);
      else next.atMs += next.everyMs;
      next.action();
      await settle();
    }
    this.#nowMs = endMs;
    await settle();
  }

  #add(delayMs: number, action: () => void, everyMs: number | undefined): CancelTimer {
    const timer = { atMs: this.#nowMs + delayMs, action, everyMs };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }
}

/** Lets everything run that is ready to: promises, and the commit at the end of a turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
