/**
 * The events of one connection that are on their way into the pipeline, and the acks that wait for them. Emits run side
 * by side: the connection reads on while outputs write, up to `unacked_limit`.
 */

import type { Counters } from "../../counters.ts";
import type { EventStream } from "../../event/event-stream.ts";
import type { Origin } from "../../event/origin.ts";
import { type Acks, joinAcks } from "../../forward-protocol/acks.ts";
import type { Emitter } from "../../plugin.ts";
import type { ReceivedChunk, Resends } from "./resends.ts";

/** Bytes on their way, over all connections of an input. */
export class UnackedTotal {
  readonly #limitBytes: number;
  readonly #waiting = new Set<() => void>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get isFull(): boolean {
    return this.#bytes > this.#limitBytes;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
    if (this.isFull || this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Calls `wake` once when the total is no longer full. */
  whenFree(wake: () => void): void {
    this.#waiting.add(wake);
  }
}

export interface DeliveriesOptions {
  readonly emitter: Emitter;
  readonly counters: Counters;
  /** Absent: nothing that comes again is known. */
  readonly resends?: Resends | undefined;
  readonly limitBytes: number;
  readonly total: UnackedTotal;
  /** Writes acks; those that became due together come in one call. */
  readonly acknowledge: (acks: Acks) => void;
  /** No more may be taken, or it may again. */
  readonly setFull: (isFull: boolean) => void;
  /** An output refused: nothing of that batch is acked. */
  readonly failed: (error: unknown, tag: string) => void;
}

export class Deliveries {
  readonly #options: DeliveriesOptions;
  #unackedBytes = 0;
  #emits = 0;
  #isFull = false;
  #dueAcks: Acks[] = [];
  #idle: (() => void)[] = [];

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  /** Emits `events`, which came from `sources`; when outputs hold them, `acks` are written. */
  deliver(tag: string, events: EventStream, acks: Acks, sources: readonly ReceivedChunk[] = []): void {
    const { emitter, counters, resends, total, failed } = this.#options;
    const byteSize = events.packed.length;
    this.#emits += 1;
    this.#unackedBytes += byteSize;
    total.add(byteSize);
    this.#update();
    const settle = () => {
      this.#emits -= 1;
      this.#unackedBytes -= byteSize;
      total.remove(byteSize);
      this.#update();
      this.#checkIdle();
    };
    const delivered = emit(emitter, tag, events, resends?.origin(sources, acks.count > 0));
    resends?.begin(sources, delivered);
    delivered.then(
      () => {
        counters.add("emitted_events", events.size);
        this.acknowledge(acks);
        settle();
      },
      (error) => {
        failed(error, tag);
        settle();
      },
    );
  }

  /** Acks a chunk that came again when what is there of it is safe. */
  acknowledgeAgain(ack: Acks, safe: Promise<void>, tag: string): void {
    this.#emits += 1;
    const settle = () => {
      this.#emits -= 1;
      this.#checkIdle();
    };
    safe.then(
      () => {
        this.acknowledge(ack);
        settle();
      },
      (error) => {
        this.#options.failed(error, tag);
        settle();
      },
    );
  }

  /** Acks chunks whose events are safe, or were dropped for good. Joined with all that become due in this tick. */
  acknowledge(acks: Acks): void {
    if (acks.count === 0) return;
    if (this.#dueAcks.length === 0) process.nextTick(() => this.#writeAcks());
    this.#dueAcks.push(acks);
  }

  /** Resolves when no emit is under way and every ack is written. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#checkIdle();
    });
  }

  #writeAcks(): void {
    const acks = joinAcks(this.#dueAcks);
    this.#dueAcks = [];
    this.#options.acknowledge(acks);
    this.#options.counters.add("acks_sent", acks.count);
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.#emits > 0 || this.#dueAcks.length > 0) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }

  #update(): void {
    const { limitBytes, total, setFull } = this.#options;
    const isFull = this.#unackedBytes > limitBytes || (this.#unackedBytes > 0 && total.isFull);
    if (isFull && total.isFull) total.whenFree(() => this.#update());
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    setFull(isFull);
  }
}

/** An emitter may throw at once as well as reject. */
async function emit(emitter: Emitter, tag: string, events: EventStream, origin: Origin | undefined): Promise<void> {
  await emitter.emit(tag, events, origin);
}
