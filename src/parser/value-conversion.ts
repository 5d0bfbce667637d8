/**
 * `types`, `null_value_pattern` and `null_empty_string`: values become what the configuration says.
 * Source: fluentd 1.18 plugin/parser.rb.
 */

import type { Clock } from "../clock.ts";
import { bytesText, hasRawBytes } from "../config/ruby/text.ts";
import { ConfigError, MalformedError } from "../errors.ts";
import type { ByteWriter } from "../event/byte-writer.ts";
import { timeZone } from "../event/time-zone.ts";
import { BEYOND_ASCII, toByteText } from "./byte-text.ts";
import { type CommonConfig, isLocalTime } from "./common-parameters.ts";
import type { TextEncoding } from "./parser.ts";
import { writeFloat, writeInteger, writeText } from "./ruby-number.ts";
import { TextPattern } from "./text-pattern.ts";
import { createTimeParser, timeTypes } from "./time-parser.ts";

/** What a value is before its conversion: a text in its encoding, or none. */
export type ValueKind = TextEncoding | "number" | "other";

/** Writes the msgpack of a value in its new type; `text` is what Ruby's `to_s` gives, one character per byte. */
export type Conversion = (writer: ByteWriter, text: string, kind: ValueKind) => void;

const NIL = 0xc0;

export interface ValueConversions {
  /** False when every value stays as it is. */
  readonly isActive: boolean;
  /** The conversion of the field's type. */
  of(name: string): Conversion | undefined;
  /** Whether a text becomes nil, whatever its field. Throws MalformedError where it cannot be matched. */
  isNull(text: string, encoding: TextEncoding): boolean;
}

/** Throws ConfigError. */
export function valueConversions(config: CommonConfig, clock: Clock): ValueConversions {
  const byName = new Map<string, Conversion>();
  for (const [name, definition] of Object.entries(config.types ?? {})) {
    byName.set(name, conversion(name, String(definition), config, clock));
  }
  const given = config.nullValuePattern;
  const patterns = given && { binary: new TextPattern(given, "binary"), "utf-8": new TextPattern(given, "utf-8") };
  const { nullEmptyString } = config;
  return {
    isActive: byName.size > 0 || patterns !== undefined || nullEmptyString,
    of: (name) => byName.get(name),
    isNull: (text, encoding) =>
      (nullEmptyString && text === "") || (patterns?.[encoding].test(scrubbed(text, encoding)) ?? false),
  };
}

/** fluentd replaces what is no letter before it looks. */
function scrubbed(text: string, encoding: TextEncoding): string {
  if (encoding === "binary" || !BEYOND_ASCII.test(text)) return text;
  const letters = bytesText(Buffer.from(text, "latin1"));
  return hasRawBytes(letters) ? toByteText(letters.replace(/\p{Surrogate}/gu, "?")) : text;
}

function conversion(name: string, definition: string, config: CommonConfig, clock: Clock): Conversion {
  const colon = definition.indexOf(":");
  const type = colon < 0 ? definition : definition.slice(0, colon);
  const option = colon < 0 ? undefined : definition.slice(colon + 1);
  switch (type) {
    case "string":
      return (writer, text, kind) => writeText(writer, text, textEncodingOf(kind));
    case "integer":
      return writeInteger;
    case "float":
      return writeFloat;
    case "bool":
      return (writer, text) => writer.byte(/^(?:true|yes|1)$/i.test(text) ? 0xc3 : 0xc2);
    case "array":
      return arrayConversion(option ?? ",");
    case "time":
      return timeConversion(option, config, clock);
    default: {
      const position = config.element.parameter("types")?.position ?? config.element.position;
      throw new ConfigError(`unknown value conversion for key:'${name}', type:'${type}'`, position);
    }
  }
}

function arrayConversion(delimiter: string): Conversion {
  return (writer, text, kind) => {
    const items = splitLikeRuby(text, delimiter);
    writer.arrayHeader(items.length);
    for (const item of items) writeText(writer, item, textEncodingOf(kind));
  };
}

/** What `to_s` makes of anything else is letters. */
function textEncodingOf(kind: ValueKind): TextEncoding {
  return kind === "binary" ? "binary" : "utf-8";
}

/** Ruby's `split`: empty pieces at the end are dropped; a single blank splits at any white space. */
export function splitLikeRuby(text: string, delimiter: string | RegExp): string[] {
  const items = delimiter === " " ? text.replace(/^[\t-\r ]+/, "").split(/[\t-\r ]+/) : text.split(delimiter);
  while (items.at(-1) === "") items.pop();
  return items;
}

/** `time`, `time:FORMAT`, `time:ZONE:FORMAT`, `time:unixtime`. A value that is no such time becomes nil. */
function timeConversion(option: string | undefined, config: CommonConfig, clock: Clock): Conversion {
  let [timezone, format]: (string | undefined)[] = [undefined, option];
  const [first = "", ...rest] = (option ?? "").split(":");
  if (rest.length > 0 && timeZone(first)) [timezone, format] = [first, rest.join(":")];
  const type = timeTypes.find((candidate) => candidate === format) ?? "string";
  // No format reads nothing.
  if (type === "mixed" && config.timeFormatFallbacks.length === 0) return (writer) => writer.byte(NIL);
  const parser = createTimeParser(
    {
      type,
      format: type === "string" ? format : undefined,
      fallbacks: config.timeFormatFallbacks,
      isLocal: isLocalTime(config) && timezone === undefined,
      timezone,
      position: config.element.position,
    },
    clock,
  );
  return (writer, text, kind) => {
    try {
      if (kind === "other") throw new MalformedError("neither text nor number");
      const time = parser.parse(text, kind === "number");
      writer.eventTime(time.seconds, time.nanoseconds);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      writer.byte(NIL);
    }
  };
}
