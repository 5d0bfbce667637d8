/**
 * What happens to events that a plugin cannot process or an output refuses: they go to the label `@ERROR`, or the log
 * says what they were. Source: fluentd 1.18 root_agent.rb `emit_error_event`, `handle_emits_error`; COMPAT 1.4.
 *
 * A stream that `@ERROR` refuses goes back to its sender: inside `@ERROR` there is no second `@ERROR`. And since events
 * can leave it by relabel and fail elsewhere, only so many streams are on their way through it, so that no configuration
 * makes a loop.
 */

import type { Counters } from "../counters.ts";
import { SuiroError } from "../errors.ts";
import { EventStream } from "../event/event-stream.ts";
import { msgpackToJson } from "../event/json.ts";
import type { Origin } from "../event/origin.ts";
import { skipValue } from "../event/walker.ts";
import type { Logger } from "../logger.ts";
import type { Emitter, FailedEvent } from "../plugin.ts";

/** Refusals at one moment beyond this are back-pressure, not errors to be kept aside. */
const MAX_REFUSALS = 64;

/** Batches with events that failed; as many at one moment come from many senders, more from a loop. */
const MAX_FAILURES = 4096;

/** Of a record that is shown in the log, which may itself be collected. */
const MAX_RECORD_TEXT = 8192;

export class ErrorRouter {
  readonly #logger: Logger;
  #label: Emitter | undefined;
  #inFlight = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Tells the router of `@ERROR`, when the configuration has one. */
  connect(label: Emitter): void {
    this.#label = label;
  }

  /**
   * Gives the output as rules outside of `@ERROR` see it: what it refuses goes to `@ERROR`, and the sender is refused
   * only when that fails too. Without `@ERROR` it is the output itself, for nothing may stand on the fast path.
   */
  guard(output: Emitter): Emitter {
    if (!this.#label) return output;
    return {
      emit: async (tag, events, origin) => {
        try {
          await output.emit(tag, events, origin);
        } catch (error) {
          await this.#redirect(tag, events, origin, error);
        }
      },
    };
  }

  /**
   * Takes events that a plugin cannot process. `insideError` is true for plugins within `@ERROR`. Rejects only when
   * `@ERROR` has no room now, so that the sender keeps the events; whatever else goes wrong there, they are logged.
   */
  async emitErrors(
    tag: string,
    failed: readonly FailedEvent[],
    from: { readonly counters: Counters; readonly logger: Logger; readonly insideError: boolean },
  ): Promise<void> {
    if (this.#label && !from.insideError && this.#inFlight < MAX_FAILURES) {
      for (const { error } of failed) from.logger.warn("send an error event to @ERROR:", { error, tag });
      const entries = Buffer.concat(failed.map(({ entry }) => entry));
      try {
        return await this.#emit(tag, new EventStream(entries, failed.length));
      } catch (refusal) {
        if (refusal instanceof SuiroError && TEMPORARY.has(refusal.code)) throw refusal;
      }
    }
    from.counters.add("dropped_events", failed.length, "error_event");
    for (const { entry, error } of failed) {
      const recordStart = skipValue(entry, 1, entry.length);
      const time = msgpackToJson(entry, 1, recordStart);
      const record = msgpackToJson(entry, recordStart).slice(0, MAX_RECORD_TEXT);
      from.logger.warn("dump an error event:", { error, tag, time, record });
    }
  }

  async #redirect(tag: string, events: EventStream, origin: Origin | undefined, error: unknown): Promise<void> {
    if (this.#inFlight >= MAX_REFUSALS) throw error;
    this.#logger.warn("send an error event stream to @ERROR:", { error, tag });
    try {
      await this.#emit(tag, events, origin);
    } catch (refusal) {
      this.#logger.warn("@ERROR refused an error event stream:", { error: refusal, tag });
      throw error;
    }
  }

  async #emit(tag: string, events: EventStream, origin?: Origin): Promise<void> {
    this.#inFlight += 1;
    try {
      await (this.#label as Emitter).emit(tag, events, origin);
    } finally {
      this.#inFlight -= 1;
    }
  }
}

const TEMPORARY: ReadonlySet<string> = new Set(["BUFFER_OVERFLOW", "STOPPING"]);
