/** Keeps count of what the disk refused, and logs it without flooding: a full disk fails thousands of appends a second. */

import type { Counters } from "../counters.ts";
import { BufferIoError, errorMessage } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { errorCode } from "./file-system.ts";

export class DiskHealth {
  readonly #counters: Counters;
  readonly #logger: Logger;
  #isFailing = false;

  constructor(counters: Counters, logger: Logger) {
    this.#counters = counters;
    this.#logger = logger;
  }

  /** The outcome of a write of events: undefined for success. Logged when failing begins, and when it ends. */
  note(error: unknown): void {
    if (error !== undefined) this.count(error);
    if ((error !== undefined) === this.#isFailing) return;
    this.#isFailing = error !== undefined;
    if (this.#isFailing) this.#logger.error("failed to write data into buffer", { error });
    else this.#logger.info("data is written into the buffer again");
  }

  /** Runs what may fail without any event being lost by it. */
  guard(what: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.count(error);
      this.#logger.warn(`${what}: ${errorMessage(error)}`);
    }
  }

  count(error: unknown): void {
    const cause = error instanceof BufferIoError ? error.cause : error;
    this.#counters.add("disk_errors", 1, errorCode(cause) || "unknown");
  }
}
