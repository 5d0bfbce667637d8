/**
 * The chunks of one connection that are sent and not yet acknowledged. Acks may come in any order.
 *
 * An ack that answers nothing is a fault of the receiver: nobody can say what it holds, so every chunk that waits is to
 * be sent again. Only the repetition of a recent ack is harmless.
 * Source: fluentd 1.18 out_forward/ack_handler.rb, whose messages are kept.
 */

import { AckError } from "../errors.ts";

/** The receiver said nothing about the chunk: it closed the connection, or was silent. fluentd regards it as unavailable. */
export class NoAckError extends AckError {}

/** How many ids of past acks are remembered, to know a repeated one. */
const REMEMBERED_ACKS = 64;

interface Waiting {
  readonly byteSize: number;
  resolve(): void;
  reject(error: Error): void;
}

export class AckWaiter {
  readonly #waiting = new Map<string, Waiting>();
  readonly #past = new Set<string>();
  #byteSize = 0;

  /** Chunks that wait. */
  get count(): number {
    return this.#waiting.size;
  }

  /** Bytes of the chunks that wait. */
  get byteSize(): number {
    return this.#byteSize;
  }

  /** Resolves when `chunk` is acknowledged, rejects when `fail` is called first. */
  wait(chunk: string, byteSize: number): Promise<void> {
    if (this.#waiting.has(chunk)) return Promise.reject(new AckError(`${printable(chunk)} is in flight already`));
    this.#byteSize += byteSize;
    return new Promise((resolve, reject) => this.#waiting.set(chunk, { byteSize, resolve, reject }));
  }

  /** Takes the id of an ack. Throws AckError when no chunk waits for it. */
  acknowledge(ack: Buffer): void {
    const chunk = ack.toString("latin1");
    const waiting = this.#waiting.get(chunk);
    if (!waiting) {
      if (this.#past.has(chunk)) return;
      throw new AckError(
        `ack in response and chunk id in sent data are different: got ${printable(chunk)}, ` +
          `wait for ${[...this.#waiting.keys()].slice(0, 3).map(printable).join(", ") || "none"}`,
      );
    }
    this.#waiting.delete(chunk);
    this.#byteSize -= waiting.byteSize;
    this.#remember(chunk);
    waiting.resolve();
  }

  /** Ends every wait with `error`. */
  fail(error: Error): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#byteSize = 0;
    for (const { reject } of waiting) reject(error);
  }

  #remember(chunk: string): void {
    this.#past.add(chunk);
    if (this.#past.size > REMEMBERED_ACKS) this.#past.delete(this.#past.values().next().value as string);
  }
}

/** An id for messages: short, and without bytes that a terminal would obey. */
function printable(chunk: string): string {
  return JSON.stringify(chunk.slice(0, 64).replace(/[^\x20-\x7e]/g, "?"));
}
