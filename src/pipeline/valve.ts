/**
 * An emitter whose target can be exchanged while events come: they wait while the valve is closed, in their order, and
 * so does the ack that hangs on their promise. It stands before every input and every level of the configuration.
 *
 * Emits whose sender waits until the next receiver has the events may take as long as that one is away: nobody waits for
 * them. If the output goes that has them, they are refused, and their sender comes again.
 */

import type { EventStream } from "../event/event-stream.ts";
import type { Origin } from "../event/origin.ts";
import type { Emitter } from "../plugin.ts";

export class Valve implements Emitter {
  #target: Emitter;
  #opened: Promise<void> | undefined;
  #open = () => {};
  #passing = 0;
  #idle = () => {};

  constructor(target: Emitter) {
    this.#target = target;
  }

  emit(tag: string, events: EventStream, origin?: Origin): Promise<void> {
    if (this.#opened) return this.#opened.then(() => this.emit(tag, events, origin));
    const passed = this.#target.emit(tag, events, origin);
    if (origin?.ackAfter === "delivered") return passed;
    this.#passing += 1;
    passed.then(this.#pass, this.#pass);
    return passed;
  }

  /** Holds back what comes from now on. Resolves when what came before is with the outputs, or refused. */
  close(): Promise<void> {
    this.#opened ??= new Promise((resolve) => {
      this.#open = resolve;
    });
    if (this.#passing === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  /** Lets what waits go on, to `target`. */
  open(target: Emitter = this.#target): void {
    this.#target = target;
    this.#opened = undefined;
    this.#open();
  }

  readonly #pass = (): void => {
    this.#passing -= 1;
    if (this.#passing === 0) this.#idle();
  };
}
