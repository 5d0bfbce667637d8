/** Outputs and emitters that keep what they get, for tests of what sends to them. */

import type { EventStream } from "../../src/event/event-stream.ts";
import type { Emitter } from "../../src/plugin.ts";

export class Collector implements Emitter {
  readonly batches: { tag: string; events: EventStream }[] = [];
  /** Thrown by the next emits while it is set. */
  error: Error | undefined;

  async emit(tag: string, events: EventStream): Promise<void> {
    if (this.error) throw this.error;
    this.batches.push({ tag, events });
  }

  get tags(): string[] {
    return this.batches.map(({ tag }) => tag);
  }

  get records(): Record<string, unknown>[] {
    return this.batches.flatMap(({ events }) => [...events.events()].map(({ record }) => record));
  }
}
