import type { EventStream } from "../../src/event/event-stream.ts";
import type { EventTime } from "../../src/event/event-time.ts";
import type { Origin } from "../../src/event/origin.ts";
import type { Emitter } from "../../src/plugin.ts";

/** Keeps what is emitted. `hold` keeps emits waiting until they are settled by hand, `error` refuses them. */
export class CollectingEmitter implements Emitter {
  readonly batches: { readonly tag: string; readonly events: EventStream; readonly origin: Origin | undefined }[] = [];
  /** Emits that wait, in order. */
  readonly held: { resolve(): void; reject(error: Error): void }[] = [];
  hold = false;
  /** What the next emits reject with while it is set. */
  error: Error | undefined;
  #wake = () => {};

  emit(tag: string, events: EventStream, origin?: Origin): Promise<void> {
    if (this.error) return Promise.reject(this.error);
    this.batches.push({ tag, events, origin });
    this.#wake();
    if (!this.hold) return Promise.resolve();
    return new Promise((resolve, reject) => this.held.push({ resolve, reject }));
  }

  /** The tag of every batch so far. */
  get tags(): string[] {
    return this.batches.map(({ tag }) => tag);
  }

  get records(): Record<string, unknown>[] {
    return this.batches.flatMap(({ events }) =>
      [...events.events()].map(({ record }) => textual(record) as Record<string, unknown>),
    );
  }

  /** Every event so far: `tag time record`, times as text. */
  get events(): string[] {
    return this.batches.flatMap(({ tag, events }) =>
      [...events.events()].map(
        ({ time, record }) => `${tag} ${timeText(time)} ${JSON.stringify(textual(record), plain)}`,
      ),
    );
  }

  /** Every entry's bytes so far, behind its tag. */
  get entries(): string[] {
    return this.batches.flatMap(({ tag, events }) =>
      [...events.entries()].map(({ start, end }) => `${tag} ${events.packed.toString("hex", start, end)}`),
    );
  }

  async waitFor(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        const wake = this.#wake;
        this.#wake = () => {
          wake();
          resolve();
        };
      });
    }
  }
}

function timeText(time: EventTime): string {
  return time.isInteger ? String(time.seconds) : `${time.seconds}.${String(time.nanoseconds).padStart(9, "0")}`;
}

/** Binaries as texts: which of the two a value is, the tests of parsers and the conformance cases say. */
function textual(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (Array.isArray(value)) return value.map(textual);
  if (typeof value !== "object" || value === null || value.constructor !== Object) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, textual(item)]));
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
