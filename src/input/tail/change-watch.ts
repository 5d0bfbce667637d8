/**
 * Tells when files are to be looked at. A file that rests is watched for notifications; one that keeps growing is looked at
 * from time to time instead, for a notification with what chokidar does about it costs ten times a look: at 1,000 lines
 * a second in 20 files that was half of all CPU.
 */

import type { CancelTimer, Clock } from "../../clock.ts";
import { FileHints } from "../../file-hints.ts";
import { GROWING_MS, HINTED_FILES, LOOK_MS, LOOK_MS_OF_FILE, RESTING_MS } from "./limits.ts";

/** A file that is looked at, not watched. */
interface Growing {
  /** On the monotonic clock. */
  grewAt: number;
  /** It rests: notifications are asked for again, and one more look sees what came before them. */
  isLeaving: boolean;
}

export interface ChangeWatchOptions {
  readonly clock: Clock;
  /** Looks at a file; whether it has changed. */
  look(path: string): boolean;
  /** Notifications do not come. */
  onError(error: unknown): void;
}

export class ChangeWatch {
  readonly #options: ChangeWatchOptions;
  /** When each was hinted at last, on the monotonic clock; of more than HINTED_FILES changes are seen by others. */
  readonly #hintedAt = new Map<string, number>();
  readonly #growing = new Map<string, Growing>();
  #hints: FileHints | undefined;
  #cancelLooks: CancelTimer | undefined;
  #isClosed = false;

  constructor(options: ChangeWatchOptions) {
    this.#options = options;
  }

  /** Resolves when all are watched that were added until now. */
  async start(): Promise<void> {
    const onHint = (path: string) => this.#hinted(path);
    const hints = await FileHints.watch([...this.#hintedAt.keys()], onHint, this.#options.onError);
    if (this.#isClosed) await hints.close();
    else this.#hints = hints;
  }

  add(path: string): void {
    if (this.#isClosed || this.#hintedAt.size >= HINTED_FILES) return;
    this.#hintedAt.set(path, Number.NEGATIVE_INFINITY);
    this.#hints?.add(path);
  }

  remove(path: string): void {
    if (!this.#hintedAt.delete(path)) return;
    this.#growing.delete(path);
    this.#hints?.remove(path);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelLooks?.();
    this.#growing.clear();
    this.#hintedAt.clear();
    const hints = this.#hints;
    this.#hints = undefined; // What is added to a closed one opens it again.
    await hints?.close();
  }

  #hinted(path: string): void {
    const last = this.#hintedAt.get(path);
    if (last === undefined || this.#growing.has(path)) return;
    const now = this.#options.clock.monotonic();
    this.#hintedAt.set(path, now);
    this.#options.look(path);
    if (now - last > GROWING_MS) return;
    this.#hints?.remove(path);
    this.#growing.set(path, { grewAt: now, isLeaving: false });
    if (!this.#cancelLooks) this.#lookLater();
  }

  #lookLater(): void {
    const delay = Math.max(LOOK_MS, this.#growing.size * LOOK_MS_OF_FILE);
    this.#cancelLooks = this.#options.clock.after(delay, () => {
      for (const [path, growing] of this.#growing) this.#look(path, growing);
      this.#cancelLooks = undefined;
      if (this.#growing.size > 0) this.#lookLater();
    });
  }

  #look(path: string, growing: Growing): void {
    const now = this.#options.clock.monotonic();
    if (this.#options.look(path)) {
      growing.grewAt = now;
      if (growing.isLeaving) this.#hints?.remove(path);
      growing.isLeaving = false;
    } else if (growing.isLeaving) this.#growing.delete(path);
    else if (now - growing.grewAt >= RESTING_MS) {
      growing.isLeaving = true;
      this.#hints?.add(path);
    }
  }
}
