/**
 * An emitter whose target can be exchanged while events come: they wait while the valve is closed, in their order, and
 * so does the ack that hangs on their promise. It stands before every input and every level of the configuration.
 *
 * Emits whose sender waits until the next receiver has the events may take as long as that one is away: nobody waits for
 * them. If the output goes that has them, they are refused, and their sender comes again.
 */

import type { EventStream } from "../event/event-stream.ts";
import type { Ledger } from "../event/ledger.ts";
import { Origin } from "../event/origin.ts";
import type { Emitter } from "../plugin.ts";

export class Valve implements Emitter {
  readonly #ledger: Ledger | undefined;
  /** For batches of which the input says nothing. */
  readonly #plain: Origin | undefined;
  #target: Emitter;
  #opened: Promise<void> | undefined;
  #open = () => {};
  #passing = 0;
  #idle = () => {};

  /** `ledger` is that of the input that it stands before. */
  constructor(target: Emitter, ledger?: Ledger) {
    this.#target = target;
    this.#ledger = ledger;
    this.#plain = ledger && new Origin([], "written", undefined, ledger);
  }

  emit(tag: string, events: EventStream, origin?: Origin): Promise<void> {
    if (this.#opened) return this.#opened.then(() => this.emit(tag, events, origin));
    const ledger = this.#ledger;
    const { size } = events;
    if (ledger && origin) origin.ledger = ledger;
    ledger?.handOver(size);
    const passed = this.#target.emit(tag, events, origin ?? this.#plain);
    const isAwaited = origin?.ackAfter !== "delivered";
    if (isAwaited) this.#passing += 1;
    passed.then(isAwaited ? this.#pass : undefined, () => {
      ledger?.book("refused", size);
      if (isAwaited) this.#pass();
    });
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
