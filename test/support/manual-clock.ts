import type { CancelTimer, Clock } from "../../src/clock.ts";

interface Timer {
  at: number;
  readonly action: () => void;
  readonly every: number | undefined;
}

/** Time that stands still until a test moves it. Like Node's, timers drop fractions of a millisecond: they fire early. */
export class ManualClock implements Clock {
  #now: number;
  #elapsed = 0;
  #timers: Timer[] = [];

  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  now = (): number => this.#now;
  monotonic = (): number => this.#elapsed;

  after(delayMs: number, action: () => void): CancelTimer {
    return this.#add({ at: this.#elapsed + Math.max(1, Math.trunc(delayMs)), action, every: undefined });
  }

  every(intervalMs: number, action: () => void): CancelTimer {
    return this.#add({ at: this.#elapsed + Math.max(1, Math.trunc(intervalMs)), action, every: intervalMs });
  }

  /** Somebody sets the clock: the wall's time is another, and no time has passed. */
  set(byMs: number): void {
    this.#now += byMs;
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Moves time on and fires what becomes due, in order. */
  advance(byMs: number): void {
    const end = this.#elapsed + byMs;
    while (this.#fireNext(end));
    this.#moveTo(end);
  }

  /** The same, and lets everything settle that is ready to after each timer. */
  async advanceAndSettle(byMs: number): Promise<void> {
    const end = this.#elapsed + byMs;
    await settle();
    while (this.#fireNext(end)) await settle();
    this.#moveTo(end);
    await settle();
  }

  #fireNext(end: number): boolean {
    const [next] = this.#timers.filter(({ at }) => at <= end).sort((left, right) => left.at - right.at);
    if (!next) return false;
    this.#moveTo(Math.max(this.#elapsed, next.at));
    if (next.every === undefined) this.#timers = this.#timers.filter((timer) => timer !== next);
    else next.at += next.every;
    next.action();
    return true;
  }

  #moveTo(elapsed: number): void {
    this.#now += elapsed - this.#elapsed;
    this.#elapsed = elapsed;
  }

  #add(timer: Timer): CancelTimer {
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }
}

/** Lets everything run that is ready to: promises, the commit at the end of a turn, and what sockets of this process have sent. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
