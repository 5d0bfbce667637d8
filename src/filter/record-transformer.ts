/**
 * `@type record_transformer`: puts fields into records, and takes fields out. Records are never decoded as a whole: the
 * new values go between the bytes of the old ones. Source: fluentd 1.18 filter_record_transformer.rb; COMPAT 6.1.
 */

import { hostname as machineName } from "node:os";
import { array, bool, string } from "../config/literals.ts";
import { type ConfigOf, many, section } from "../config/parameters.ts";
import { stringMethods } from "../config/ruby/string-methods.ts";
import {
  classOf,
  isNumeric,
  numberOf,
  RubyBinary,
  RubyError,
  RubyObject,
  textOf,
  toText,
} from "../config/ruby/values.ts";
import { ConfigError, type SourcePosition } from "../errors.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { EVENT_TIME_BYTES, writeEventTime } from "../event/event-time.ts";
import { stringHeader } from "../event/msgpack-header.ts";
import { recordAccessor } from "../event/record-accessor.ts";
import { ABSENT, findField } from "../event/record-fields.ts";
import { onlyFields, RecordRemoval } from "../event/record-removal.ts";
import { RecordSplice } from "../event/record-splice.ts";
import type { FilterDefinition, PluginContext } from "../plugin.ts";
import { type EventView, filteredStream, idle } from "./event-loop.ts";
import { readRubyValue } from "./lazy-hash.ts";
import { placeholderCompiler } from "./placeholder-template.ts";
import { RubyEvent, transformerFunctions } from "./ruby-event.ts";
import { rubyCompiler } from "./ruby-template.ts";
import { rubyValueBytes } from "./ruby-value-writer.ts";
import { TagCache, TransformEvent } from "./transform-event.ts";
import { type CompiledValue, type CompileText, compileValue, type ValueTemplate } from "./value-template.ts";

const table = section(
  {
    remove_keys: array.optional("Fields to take out, after the new ones are in; accessors such as $.a.b work."),
    keep_keys: array.optional("Fields to keep where renew_record is true."),
    renew_record: bool.default("Starts from an empty record instead of the event's.", false),
    renew_time_key: string.optional("Field whose value, in Unix seconds, becomes the event's time."),
    enable_ruby: bool.default("Whether ${…} holds Ruby; Suiro evaluates the part of it that records need.", false),
    auto_typecast: bool.default("Whether a value that is one placeholder keeps its type.", true),
  },
  { record: many(section({}, {}, { free: true })) },
);

type Config = ConfigOf<typeof table>;

/** Placeholders that are told to the log once each; a configuration has a handful. */
const MAX_WARNED = 100;

export const recordTransformerFilter: FilterDefinition<Config> = {
  type: "record_transformer",
  kind: "filter",
  table,
  create(config, context) {
    if (config.keepKeys && !config.renewRecord) {
      const position = config.element.parameter("keep_keys")?.position;
      throw new ConfigError("`renew_record` must be true to use `keep_keys`", position ?? config.element.position);
    }
    const transformer = new RecordTransformer(config, context);
    const tags = new TagCache();
    return {
      ...idle,
      filter(tag, events) {
        const parts = tags.of(tag);
        return filteredStream(context, tag, events, (target, view) => {
          transformer.event.tag = parts;
          return transformer.write(target, view);
        });
      },
    };
  },
};

interface Field {
  readonly name: CompiledValue;
  readonly value: ValueTemplate;
}

class RecordTransformer {
  readonly event = new TransformEvent();
  readonly #fields: readonly Field[];
  /** Undefined where names hold placeholders and are known for each event only. */
  readonly #splice: RecordSplice | undefined;
  readonly #kept: readonly Buffer[] | undefined;
  readonly #removal: RecordRemoval | undefined;
  readonly #renewTimeKey: Buffer | undefined;
  readonly #ruby: RubyEvent | undefined;
  readonly #values: Buffer[] = [];

  constructor(config: Config, context: PluginContext) {
    const hostname = machineName();
    if (config.enableRuby) {
      this.#ruby = new RubyEvent(this.event, hostname, context.clock.now, transformerFunctions(hostname));
    }
    this.#fields = fieldsOf(config, context, this.#compiler(config, context, hostname));
    if (this.#fields.every(({ name }) => name.isConstant)) this.#splice = new RecordSplice(this.#names());
    if (config.renewRecord) this.#kept = (config.keepKeys ?? []).map((name) => Buffer.from(name));
    const removed = (config.removeKeys ?? []).map((key) => recordAccessor(key, config.element.position));
    if (removed.length > 0) this.#removal = new RecordRemoval(removed);
    this.#renewTimeKey = config.renewTimeKey === undefined ? undefined : Buffer.from(config.renewTimeKey);
  }

  /** Writes the event as it is to be; always one. */
  write(target: ByteWriter, view: EventView): number {
    this.event.view = view;
    this.#ruby?.next();
    const values = this.#values;
    for (let index = 0; index < this.#fields.length; index++) {
      values[index] = (this.#fields[index] as Field).value(this.event);
    }
    if (this.#isPlain) {
      target.copy(view.packed, view.start, view.recordStart);
      (this.#splice as RecordSplice).write(target, view.packed, view.recordStart, values);
    } else this.#writeRebuilt(target, view, values);
    return 1;
  }

  /** Nothing but new fields, and no expression that changed the record: one splice does it. */
  get #isPlain(): boolean {
    if (!this.#splice || this.#kept || this.#removal || this.#renewTimeKey) return false;
    const record = this.#ruby?.usedRecord;
    return record === undefined || record.changedFields().next().done === true;
  }

  #writeRebuilt(target: ByteWriter, view: EventView, values: readonly Buffer[]): void {
    const splice = this.#splice ?? new RecordSplice(this.#names());
    const writer = new ByteWriter(view.end - view.recordStart + 256);
    splice.write(writer, this.#base(view), 0, this.#splice ? values : this.#lastOfEach(values));
    let record = writer.take();
    const time = this.#renewTimeKey && renewedTime(record, this.#renewTimeKey);
    if (this.#removal) record = this.#removal.of(record);
    if (time) {
      target.byte(0x92);
      target.copy(time);
    } else target.copy(view.packed, view.start, view.recordStart);
    target.copy(record);
  }

  /** The record that the new fields go into, with what expressions changed inside its values. */
  #base({ packed, recordStart, end }: EventView): Buffer {
    let record = packed.subarray(recordStart, end);
    const changed = [...(this.#ruby?.usedRecord?.changedFields() ?? [])];
    if (changed.length > 0) {
      const writer = new ByteWriter(record.length + 256);
      const names = changed.map(([name]) => name);
      const values = changed.map(([, value]) => rubyValueBytes(value));
      new RecordSplice(names).write(writer, record, 0, values);
      record = writer.take();
    }
    return this.#kept ? onlyFields(record, this.#kept) : record;
  }

  /** Names as they are for this event, each once. */
  #names(): string[] {
    return [...new Set(this.#fields.map(({ name }) => textAt(name.value(this.event))))];
  }

  /** Values in the order of `#names`: of equal names the last value counts. */
  #lastOfEach(values: readonly Buffer[]): Buffer[] {
    const byName = new Map(this.#fields.map(({ name }, index) => [textAt(name.value(this.event)), values[index]]));
    return [...byName.values()] as Buffer[];
  }

  #compiler(
    config: Config,
    context: PluginContext,
    hostname: string,
  ): (position: SourcePosition | undefined) => CompileText {
    if (this.#ruby) {
      const { environment } = this.#ruby;
      return (position) =>
        rubyCompiler(
          environment,
          (text) => `%Q[${text}]`,
          config.autoTypecast,
          () => position,
        );
    }
    const warned = new Set<string>();
    const compile = placeholderCompiler({
      hostname,
      keepsType: config.autoTypecast,
      unknown: (placeholder) => {
        if (warned.has(placeholder) || warned.size >= MAX_WARNED) return;
        warned.add(placeholder);
        context.logger.warn(`unknown placeholder \`${placeholder}\` found`);
      },
    });
    return () => compile;
  }
}

function fieldsOf(
  config: Config,
  context: PluginContext,
  compilerAt: (position: SourcePosition | undefined) => CompileText,
): Field[] {
  const fields = new Map<string, Field>();
  for (const { element, extra } of config.record) {
    for (const [key, text] of extra) {
      const position = element.parameter(key)?.position;
      const compile = compilerAt(position);
      const { value } = compileValue(text, compile, (error) => {
        context.logger.warn(`failed to parse ${text} as json. Assuming ${text} is a string`, { error, ...position });
      });
      fields.set(key, { name: compile(key, true), value });
    }
  }
  return [...fields.values()];
}

/** The text of a msgpack str. */
function textAt(bytes: Buffer): string {
  return bytes.toString("utf8", stringHeader(bytes[0] as number));
}

/** The EventTime that the value of `key` says, in Unix seconds; undefined where the record has no such field. */
function renewedTime(record: Buffer, key: Buffer): Buffer | undefined {
  const position = findField(record, 0, key);
  if (position === ABSENT) return undefined;
  let value = readRubyValue(record, position);
  if (value === null) value = 0;
  if (typeof value === "string" || value instanceof RubyBinary) value = stringMethods.to_f?.(textOf(value), []) ?? 0;
  if (value instanceof RubyObject) value = value.methods.to_f?.([]) ?? 0;
  if (!isNumeric(value))
    throw new RubyError("NoMethodError", `undefined method 'to_f' for an instance of ${classOf(value)}`);
  const seconds = Math.floor(numberOf(value));
  if (!Number.isFinite(seconds)) throw new RubyError("FloatDomainError", toText(value));
  const bytes = Buffer.allocUnsafe(EVENT_TIME_BYTES);
  writeEventTime(bytes, 0, seconds, Math.floor((numberOf(value) - seconds) * 1e9));
  return bytes;
}
