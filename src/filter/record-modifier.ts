/**
 * `@type record_modifier`: puts fields into records, one after the other, each seeing those before it; takes fields
 * out, keeps chosen ones, replaces within texts, changes encodings. Source: fluent-plugin-record-modifier 2.2; COMPAT 6.1.
 */

import { hostname as machineName } from "node:os";
import { array, string } from "../config/literals.ts";
import { type ConfigOf, many, refused, section } from "../config/parameters.ts";
import { evaluate } from "../config/ruby/evaluator.ts";
import { callMethod } from "../config/ruby/method-call.ts";
import { rubyRegexp } from "../config/ruby/regexp.ts";
import type { Node } from "../config/ruby/syntax.ts";
import { RubyTime } from "../config/ruby/time.ts";
import { classOf, RubyError, type RubyFunction, RubyObject } from "../config/ruby/values.ts";
import { ConfigError } from "../errors.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { recordAccessor } from "../event/record-accessor.ts";
import type { FieldPath } from "../event/record-reader.ts";
import { onlyFields, RecordRemoval } from "../event/record-removal.ts";
import type { FilterDefinition, PluginContext } from "../plugin.ts";
import { type ChangeEncoding, changeEncoding } from "./char-encoding.ts";
import { type EventView, filteredStream, HalfwayError, idle, type WriteEvent } from "./event-loop.ts";
import type { LazyHash } from "./lazy-hash.ts";
import { RubyEvent } from "./ruby-event.ts";
import { EVENT_TIME_CLASS, eventTimeMethods } from "./ruby-event-time.ts";
import { compileRuby } from "./ruby-template.ts";
import { rubyValueBytes, writeRubyValue } from "./ruby-value-writer.ts";
import { TagCache, TransformEvent } from "./transform-event.ts";

const table = section(
  {
    prepare_value: refused("it runs Ruby of any kind at the start. Write what it prepares into the expressions."),
    char_encoding: string.optional("Encoding that texts are in, or from:to such as shift_jis:utf-8."),
    remove_keys: array.optional("Fields to take out; accessors such as $.a.b work."),
    whitelist_keys: string.optional("Fields to keep beside the new ones, between commas; no other stays."),
  },
  {
    record: many(section({}, {}, { free: true })),
    replace: many(
      section({
        key: string.required("Field to replace in."),
        expression: string.required("Pattern /…/ of what is replaced, wherever it stands."),
        replace: string.required("What stands there instead; \\1 is the first group."),
      }),
    ),
  },
);

type Config = ConfigOf<typeof table>;

export const recordModifierFilter: FilterDefinition<Config> = {
  type: "record_modifier",
  kind: "filter",
  table,
  create(config, context) {
    const modifier = new RecordModifier(config, context);
    const tags = new TagCache();
    return {
      ...idle,
      isPerEvent: true,
      filter(tag, events, keepsFailed) {
        const parts = tags.of(tag);
        const write: WriteEvent = (target, view) => {
          modifier.event.tag = parts;
          return modifier.write(target, view);
        };
        return filteredStream(context, tag, events, write, keepsFailed);
      },
    };
  },
};

type Field = { readonly name: string } & ({ readonly program: Node } | { readonly text: string });

class RecordModifier {
  readonly event = new TransformEvent();
  readonly #ruby: RubyEvent;
  readonly #fields: readonly Field[];
  readonly #removed: readonly FieldPath[];
  readonly #removal: RecordRemoval;
  readonly #kept: readonly Buffer[] | undefined;
  readonly #replaces: readonly { key: string; pattern: RegExp; by: string }[];
  readonly #changeEncoding: ChangeEncoding | undefined;
  readonly #scratch = new ByteWriter();

  constructor(config: Config, context: PluginContext) {
    const { element } = config;
    this.#ruby = new RubyEvent(this.event, machineName(), context.clock.now, modifierFunctions);
    this.#fields = this.#fieldsOf(config);
    if (config.removeKeys && config.whitelistKeys !== undefined) {
      throw new ConfigError("remove_keys and whitelist_keys are exclusive with each other.", element.position);
    }
    this.#removed = (config.removeKeys ?? []).map((key) => recordAccessor(key, element.position));
    this.#removal = new RecordRemoval(this.#removed);
    if (config.whitelistKeys !== undefined) {
      const names = config.whitelistKeys.split(",").map((name) => name.trim());
      this.#kept = [...new Set([...names, ...this.#fields.map(({ name }) => name)])].map((name) => Buffer.from(name));
    }
    this.#replaces = config.replace.map(({ key, expression, replace, element: { position } }) => {
      const isSlashed = expression.startsWith("/") && expression.endsWith("/");
      if (!isSlashed)
        context.logger.warn(`You should use "pattern /${expression}/" instead of "pattern ${expression}"`);
      try {
        return { key, pattern: rubyRegexp(isSlashed ? expression.slice(1, -1) : expression), by: replace };
      } catch (error) {
        throw new ConfigError(`expression: ${(error as Error).message}`, position);
      }
    });
    if (config.charEncoding !== undefined) {
      this.#changeEncoding = changeEncoding(config.charEncoding, element.parameter("char_encoding")?.position);
    }
  }

  write(target: ByteWriter, view: EventView): number {
    this.event.view = view;
    this.#ruby.next();
    const { record } = this.#ruby;
    this.#tryTo(view, record, NOTHING, () => {
      for (const field of this.#fields) {
        record.set(field.name, "text" in field ? field.text : evaluate(field.program, this.#ruby.environment));
      }
    });
    this.#tryTo(view, record, this.#removal, () => this.#replace(record));
    target.copy(view.packed, view.start, view.recordStart);
    const isTrimmed = this.#kept !== undefined || this.#changeEncoding !== undefined;
    if (this.#removed.length === 0 && !isTrimmed) {
      writeRubyValue(target, record);
      return 1;
    }
    this.#scratch.truncate(0);
    writeRubyValue(this.#scratch, record);
    if (isTrimmed) target.copy(this.#trimmed(this.#scratch.view()));
    else this.#removal.write(target, this.#scratch.view());
    return 1;
  }

  #trimmed(record: Buffer): Buffer {
    const bytes = this.#kept ? onlyFields(record, this.#kept) : this.#removal.of(record);
    return this.#changeEncoding ? this.#changeEncoding(bytes) : bytes;
  }

  /** Throws what `change` throws, with the event as it is by then, without what `removal` takes out of it. */
  #tryTo(view: EventView, record: LazyHash, removal: RecordRemoval, change: () => void): void {
    try {
      change();
    } catch (error) {
      throw new HalfwayError(withRecord(view, removal.of(rubyValueBytes(record))), error);
    }
  }

  /** Only in fields that stay. */
  #replace(record: LazyHash): void {
    for (const { key, pattern, by } of this.#replaces) {
      const value = record.get(key);
      if (value === undefined || value === null || !this.#stays(Buffer.from(key))) continue;
      if (classOf(value) !== "String") {
        throw new RubyError("TypeError", `no implicit conversion of ${classOf(value)} into String`);
      }
      if (callMethod(value, "match?", [pattern], undefined)) {
        record.set(key, callMethod(value, "gsub", [pattern, by], undefined));
      }
    }
  }

  #stays(key: Buffer): boolean {
    const isRemoved = this.#removed.some(
      ([name, ...rest]) => rest.length === 0 && Buffer.isBuffer(name) && name.equals(key),
    );
    return !isRemoved && !(this.#kept && !this.#kept.some((name) => name.equals(key)));
  }

  #fieldsOf(config: Config): Field[] {
    const fields = new Map<string, Field>();
    for (const { element, extra } of config.record) {
      for (const [name, text] of extra) {
        fields.set(
          name,
          text.includes("${")
            ? { name, program: this.#compile(text, element.parameter(name)?.position) }
            : { name, text },
        );
      }
    }
    return [...fields.values()];
  }

  #compile(text: string, position: ConfigError["position"]): Node {
    const isSole = text.split("${").length === 2 && text.startsWith("${") && text.endsWith("}");
    const code = isSole ? text.slice(2, -1) : `"${text.replaceAll("${", "#{")}"`;
    return compileRuby(code, this.#ruby.environment, position, text);
  }
}

const NOTHING = new RecordRemoval([]);

/** The event with another record. */
const withRecord = ({ packed, start, recordStart }: EventView, record: Buffer): Buffer =>
  Buffer.concat([packed.subarray(start, recordStart), record]);

/** `time` is fluentd's event time here: whole seconds, unless asked. */
const modifierFunctions = (event: TransformEvent): Readonly<Record<string, RubyFunction>> => ({
  time: () => {
    const { seconds, nanoseconds } = event;
    const time = new RubyTime(seconds, nanoseconds);
    return new RubyObject(
      EVENT_TIME_CLASS,
      {
        ...eventTimeMethods(seconds, nanoseconds),
        to_int: () => seconds,
        sec: () => seconds,
        nsec: () => nanoseconds,
        to_time: () => time,
        strftime: ([format]) => time.format(String(format)),
      },
      String(seconds),
    );
  },
});
