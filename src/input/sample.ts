/**
 * `@type sample`, also called `dummy`: makes events, for trying out and for demonstrations.
 * Source: fluentd 1.18 in_sample.rb, which spreads `rate` over a second in tenths.
 */

import type { CancelTimer } from "../clock.ts";
import { bool, integer, string } from "../config/literals.ts";
import { type ConfigOf, parameterType, section } from "../config/parameters.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { EventStream } from "../event/event-stream.ts";
import { EVENT_TIME_BYTES, EventTime, writeEventTime } from "../event/event-time.ts";
import { msgpackToJson } from "../event/json.ts";
import { jsonToMsgpack } from "../event/json-reader.ts";
import { encode } from "../event/msgpack.ts";
import { containerHeader, isArrayType } from "../event/msgpack-header.ts";
import { isKey, mapStart } from "../event/record-fields.ts";
import { isMapType, skipValue } from "../event/walker.ts";
import type { Input, InputDefinition, PluginContext } from "../plugin.ts";
import { emitBatches } from "./emit-batches.ts";

/** Emits per second at most: what one process can make without doing anything else. */
const MAX_RATE = 10_000_000;
const TICKS_PER_SECOND = 10;

/** The msgpack of each record of a JSON object, or of an array of them. */
const records = parameterType<Buffer[]>("JSON", (text) => {
  const bytes = jsonToMsgpack(text);
  const elements = arrayElements(bytes) ?? [bytes];
  if (elements.length === 0) throw new Error("sample has no element");
  for (const [index, element] of elements.entries()) {
    if (isMapType(element[0] as number)) continue;
    throw new Error(`${index}th element of sample, ${msgpackToJson(element)}, is not a hash`);
  }
  return elements;
});

function arrayElements(bytes: Buffer): Buffer[] | undefined {
  const type = bytes[0] as number;
  if (!isArrayType(type)) return undefined;
  const elements: Buffer[] = [];
  for (let start = containerHeader(type); start < bytes.length; ) {
    const end = skipValue(bytes, start, bytes.length);
    elements.push(bytes.subarray(start, end));
    start = end;
  }
  return elements;
}

/** The record with room for one more field at its end: everything up to, and with, the name of the field. */
function openRecord(record: Buffer, name: string): Buffer {
  const target = new ByteWriter(record.length + name.length + 10);
  let kept = 0;
  target.byte(0xdf);
  target.uint32(0);
  for (let key = mapStart(record, 0); key < record.length; ) {
    const value = skipValue(record, key, record.length);
    const next = skipValue(record, value, record.length);
    if (!isKey(record, key, value, Buffer.from(name))) {
      target.copy(record, key, next);
      kept += 1;
    }
    key = next;
  }
  target.copy(encode(name));
  const open = target.take();
  open.writeUInt32BE(kept + 1, 1);
  return open;
}

const table = section({
  tag: string.required("Tag of the events."),
  size: integer.default("Events of each emit.", 1),
  rate: integer.default("Emits in a second.", 1),
  auto_increment_key: string.optional("Field that counts up from 0."),
  suspend: bool.default("Accepted; it has no effect in fluentd either.", false, { deprecated: "it has no effect" }),
  reuse_record: bool.default("Accepted; records are always reused.", false),
  sample: records.default(
    "The record as a JSON object, or an array of records to take in turn.",
    [encode({ message: "sample" })],
    {
      alias: "dummy",
    },
  ),
});

type SampleConfig = ConfigOf<typeof table>;

export const sampleInput: InputDefinition<SampleConfig> = {
  type: "sample",
  kind: "input",
  table,
  create: (config, context) => new SampleInput(config, context),
};

export const dummyInput: InputDefinition<SampleConfig> = { ...sampleInput, type: "dummy" };

class SampleInput implements Input {
  readonly #config: SampleConfig;
  readonly #context: PluginContext;
  readonly #records: readonly Buffer[];
  readonly #counts: boolean;
  #next = 0;
  #count = 0;
  #tick = 0;
  #pending: Promise<void> | undefined;
  #cancel: CancelTimer | undefined;

  constructor(config: SampleConfig, context: PluginContext) {
    this.#config = config;
    this.#context = context;
    const key = config.autoIncrementKey;
    this.#counts = key !== undefined;
    this.#records = key === undefined ? config.sample : config.sample.map((record) => openRecord(record, key));
  }

  async start(): Promise<void> {
    this.#cancel ??= this.#context.clock.every(1000 / TICKS_PER_SECOND, () => this.#onTick());
  }

  async stop(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    await this.#pending;
  }

  /** Emits this tenth's share. While the last batch is not held yet, nothing is made: the rate is a ceiling. */
  #onTick(): void {
    const { size } = this.#config;
    const rate = Math.min(this.#config.rate, MAX_RATE);
    const done = Math.floor((this.#tick * rate) / TICKS_PER_SECOND);
    const due = Math.floor(((this.#tick + 1) * rate) / TICKS_PER_SECOND);
    this.#tick = (this.#tick + 1) % TICKS_PER_SECOND;
    if (due === done || this.#pending) return;
    this.#pending = this.#emit((due - done) * Math.max(1, size)).finally(() => {
      this.#pending = undefined;
    });
  }

  async #emit(count: number): Promise<void> {
    const events = this.#batch(count, EventTime.fromMilliseconds(this.#context.clock.now()));
    await emitBatches([{ tag: this.#config.tag, events }], this.#context);
  }

  #batch(count: number, time: EventTime): EventStream {
    const target = new ByteWriter(count * 64);
    const header = Buffer.allocUnsafe(1 + EVENT_TIME_BYTES);
    header[0] = 0x92;
    writeEventTime(header, 1, time.seconds, time.nanoseconds);
    for (let index = 0; index < count; index++) {
      target.copy(header);
      target.copy(this.#records[this.#next] as Buffer);
      this.#next = (this.#next + 1) % this.#records.length;
      if (this.#counts) target.copy(encode(this.#count++));
    }
    return new EventStream(target.take(), count);
  }
}
