/**
 * Counts of one plugin: what came in, what went out, what was dropped and why. Nothing is lost silently: whoever drops
 * an event adds to "dropped_events" with a reason. Kept as plain numbers; the metrics room decides how they are shown.
 */

/** Every counter and what it counts: the text that metrics and docs/metrics.md show. */
export const COUNTERS = {
  received_events: "Events that came in.",
  received_bytes: "Bytes that came in, as they were on the wire or in the file.",
  emits: "Batches that were handed to the output.",
  emitted_events: "Events that went on: of an input those that outputs hold, of an output those that it took.",
  emitted_bytes: "Bytes of the events that a filter or an output passed on or took, as msgpack.",
  repeated_events: "Events that came again and were held already: acknowledged, not stored twice.",
  delivered_events: "Events that the destination has.",
  delivered_bytes: "Bytes of chunks that the destination has.",
  dropped_events: "Events that were given up, by reason.",
  connections_accepted: "Connections that were taken.",
  connections_refused: "Connections that were turned away, by reason.",
  protocol_errors: "Messages that break the protocol, by reason.",
  acks_sent: "Chunks that were acknowledged to their sender.",
  resent_chunks: "Chunks that came again, and were acknowledged without being stored twice.",
  acks_received: "Chunks that their receiver acknowledged.",
  flush_attempts: "Times that a chunk was given to the destination.",
  flush_failures: "Times that a chunk was not delivered.",
  flush_milliseconds: "Time that the writing of chunks took, without the wait for acks.",
  slow_flushes: "Chunks whose writing took longer than slow_flush_log_threshold.",
  takebacks: "Times that a chunk went back to the queue.",
  retries: "Failures that count against the limits of retrying.",
  chunks_backed_up: "Chunks that were moved to the backup folder.",
  chunks_quarantined: "Chunks that their receiver refused for good, moved to the quarantine.",
  chunks_resumed: "Chunks that an earlier process left and this one took over.",
  buffer_overflows: "Times that the buffer was full.",
  disk_errors: "Reads and writes that the disk refused, by reason.",
  lost_bytes: "Bytes of files that went before they were read, by reason.",
  files_opened: "Files that were opened.",
  files_closed: "Files that were closed.",
  files_rotated: "Files that were rotated or truncated.",
  files_throttled: "Times that reading a file waited for its rate.",
} as const;

export type CounterName = keyof typeof COUNTERS;

/** Every distribution and what it measures, in seconds. */
export const HISTOGRAMS = {
  ack_seconds: "Seconds from the last byte of a chunk to the receiver's ack.",
  sync_seconds: "Seconds that a round of syncs of journal and chunks took.",
  flush_seconds: "Seconds from the first byte of a chunk until the destination has it.",
} as const;

export type HistogramName = keyof typeof HISTOGRAMS;

/** Upper bounds of the buckets, in seconds: from a disk's sync to a receiver that is down. */
export const BUCKETS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** How many values fell into which bucket. */
export class Histogram {
  /** One more than BUCKETS: the last one is for what is above them all. */
  readonly counts: number[] = new Array(BUCKETS.length + 1).fill(0);
  sum = 0;

  observe(seconds: number): void {
    const bucket = BUCKETS.findIndex((bound) => seconds <= bound);
    this.counts[bucket < 0 ? BUCKETS.length : bucket]! += 1;
    this.sum += seconds;
  }
}

export class Counters {
  readonly #values = new Map<string, number>();
  readonly #histograms = new Map<HistogramName, Histogram>();

  /** Adds `amount` to `name`, or to `name` for that `reason`. */
  add(name: CounterName, amount = 1, reason = ""): void {
    const key = reason === "" ? name : `${name}/${reason}`;
    this.#values.set(key, (this.#values.get(key) ?? 0) + amount);
  }

  get(name: CounterName, reason = ""): number {
    return this.#values.get(reason === "" ? name : `${name}/${reason}`) ?? 0;
  }

  /** Notes one value of a distribution. Not for the path of every event: chunks and syncs are few. */
  observe(name: HistogramName, seconds: number): void {
    let histogram = this.#histograms.get(name);
    if (!histogram) this.#histograms.set(name, (histogram = new Histogram()));
    histogram.observe(seconds);
  }

  /** Every counter that was ever touched. */
  *entries(): IterableIterator<{ name: CounterName; reason: string; value: number }> {
    for (const [key, value] of this.#values) {
      const slash = key.indexOf("/");
      const [name, reason] = slash < 0 ? [key, ""] : [key.slice(0, slash), key.slice(slash + 1)];
      yield { name: name as CounterName, reason, value };
    }
  }

  /** Every distribution that has values. */
  histograms(): ReadonlyMap<HistogramName, Histogram> {
    return this.#histograms;
  }
}
