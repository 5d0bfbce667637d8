/**
 * Keeps the most recently used values, each as long as it may. What nobody asks for any more goes first. Without a
 * timer: an old value is dropped when it is asked for, or pushed out.
 */

import type { Clock } from "../../clock.ts";

interface Entry<T> {
  value: T;
  /** On the clock's monotonic time. */
  expiresAt: number;
}

export class BoundedCache<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #capacity: number;
  readonly #clock: Clock;

  /** `capacity` counts values. */
  constructor(capacity: number, clock: Clock) {
    this.#capacity = Math.max(1, capacity);
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  get isFull(): boolean {
    return this.#entries.size >= this.#capacity;
  }

  /** The value, which is from now on the most recently used one. */
  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    if (entry.expiresAt <= this.#clock.monotonic()) return undefined;
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Whether there is a value; its place in the order stays. */
  has(key: string): boolean {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.expiresAt > this.#clock.monotonic();
  }

  /** Keeps `value` for `lifeMs`, which may be infinite, and lets go of the least recently used one where there is no room. */
  set(key: string, value: T, lifeMs: number): void {
    this.#entries.delete(key);
    if (this.isFull) this.#entries.delete(this.#entries.keys().next().value as string);
    this.#entries.set(key, { value, expiresAt: this.#clock.monotonic() + lifeMs });
  }

  /** Gives the value, if it is there, `lifeMs` from now. */
  expireIn(key: string, lifeMs: number): void {
    const entry = this.#entries.get(key);
    if (entry) entry.expiresAt = Math.min(entry.expiresAt, this.#clock.monotonic() + lifeMs);
  }

  keys(): string[] {
    return [...this.#entries.keys()];
  }
}
