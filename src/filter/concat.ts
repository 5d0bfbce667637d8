/**
 * `@type concat`: joins events that are parts of one: lines of a stack trace, pieces that a container runtime split.
 * Parts wait in memory until the last one is there, a timeout, or the stop; what ends by timeout or stop goes to
 * `timeout_label`, or to `@ERROR`. Source: fluent-plugin-concat 2.6; COMPAT 6.2.
 *
 * Parts that wait were already taken from their sender, as in fluentd: a killed process loses them. A stream holds at
 * most MAX_STREAM_BYTES, all of them MAX_STREAMS; what would pass these limits is flushed as by timeout.
 */

import { errorMessage, TimeoutError } from "../errors.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { EventStream } from "../event/event-stream.ts";
import { EventTime } from "../event/event-time.ts";
import { encode } from "../event/msgpack.ts";
import { ABSENT, findField } from "../event/record-fields.ts";
import { fieldsAt, writeWithFields } from "../event/record-merge.ts";
import { RecordRemoval } from "../event/record-removal.ts";
import { fieldText } from "../formatter/field-text.ts";
import type { Emitter, FailedEvent, Filter, FilterDefinition, PluginContext } from "../plugin.ts";
import { type ConcatConfig, concatMode, concatTable } from "./concat-parameters.ts";
import { type ConcatRule, concatRule, type Flush } from "./concat-rules.ts";
import { type ConcatPart, ConcatStream, PartJoiner, partOf, written } from "./concat-stream.ts";
import { copyEvent, type EventView, filteredStream } from "./event-loop.ts";

/** Bytes that the parts of one stream may take. */
export const MAX_STREAM_BYTES = 32 * 1024 * 1024;

/** Streams that may wait at once. */
export const MAX_STREAMS = 10_000;

const OWN_LOG = /^fluent\.(?:trace|debug|info|warn|error|fatal)$/;
const HEADER = 0x92;
const ENTRY = Buffer.from([HEADER]);
const BY_LIMIT = "Flush by limit";

interface EndedEvent {
  readonly stream: ConcatStream;
  readonly parts: readonly ConcatPart[];
  readonly why: string;
}

export const concatFilter: FilterDefinition<ConcatConfig> = {
  type: "concat",
  kind: "filter",
  table: concatTable,
  create(config, context) {
    const label = config.timeoutLabel === undefined ? undefined : context.labelEmitter(config.timeoutLabel);
    return new ConcatFilter(config, context, label);
  },
};

class ConcatFilter implements Filter {
  readonly keepsEvents = true;
  readonly #config: ConcatConfig;
  readonly #context: PluginContext;
  readonly #label: Emitter | undefined;
  readonly #rule: ConcatRule;
  readonly #key: Buffer;
  readonly #identityPath: readonly Buffer[] | undefined;
  readonly #joiner: PartJoiner;
  readonly #leaveToLast: RecordRemoval;
  readonly #removal: RecordRemoval;
  readonly #merged = new ByteWriter();
  readonly #streams = new Map<string, ConcatStream>();
  /** Events that ended otherwise than by their last part while a batch is filtered. */
  #ended: EndedEvent[] = [];
  #cancelTimer = () => {};

  constructor(config: ConcatConfig, context: PluginContext, label: Emitter | undefined) {
    this.#config = config;
    this.#context = context;
    this.#label = label;
    this.#rule = concatRule(config, concatMode(config));
    this.#key = Buffer.from(config.key);
    this.#identityPath = config.streamIdentityKey === undefined ? undefined : [Buffer.from(config.streamIdentityKey)];
    this.#joiner = new PartJoiner(config.key, config.separator);
    this.#leaveToLast = new RecordRemoval(this.#rule.leftToLast.map((name) => [name]));
    this.#removal = new RecordRemoval(this.#rule.removed.map((name) => [name]));
  }

  async start(): Promise<void> {
    if (this.#config.flushInterval > 0) {
      this.#cancelTimer = this.#context.clock.every(1000, () => void this.#flushExpired());
    }
  }

  async stop(): Promise<void> {
    this.#cancelTimer();
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) await this.#flushLate(stream, stream.parts, "Flush remaining buffer", true);
  }

  filter(tag: string, events: EventStream): EventStream | Promise<EventStream> {
    if (OWN_LOG.test(tag)) return events;
    const filtered = filteredStream(this.#context, tag, events, (target, view) => this.#take(target, tag, view));
    if (this.#ended.length === 0) return filtered;
    const ended = this.#ended;
    this.#ended = [];
    return this.#flushEnded(ended).then(() => filtered);
  }

  async #flushEnded(ended: readonly EndedEvent[]): Promise<void> {
    for (const { stream, parts, why } of ended) await this.#flushLate(stream, parts, why, true);
  }

  /** Takes one event; writes what it completes. */
  #take(target: ByteWriter, tag: string, view: EventView): number {
    const { packed, recordStart } = view;
    if (findField(packed, recordStart, this.#key) === ABSENT) return copyEvent(target, view);
    if (this.#rule.indicator && findField(packed, recordStart, this.#rule.indicator) === ABSENT) {
      return copyEvent(target, view);
    }
    const part = partOf(tag, view);
    const stream = this.#streamOf(tag, part);
    stream.lastMs = this.#context.clock.monotonic();
    let flushes: readonly Flush[] = [];
    try {
      flushes = this.#rule.take(stream, part);
      let { time } = part;
      for (const flush of flushes) {
        if (this.#config.useFirstTimestamp && "parts" in flush) time = (flush.parts[0] as ConcatPart).time;
        this.#write(target, part, time, flush);
      }
      return flushes.length;
    } catch (error) {
      // The part itself goes to @ERROR, and what the target has by now is cut off again.
      const parts = flushes.flatMap((flush) => ("parts" in flush ? flush.parts : [])).filter((other) => other !== part);
      if (parts.length > 0) this.#ended.push({ stream, parts, why: "Flush of what cannot be joined" });
      throw error;
    } finally {
      stream.keep(part);
      this.#limit(stream, part);
    }
  }

  #write(target: ByteWriter, last: ConcatPart, time: Buffer, flush: Flush): void {
    target.byte(HEADER);
    target.copy(time);
    this.#removal.write(target, "parts" in flush ? this.#joined(last, flush.parts) : last.record);
  }

  /** The last part's record with the fields of the joined one. Throws MalformedError. */
  #joined(last: ConcatPart, parts: readonly ConcatPart[]): Buffer {
    const [first] = parts;
    const joined = this.#joiner.join(this.#rule.ordered(parts), first);
    if (first === last) return joined;
    const merged = this.#merged;
    merged.truncate(0);
    writeWithFields(merged, last.record, 0, fieldsAt(this.#leaveToLast.of(joined), 0));
    return written(merged);
  }

  #streamOf(tag: string, part: ConcatPart): ConcatStream {
    const own = this.#identityPath ? fieldText(part.record, 0, this.#identityPath) : "";
    const id = this.#rule.idField ? fieldText(part.record, 0, [this.#rule.idField]) : "";
    const identity = `${tag}:${own + id || (this.#identityPath || this.#rule.idField ? "" : "default")}`;
    let stream = this.#streams.get(identity);
    if (stream) return stream;
    stream = new ConcatStream(identity);
    this.#streams.set(identity, stream);
    if (this.#streams.size > MAX_STREAMS) this.#evictOldest();
    return stream;
  }

  #evictOldest(): void {
    const [oldest] = this.#streams.values();
    if (!oldest) return;
    this.#streams.delete(oldest.identity);
    if (!oldest.isEmpty) this.#ended.push({ stream: oldest, parts: oldest.parts, why: BY_LIMIT });
  }

  #limit(stream: ConcatStream, part: ConcatPart): void {
    if (stream.parts.length <= 1) stream.heldBytes = 0;
    stream.heldBytes += part.record.length;
    if (stream.heldBytes <= MAX_STREAM_BYTES || stream.isEmpty) return;
    this.#ended.push({ stream, parts: stream.parts, why: BY_LIMIT });
    stream.parts = [];
    stream.byteSize = 0;
    stream.heldBytes = 0;
  }

  async #flushExpired(): Promise<void> {
    const now = this.#context.clock.monotonic();
    for (const stream of [...this.#streams.values()]) {
      if (now - stream.lastMs < this.#config.flushInterval * 1000) continue;
      this.#streams.delete(stream.identity);
      await this.#flushLate(stream, stream.parts, "Timeout flush", this.#config.useFirstTimestamp);
    }
  }

  /** Hands over an event whose last part did not come: the joined one, or its parts where these cannot be joined. */
  async #flushLate(
    stream: ConcatStream,
    parts: readonly ConcatPart[],
    why: string,
    usesFirstTime: boolean,
  ): Promise<void> {
    const [first] = parts;
    if (!first) return;
    const message = `${why}: ${stream.identity}`;
    const time = usesFirstTime ? first.time : encode(EventTime.fromMilliseconds(this.#context.clock.now()));
    const late = this.#lateEvents(parts, time, message);
    const [joined] = late;
    try {
      if (this.#label && joined?.error instanceof TimeoutError) {
        await this.#label.emit(first.tag, new EventStream(joined.entry, 1));
      } else await this.#context.emitErrors(first.tag, late);
      this.#context.logger.info(message);
    } catch (error) {
      this.#context.counters.add("dropped_events", parts.length, "flush_refused");
      this.#context.logger.error("failed to flush timeout buffer", {
        error: errorMessage(error),
        stream: stream.identity,
      });
    }
  }

  /** What is handed over, and why. */
  #lateEvents(parts: readonly ConcatPart[], time: Buffer, message: string): FailedEvent[] {
    try {
      const record = this.#joiner.join(this.#rule.ordered(parts), parts[0]);
      return [failedEvent({ time, record }, new TimeoutError(message))];
    } catch (error) {
      return parts.map((part) => failedEvent(part, error as Error));
    }
  }
}

function failedEvent({ time, record }: Pick<ConcatPart, "time" | "record">, error: Error): FailedEvent {
  return { entry: Buffer.concat([ENTRY, time, record]), error };
}
