/**
 * Counts of one plugin: what came in, what went out, what was dropped and why. Nothing is lost silently: whoever drops
 * an event adds to "dropped_events" with a reason. Kept as plain numbers; the metrics room decides how they are shown.
 */

export type CounterName =
  | "received_events"
  | "received_bytes"
  | "emitted_events"
  | "delivered_events"
  | "delivered_bytes"
  | "dropped_events" // reason required
  | "connections_accepted"
  | "connections_refused" // reason
  | "protocol_errors" // reason
  | "acks_sent"
  | "acks_received"
  | "flush_attempts"
  | "flush_failures"
  | "retries"
  | "chunks_backed_up"
  | "chunks_resumed"
  | "buffer_overflows"
  | "disk_errors" // reason
  | "lost_bytes" // of files that went before they were read; reason required
  | "files_opened"
  | "files_closed"
  | "files_rotated"
  | "files_throttled";

export class Counters {
  readonly #values = new Map<string, number>();

  /** Adds `amount` to `name`, or to `name` for that `reason`. */
  add(name: CounterName, amount = 1, reason = ""): void {
    const key = reason === "" ? name : `${name}/${reason}`;
    this.#values.set(key, (this.#values.get(key) ?? 0) + amount);
  }

  get(name: CounterName, reason = ""): number {
    return this.#values.get(reason === "" ? name : `${name}/${reason}`) ?? 0;
  }

  /** Every counter that was ever touched. */
  *entries(): IterableIterator<{ name: CounterName; reason: string; value: number }> {
    for (const [key, value] of this.#values) {
      const [name, reason = ""] = key.split("/", 2);
      yield { name: name as CounterName, reason, value };
    }
  }
}
