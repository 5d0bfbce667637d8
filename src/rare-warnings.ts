import type { Clock } from "./clock.ts";
import type { LogFields, Logger } from "./logger.ts";

/** The same warning is logged once in this time; how many were left out is logged with the next. */
export const WARNING_INTERVAL_MS = 30_000;

/**
 * Warnings that strangers can cause at will: each message is logged once in WARNING_INTERVAL_MS, with the number of
 * times it was left out since. Nothing of what was received may stand in the fields but tags.
 */
export class RareWarnings {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #last = new Map<string, { at: number; suppressed: number }>();

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** `message` is one of a closed set; what varies goes into `fields`. */
  warn(message: string, fields: LogFields): void {
    this.#log("warn", message, fields);
  }

  /** The same for what a person must look at. */
  error(message: string, fields: LogFields): void {
    this.#log("error", message, fields);
  }

  #log(level: "warn" | "error", message: string, fields: LogFields): void {
    const now = this.#clock.monotonic();
    const last = this.#last.get(message);
    if (last && now - last.at < WARNING_INTERVAL_MS) {
      last.suppressed += 1;
      return;
    }
    this.#last.set(message, { at: now, suppressed: 0 });
    this.#logger[level](message, last?.suppressed ? { ...fields, suppressed: last.suppressed } : fields);
  }
}
