/** An output without a buffer, with counts of what it was given: a buffered one counts by itself. */

import type { Counters } from "../counters.ts";
import type { EventStream } from "../event/event-stream.ts";
import type { Origin } from "../event/origin.ts";
import type { Output, PluginReport } from "../plugin.ts";

export class CountedOutput implements Output {
  readonly #output: Output;
  readonly #counters: Counters;

  constructor(output: Output, counters: Counters) {
    this.#output = output;
    this.#counters = counters;
  }

  /** Counts before the outcome is known, so that no promise stands between the output and its caller. */
  emit(tag: string, events: EventStream, origin?: Origin): Promise<void> {
    this.#counters.add("emits");
    this.#counters.add("emitted_events", events.size);
    this.#counters.add("emitted_bytes", events.packed.length);
    return this.#output.emit(tag, events, origin);
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
