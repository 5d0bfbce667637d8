/** What Ruby sees of the event that a filter is at: `tag`, `time`, `record` and the rest. */

import {
  environmentVariables,
  kernelFunctions,
  pureConstants,
  type RubyEnvironment,
} from "../config/ruby/environment.ts";
import { jsonText } from "../config/ruby/json.ts";
import { socketConstant } from "../config/ruby/socket.ts";
import { textBytes } from "../config/ruby/text.ts";
import { RubyTime } from "../config/ruby/time.ts";
import { timeConstant } from "../config/ruby/time-methods.ts";
import { RubyBinary, RubyError, type RubyFunction, RubyObject, textOf } from "../config/ruby/values.ts";
import { jsonToMsgpack } from "../event/json-reader.ts";
import { LazyHash, readRubyValue } from "./lazy-hash.ts";
import { dateTimeConstant, timeReading } from "./ruby-time-reading.ts";
import type { TransformEvent } from "./transform-event.ts";

export class RubyEvent {
  readonly environment: RubyEnvironment;
  readonly #event: TransformEvent;
  #record: LazyHash | undefined;

  /** `extra` functions stand beside those of every filter. */
  constructor(
    event: TransformEvent,
    hostname: string,
    now: () => number,
    extra: (event: TransformEvent) => Readonly<Record<string, RubyFunction>>,
  ) {
    this.#event = event;
    this.environment = {
      functions: {
        ...kernelFunctions,
        tag: () => event.tag.tag,
        record: () => this.record,
        tag_parts: () => [...event.tag.parts],
        ...extra(event),
      },
      constants: {
        ...pureConstants,
        ENV: environmentVariables(process.env),
        Socket: socketConstant(hostname),
        Time: timeConstant(now, timeReading(now)),
        DateTime: dateTimeConstant(now),
        JSON: jsonConstant,
      },
    };
  }

  /** The event's record, one and the same for all expressions until `next`. */
  get record(): LazyHash {
    const { packed, recordStart } = this.#event.view;
    return (this.#record ??= new LazyHash(packed, recordStart));
  }

  /** The record, where an expression asked for it. */
  get usedRecord(): LazyHash | undefined {
    return this.#record;
  }

  /** The filter is at another event. */
  next(): void {
    this.#record = undefined;
  }
}

/** The functions that record_transformer adds. */
export function transformerFunctions(hostname: string) {
  return (event: TransformEvent): Readonly<Record<string, RubyFunction>> => ({
    time: () => new RubyTime(event.seconds, event.nanoseconds),
    hostname: () => new RubyBinary(hostname),
    tag_prefix: () => [...event.tag.prefixes],
    tag_suffix: () => [...event.tag.suffixes],
  });
}

const generate: RubyFunction = ([value = null]) => jsonText(value);

/** JSON whose numbers stay exact. */
const jsonConstant = new RubyObject("JSON", {
  parse: ([text]) => {
    const bytes = textBytes(textOf(text));
    try {
      return readRubyValue(jsonToMsgpack(bytes), 0);
    } catch {
      throw new RubyError("JSON::ParserError", `unexpected token at '${textOf(text).slice(0, 100)}'`);
    }
  },
  generate,
  dump: generate,
});
