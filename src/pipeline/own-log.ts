/**
 * The agent's own log as events: tags `fluent.info`, `fluent.warn` …, records of the message and its fields. They go to
 * the label `@FLUENT_LOG`, or without it to the root's `<match>` that takes them.
 *
 * Logging never waits for a delivery, and no delivery makes a line that is delivered in turn: lines logged while a
 * batch is handed over are left out, lines logged until a failed delivery gives up go with it, and the next try waits.
 * At most MAX_LINES wait; more are dropped and counted. Source: fluentd 1.18 fluent_log_event_router.rb, log.rb.
 */

import type { CancelTimer, Clock } from "../clock.ts";
import { type Event, EventStream } from "../event/event-stream.ts";
import { EventTime } from "../event/event-time.ts";
import type { LogFields, Logger, LogTap } from "../logger.ts";
import type { Emitter } from "../plugin.ts";

const MAX_LINES = 1000;

/** Between two deliveries: whatever echo is left, it is slow. */
const PERIOD_MS = 100;
const MAX_PERIOD_MS = 60_000;

export const OWN_LOG_TAGS = ["trace", "debug", "info", "warn", "error", "fatal"].map((level) => `fluent.${level}`);

interface Line {
  readonly tag: string;
  readonly event: Event;
}

export class OwnLog {
  readonly #clock: Clock;
  #emitter: Emitter | undefined;
  #logger: Logger | undefined;
  #lines: Line[] = [];
  #isDeaf = false;
  #periodMs = PERIOD_MS;
  #cancelTimer: CancelTimer | undefined;
  #delivery: Promise<void> | undefined;
  /** Lines that were not delivered: too many at once, or refused. */
  dropped = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For `createLogger`. Does nothing until `connect`. */
  readonly tap: LogTap = (level, message, fields) => {
    if (this.#isDeaf || !this.#emitter) return;
    if (this.#lines.length >= MAX_LINES) {
      this.dropped += 1;
      return;
    }
    const time = EventTime.fromMilliseconds(this.#clock.now());
    this.#lines.push({ tag: `fluent.${level}`, event: { time, record: recordOf(message, fields) } });
    this.#schedule();
  };

  /** Starts to deliver to `emitter`; failures are told to `logger`. */
  connect(emitter: Emitter, logger: Logger): void {
    this.#emitter = emitter;
    this.#logger = logger;
  }

  /** Delivers what waits, and nothing after it. Safe to call twice. */
  async disconnect(): Promise<void> {
    await this.#delivery;
    if (this.#lines.length > 0) await this.#deliver();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#emitter = undefined;
  }

  #schedule(): void {
    if (this.#cancelTimer || this.#delivery) return;
    this.#cancelTimer = this.#clock.after(this.#periodMs, () => {
      this.#cancelTimer = undefined;
      this.#delivery = this.#deliver().finally(() => {
        this.#delivery = undefined;
        if (this.#lines.length > 0 && this.#emitter) this.#schedule();
      });
    });
  }

  async #deliver(): Promise<void> {
    const lines = this.#lines;
    this.#lines = [];
    try {
      for (const [tag, events] of batches(lines)) await this.#deafly(() => this.#emitter?.emit(tag, events));
      this.#periodMs = PERIOD_MS;
    } catch (error) {
      this.dropped += lines.length + this.#lines.length;
      this.#lines = [];
      this.#periodMs = Math.min(this.#periodMs * 10, MAX_PERIOD_MS);
      this.#deafly(() => this.#logger?.error("failed to emit fluentd's log event", { error }));
    }
  }

  /** Runs `action`; lines logged before it returns are no events. */
  #deafly<T>(action: () => T): T {
    this.#isDeaf = true;
    try {
      return action();
    } finally {
      this.#isDeaf = false;
    }
  }
}

/** One stream per run of lines of the same level, in order. */
function* batches(lines: readonly Line[]): IterableIterator<[string, EventStream]> {
  for (let start = 0; start < lines.length; ) {
    const { tag } = lines[start] as Line;
    let end = start;
    while (lines[end]?.tag === tag) end += 1;
    yield [tag, EventStream.fromEvents(lines.slice(start, end).map((line) => line.event))];
    start = end;
  }
}

/** The fields, and the message with the fields as the text log shows them. */
function recordOf(message: string, fields: LogFields): Record<string, unknown> {
  let text = message;
  const record: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    const shown = JSON.stringify(value) ?? String(value);
    record[key] = typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : shown;
    text += ` ${key}=${shown}`;
  }
  record.message = text;
  return record;
}
