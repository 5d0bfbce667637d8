/** Writes some of the events that pass as JSON lines, and says how many it left out. */

import type { Clock } from "../clock.ts";
import type { EventStream } from "../event/event-stream.ts";
import { msgpackToJson } from "../event/json.ts";
import { nanosecondsAt, secondsAt } from "../event/time-at.ts";
import type { MatchTag } from "../pipeline/match-pattern.ts";
import type { Tap, TapPoint } from "../pipeline/taps.ts";
import type { TapRequest } from "./control-socket.ts";

/** Of a record; the rest is cut off. */
const MAX_RECORD_TEXT = 8192;
const SECOND_MS = 1000;

export interface EventTapOptions extends Pick<TapRequest, "at" | "limit"> {
  readonly matches: MatchTag;
  readonly clock: Clock;
  /** False when the reader is too slow for more. */
  write(line: object): boolean;
}

export class EventTap implements Tap {
  readonly matches: MatchTag;
  readonly #options: EventTapOptions;
  #second = Number.NEGATIVE_INFINITY;
  #shown = 0;
  #skipped = 0;

  constructor(options: EventTapOptions) {
    this.#options = options;
    this.matches = options.matches;
  }

  take(point: TapPoint, tag: string, events: EventStream): void {
    const { at } = this.#options;
    if (at === undefined ? point.kind !== "output" && point.kind !== "unmatched" : point.id !== at) return;
    try {
      this.#show(point, tag, events);
    } catch {
      this.#skipped += events.size; // Whatever a sender can write must not come back to the pipeline from here.
    }
  }

  #show(point: TapPoint, tag: string, events: EventStream): void {
    const { clock, limit } = this.#options;
    const now = clock.monotonic();
    if (now - this.#second >= SECOND_MS) {
      this.#second = now;
      this.#shown = 0;
    }
    let left = events.size;
    for (const { start, recordStart, end } of events.entries()) {
      if (this.#shown >= limit) break;
      left -= 1;
      const seconds = secondsAt(events.packed, start + 1, recordStart);
      const milliseconds = seconds * 1000 + nanosecondsAt(events.packed, start + 1) / 1e6;
      const record = msgpackToJson(events.packed, recordStart, end).slice(0, MAX_RECORD_TEXT);
      const place = point.kind === "unmatched" ? `${point.id} (no match)` : point.id;
      if (!this.#options.write({ time: new Date(milliseconds).toISOString(), tag, at: place, record })) {
        this.#skipped += 1;
        continue;
      }
      this.#shown += 1;
    }
    this.#skipped += left;
  }

  /** Says how many events were left out since the last time. */
  tell(): void {
    if (this.#skipped === 0) return;
    if (this.#options.write({ skipped: this.#skipped })) this.#skipped = 0;
  }
}
