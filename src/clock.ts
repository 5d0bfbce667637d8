/**
 * The seam for time: the core asks a Clock, never Date or setTimeout, so that tests can move time by hand.
 * Durations are milliseconds unless a name says otherwise.
 */

/** Ends a timer. Safe to call twice, and after the timer has fired. */
export type CancelTimer = () => void;

export interface Clock {
  /** Wall time in milliseconds since 1970. May jump. */
  now(): number;
  /** Time that only grows, in milliseconds. For durations and deadlines. */
  monotonic(): number;
  /** Calls `action` once after `delayMs`. Timers never keep the process alive. */
  after(delayMs: number, action: () => void): CancelTimer;
  /** Calls `action` every `intervalMs` until cancelled. Timers never keep the process alive. */
  every(intervalMs: number, action: () => void): CancelTimer;
}

/** The largest delay that Node's timers take; longer ones would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, Math.min(delayMs, MAX_DELAY_MS)).unref();
    return () => clearTimeout(timer);
  },
  every(intervalMs, action) {
    const timer = setInterval(action, Math.min(intervalMs, MAX_DELAY_MS)).unref();
    return () => clearInterval(timer);
  },
};

/** Waits `delayMs` on `clock`; ends early, without error, when `signal` aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}

/** Resolves when `signal` aborts; at once when it has already. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
