/** Writes the head of an entry, `[time,`, in the ways that all parsers share. */

import type { Clock } from "../clock.ts";
import type { CommonConfig } from "./common-parameters.ts";
import type { ParseTarget } from "./parser.ts";

export class EntryWriter {
  readonly #clock: Clock;
  readonly #estimates: boolean;

  constructor(config: Pick<CommonConfig, "estimateCurrentEvent">, clock: Clock) {
    this.#clock = clock;
    this.#estimates = config.estimateCurrentEvent;
  }

  /** An entry whose text has no time: the current one, or nil where the configuration forbids it. */
  currentTime({ writer }: ParseTarget): void {
    writer.byte(0x92);
    if (!this.#estimates) {
      writer.byte(0xc0);
      return;
    }
    const now = this.#clock.now();
    const seconds = Math.floor(now / 1000);
    writer.eventTime(seconds, Math.floor((now - seconds * 1000) * 1e6));
  }

  time({ writer }: ParseTarget, seconds: number, nanoseconds: number): void {
    writer.byte(0x92);
    writer.eventTime(seconds, nanoseconds);
  }
}
