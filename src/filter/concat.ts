/**
 * `@type concat`: joins events that are parts of one: lines of a stack trace, pieces that a container runtime split.
 * Parts wait in memory until the last one is there, a timeout, or the stop; what ends by timeout or stop goes to
 * `timeout_label`, or to `@ERROR`. Source: fluent-plugin-concat 2.6; COMPAT 6.2.
 *
 * Parts that wait were already taken from their sender, as in fluentd: a killed process loses them. A stream holds at
 * most MAX_STREAM_BYTES, all of them MAX_STREAMS; what would pass these limits is flushed as by timeout.
 */

import { errorMessage, TimeoutError } from "../errors.ts";
import type { ByteWriter } from "../event/byte-writer.ts";
import { EventStream } from "../event/event-stream.ts";
import { EventTime } from "../event/event-time.ts";
import { encode } from "../event/msgpack.ts";
import { stringHeader } from "../event/msgpack-header.ts";
import { ABSENT, findField, mapSize, mapStart } from "../event/record-fields.ts";
import { mergeRecords } from "../event/record-merge.ts";
import { readText } from "../event/record-reader.ts";
import { removalOf } from "../event/record-removal.ts";
import { skipValue } from "../event/walker.ts";
import { fieldText } from "../formatter/field-text.ts";
import type { Emitter, Filter, FilterDefinition, PluginContext } from "../plugin.ts";
import { type ConcatConfig, concatMode, concatTable } from "./concat-parameters.ts";
import { type ConcatRule, concatRule, type Flush } from "./concat-rules.ts";
import { type ConcatPart, ConcatStream, PartJoiner, partOf } from "./concat-stream.ts";
import { copyEvent, type EventView, filteredStream } from "./event-loop.ts";

/** Bytes that the parts of one stream may take. */
export const MAX_STREAM_BYTES = 32 * 1024 * 1024;

/** Streams that may wait at once. */
export const MAX_STREAMS = 10_000;

const OWN_LOG = /^fluent\.(?:trace|debug|info|warn|error|fatal)$/;
const HEADER = 0x92;

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
  readonly #leaveToLast: (record: Buffer) => Buffer;
  readonly #remove: (record: Buffer) => Buffer;
  readonly #streams = new Map<string, ConcatStream>();
  /** Events that ended by a limit while a batch is filtered. */
  #overflowed: { stream: ConcatStream; parts: ConcatPart[] }[] = [];
  #cancelTimer = () => {};

  constructor(config: ConcatConfig, context: PluginContext, label: Emitter | undefined) {
    this.#config = config;
    this.#context = context;
    this.#label = label;
    this.#rule = concatRule(config, concatMode(config));
    this.#key = Buffer.from(config.key);
    this.#identityPath = config.streamIdentityKey === undefined ? undefined : [Buffer.from(config.streamIdentityKey)];
    this.#joiner = new PartJoiner(config.key, config.separator);
    this.#leaveToLast = removalOf(this.#rule.leftToLast.map((name) => [name]));
    this.#remove = removalOf(this.#rule.removed.map((name) => [name]));
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
    if (this.#overflowed.length === 0) return filtered;
    const overflowed = this.#overflowed;
    this.#overflowed = [];
    return this.#flushOverflowed(overflowed).then(() => filtered);
  }

  async #flushOverflowed(overflowed: readonly { stream: ConcatStream; parts: ConcatPart[] }[]): Promise<void> {
    for (const { stream, parts } of overflowed) await this.#flushLate(stream, parts, "Flush by limit", true);
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
    const flushes = this.#rule.take(stream, part, recordSize(part.record));
    let { time } = part;
    for (const flush of flushes) {
      if (this.#config.useFirstTimestamp && "parts" in flush) time = (flush.parts[0] as ConcatPart).time;
      this.#write(target, part, time, flush);
    }
    this.#limit(stream, part);
    return flushes.length;
  }

  #write(target: ByteWriter, last: ConcatPart, time: Buffer, flush: Flush): void {
    target.byte(HEADER);
    target.copy(time);
    let record = last.record;
    if ("parts" in flush) {
      const joined = this.#joiner.join(this.#rule.ordered(flush.parts), flush.parts[0]);
      record = mergeRecords(record, this.#leaveToLast(joined));
    }
    target.copy(this.#remove(record));
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
    if (!oldest.isEmpty) this.#overflowed.push({ stream: oldest, parts: oldest.parts });
  }

  #limit(stream: ConcatStream, part: ConcatPart): void {
    if (stream.parts.length <= 1) stream.heldBytes = 0;
    stream.heldBytes += part.record.length;
    if (stream.heldBytes <= MAX_STREAM_BYTES || stream.isEmpty) return;
    this.#overflowed.push({ stream, parts: stream.parts });
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

  /** Hands over an event whose last part did not come. */
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
    const record = this.#joiner.join(this.#rule.ordered(parts), first);
    const events = new EventStream(Buffer.concat([Buffer.from([HEADER]), time, record]), 1);
    try {
      if (this.#label) await this.#label.emit(first.tag, events);
      else await this.#context.emitError(first.tag, events, new TimeoutError(message));
      this.#context.logger.info(message);
    } catch (error) {
      this.#context.counters.add("dropped_events", parts.length, "flush_refused");
      this.#context.logger.error("failed to flush timeout buffer", {
        error: errorMessage(error),
        stream: stream.identity,
      });
    }
  }
}

/** What fluentd counts of a record: the bytes of its names and of its values as text. */
function recordSize(record: Buffer): number {
  let size = 0;
  let key = mapStart(record, 0);
  for (let left = mapSize(record, 0); left > 0; left--) {
    const value = skipValue(record, key, record.length);
    size += fieldBytes(record, key, value);
    key = skipValue(record, value, record.length);
    size += fieldBytes(record, value, key);
  }
  return size;
}

function fieldBytes(record: Buffer, start: number, end: number): number {
  const header = stringHeader(record[start] as number);
  return header > 0 ? end - start - header : Buffer.byteLength(readText(record, start, end) ?? "");
}
