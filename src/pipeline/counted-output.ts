/** An output without a buffer, with counts of what it was given: a buffered one counts by itself. */

import type { Counters } from "../counters.ts";
import type { EventStream } from "../event/event-stream.ts";
import type { Ledger } from "../event/ledger.ts";
import type { Origin } from "../event/origin.ts";
import type { Output, PluginReport } from "../plugin.ts";

export class CountedOutput implements Output {
  readonly #output: Output;
  readonly #counters: Counters;
  /** What it books as taken; undefined where it passes events on. */
  readonly #entry: string | undefined;

  constructor(
    output: Output,
    { counters, id }: { readonly counters: Counters; readonly id: string },
    passesOn: boolean,
  ) {
    this.#output = output;
    this.#counters = counters;
    this.#entry = passesOn ? undefined : `taken/${id}`;
  }

  /** Counts before the outcome is known, so that no promise stands between the output and its caller. */
  emit(tag: string, events: EventStream, origin?: Origin): Promise<void> {
    this.#counters.add("emits");
    this.#counters.add("emitted_events", events.size);
    this.#counters.add("emitted_bytes", events.packed.length);
    if (this.#entry === undefined || !origin?.ledger) return this.#output.emit(tag, events, origin);
    return this.#emitBooked(tag, events, origin, origin.ledger, this.#entry);
  }

  #emitBooked(tag: string, events: EventStream, origin: Origin, ledger: Ledger, entry: string): Promise<void> {
    const { size } = events;
    ledger.book(entry, size);
    const emitted = this.#output.emit(tag, events, origin);
    emitted.catch(() => ledger.book(entry, -size));
    return emitted;
  }

  start(): Promise<void> {
    return this.#output.start();
  }

  stop(deadline: AbortSignal): Promise<void> {
    return this.#output.stop(deadline);
  }

  async flush(): Promise<void> {
    await this.#output.flush?.();
  }

  report(): PluginReport {
    return this.#output.report?.() ?? {};
  }
}
