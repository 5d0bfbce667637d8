/** Keeps count of what the disk refused, and logs it without flooding: a full disk fails thousands of appends a second. */

import type { Counters } from "../counters.ts";
import { BufferIoError, errorMessage } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { errorCode } from "./file-system.ts";

export class DiskHealth {
  readonly #counters: Counters;
  readonly #logger: Logger;
  #failure: string | undefined;
  #code = "";
  #hasFailedSince = false;

  constructor(counters: Counters, logger: Logger) {
    this.#counters = counters;
    this.#logger = logger;
  }

  /** Events could not be written, and whether they can be now is not known yet. */
  get isFailing(): boolean {
    return this.#failure !== undefined;
  }

  get isReadOnly(): boolean {
    return this.isFailing && this.#code === "EROFS";
  }

  /** The last refusal, while it is failing. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Events could not be written. Logged when failing begins. */
  note(error: unknown): void {
    this.count(error);
    if (!this.isFailing) this.#logger.error("failed to write data into buffer", { error });
    this.#failure = errorMessage(error);
    this.#code = codeOf(error);
    this.#hasFailedSince = true;
  }

  /** To be called now and then: true when it was failing, and nothing has failed since the last look. */
  look(): boolean {
    const isHealed = this.isFailing && !this.#hasFailedSince;
    this.#hasFailedSince = false;
    if (!isHealed) return false;
    this.#failure = undefined;
    this.#logger.info("data is written into the buffer again");
    return true;
  }

  /** Runs what may fail without any event being lost by it. False when it did. */
  guard(what: string, action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      this.count(error);
      this.#logger.warn(`${what}: ${errorMessage(error)}`);
      return false;
    }
  }

  count(error: unknown): void {
    this.#counters.add("disk_errors", 1, codeOf(error) || "unknown");
  }
}

function codeOf(error: unknown): string {
  return errorCode(error instanceof BufferIoError ? error.cause : error);
}
