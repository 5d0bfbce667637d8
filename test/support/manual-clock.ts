import type { CancelTimer, Clock } from "../../src/clock.ts";

/** Time that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now: number;
  #elapsed = 0;
  #timers: { at: number; action: () => void; every: number | undefined }[] = [];

  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  now = (): number => this.#now;
  monotonic = (): number => this.#elapsed;

  after(delayMs: number, action: () => void): CancelTimer {
    return this.#add({ at: this.#elapsed + delayMs, action, every: undefined });
  }

  every(intervalMs: number, action: () => void): CancelTimer {
    return this.#add({ at: this.#elapsed + intervalMs, action, every: intervalMs });
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Moves time on and fires what becomes due, in order. */
  advance(byMs: number): void {
    const target = this.#elapsed + byMs;
    for (;;) {
      const [next] = this.#timers.filter(({ at }) => at <= target).sort((left, right) => left.at - right.at);
      if (!next) break;
      this.#now += next.at - this.#elapsed;
      this.#elapsed = next.at;
      if (next.every === undefined) this.#timers = this.#timers.filter((timer) => timer !== next);
      else next.at += next.every;
      next.action();
    }
    this.#now += target - this.#elapsed;
    this.#elapsed = target;
  }

  #add(timer: { at: number; action: () => void; every: number | undefined }): CancelTimer {
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }
}
