/**
 * `@type detect_exceptions`: joins the lines of stack traces into one event and sends everything on under a shorter
 * tag. Source: fluent-plugin-detect-exceptions 0.0.16; COMPAT 6.2.
 */

import { array, bool, integer, string, time } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { ConfigError, errorMessage } from "../errors.ts";
import { EventStream } from "../event/event-stream.ts";
import type { Origin } from "../event/origin.ts";
import { fieldText } from "../formatter/field-text.ts";
import type { Output, OutputDefinition, PluginContext } from "../plugin.ts";
import { isLanguage, LANGUAGES } from "./detect-exceptions/exception-rules.ts";
import { type TraceOptions, TraceStream } from "./detect-exceptions/trace-stream.ts";

const table = section({
  remove_tag_prefix: string.required("Start of the tag, up to a dot, that events go on without."),
  message: string.default("Field with the line; empty for message or log, whichever comes first.", ""),
  multiline_flush_interval: time.optional("Seconds after which an unfinished trace goes on."),
  languages: array.default("Languages whose traces are looked for; empty for all.", []),
  force_line_breaks: bool.default("Whether lines without a line break get one when they are joined.", false),
  max_lines: integer.default("Lines of one trace; 0 for no limit.", 1000),
  max_bytes: integer.default("Characters of one trace; 0 for no limit.", 0),
  stream: string.default("Field whose value tells streams of one tag apart.", ""),
});

type Config = ConfigOf<typeof table>;

/** Streams whose state is kept; of more the oldest are flushed and forgotten. */
const MAX_STREAMS = 10_000;

export const detectExceptionsOutput: OutputDefinition<Config> = {
  type: "detect_exceptions",
  oneWorkerOnly: true,
  kind: "output",
  passesOn: true,
  table,
  create(config, context) {
    const unknown = config.languages.find((name) => !isLanguage(name.toLowerCase()));
    if (unknown !== undefined) {
      const { position } = config.element.parameter("languages") ?? config.element;
      throw new ConfigError(`Unknown language: ${unknown}. Suiro knows ${LANGUAGES.join(", ")}.`, position);
    }
    return new DetectExceptions(config, context);
  },
};

class DetectExceptions implements Output {
  readonly #config: Config;
  readonly #context: PluginContext;
  readonly #options: TraceOptions;
  readonly #streams = new Map<string, TraceStream>();
  #cancelTimer = () => {};

  constructor(config: Config, context: PluginContext) {
    this.#config = config;
    this.#context = context;
    this.#options = { ...config, now: context.clock.monotonic };
  }

  async start(): Promise<void> {
    const interval = this.#config.multilineFlushInterval;
    if (interval === undefined) return;
    const checkMs = Math.max(interval * 100, 1000);
    this.#cancelTimer = this.#context.clock.every(checkMs, () => void this.#flushOld(interval * 1000));
  }

  async stop(): Promise<void> {
    this.#cancelTimer();
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) await this.#flush(stream);
  }

  async emit(tag: string, events: EventStream, origin?: Origin): Promise<void> {
    const shortTag = tag.startsWith(`${this.#config.removeTagPrefix}.`)
      ? tag.slice(this.#config.removeTagPrefix.length + 1)
      : tag;
    const finished: Buffer[] = [];
    const path = [Buffer.from(this.#config.stream)];
    for (const { start, recordStart, end } of events.entries()) {
      const name = this.#config.stream === "" ? "" : fieldText(events.packed, recordStart, path);
      const stream = this.#streamOf(tag, shortTag, name, finished);
      stream.push(events.packed.subarray(start, end), recordStart - start, finished);
    }
    const entry = `filtered/${this.#context.id}`;
    origin?.ledger?.book(entry, events.size - finished.length);
    if (finished.length === 0) return events.release();
    try {
      await this.#context.emitter.emit(shortTag, events.joined(finished, finished.length), origin?.detached());
    } catch (error) {
      origin?.ledger?.book(entry, finished.length - events.size);
      throw error;
    }
  }

  #streamOf(tag: string, shortTag: string, name: string, finished: Buffer[]): TraceStream {
    const id = `${tag}\0${name}`;
    let stream = this.#streams.get(id);
    if (stream) return stream;
    stream = new TraceStream(shortTag, this.#options);
    this.#streams.set(id, stream);
    if (this.#streams.size > MAX_STREAMS) {
      const [oldest] = this.#streams.entries();
      if (oldest) {
        this.#streams.delete(oldest[0]);
        if (oldest[1].tag === shortTag) oldest[1].forceFlush(finished);
        else void this.#flush(oldest[1]);
      }
    }
    return stream;
  }

  async #flushOld(ageMs: number): Promise<void> {
    const now = this.#context.clock.monotonic();
    for (const stream of this.#streams.values()) if (now - stream.startMs > ageMs) await this.#flush(stream);
  }

  /** Sends on what waits. */
  async #flush(stream: TraceStream): Promise<void> {
    const finished: Buffer[] = [];
    stream.forceFlush(finished);
    if (finished.length === 0) return;
    try {
      await this.#context.emitter.emit(stream.tag, new EventStream(Buffer.concat(finished), finished.length));
    } catch (error) {
      this.#context.counters.add("dropped_events", finished.length, "flush_refused");
      this.#context.logger.error("an unfinished trace was refused", { error: errorMessage(error), tag: stream.tag });
    }
  }
}
