/**
 * Texts with placeholders, without Ruby: `${tag}`, `${tag_parts[0]}`, `${record["field"]}`. A text that is one
 * placeholder keeps the value's type. Source: fluentd 1.18 filter_record_transformer.rb `PlaceholderExpander`.
 */

import { isAscii } from "node:buffer";
import { encode } from "../event/msgpack.ts";
import { ABSENT, findField } from "../event/record-fields.ts";
import { joinRubyText } from "../event/ruby-text.ts";
import { strftime } from "../event/strftime.ts";
import { TextJoin } from "../event/text-join.ts";
import { localZone } from "../event/time-zone.ts";
import { skipValue } from "../event/walker.ts";
import type { TagParts, TransformEvent } from "./transform-event.ts";
import type { CompiledValue, CompileText, ValueTemplate } from "./value-template.ts";

const PLACEHOLDER = /(\$\{[^}]+\}|__[A-Z_]+__)/;
const NIL = Buffer.from([0xc0]);

/** Gives the msgpack of a placeholder, or undefined where the event has nothing of that name. */
type Placeholder = (event: TransformEvent) => Buffer | undefined;

export interface PlaceholderOptions {
  readonly hostname: string;
  /** Whether a text that is one placeholder keeps the value's type. */
  readonly keepsType: boolean;
  /** Hears of each placeholder that stands for nothing. */
  unknown(placeholder: string): void;
}

export function placeholderCompiler(options: PlaceholderOptions): CompileText {
  const resolved = (name: string): ValueTemplate => {
    const placeholder = placeholderOf(name, options.hostname);
    return (event) => {
      const value = placeholder(event);
      if (value === undefined) options.unknown(name);
      return value ?? NIL;
    };
  };
  return (text, asText) => {
    const parts = text.split(PLACEHOLDER);
    if (parts.length === 1) return constant(encode(text));
    if (options.keepsType && !asText && parts.length === 3 && parts[0] === "" && parts[2] === "") {
      return { value: resolved(parts[1] as string), isConstant: false };
    }
    return { value: joined(parts.map((part, index) => (index % 2 === 0 ? part : resolved(part)))), isConstant: false };
  };
}

export function constant(bytes: Buffer): CompiledValue {
  return { value: () => bytes, isConstant: true };
}

/** One text of all parts; values that are no text stand as Ruby's `to_s` shows them. */
function joined(parts: readonly (string | ValueTemplate)[]): ValueTemplate {
  const text = new TextJoin();
  const pieces = parts.map((part) => {
    if (typeof part !== "string") return part;
    const bytes = Buffer.from(part);
    return { bytes, isAscii: isAscii(bytes) };
  });
  return (event) => {
    text.clear();
    for (const piece of pieces) {
      if (typeof piece === "function") joinRubyText(text, piece(event), 0);
      else text.add(piece.bytes, false, piece.isAscii);
    }
    return text.value();
  };
}

function placeholderOf(name: string, hostname: string): Placeholder {
  const field = /^\$\{record\["(.*)"\]\}$/s.exec(name);
  if (field) return fieldPlaceholder(Buffer.from(field[1] as string));
  const piece = /^\$\{(tag_parts|tag_prefix|tag_suffix)\[(-?\d+)\]\}$/.exec(name);
  if (piece) return piecePlaceholder(piece[1] as keyof typeof PIECES, Number(piece[2]));
  if (name === "${tag}") return ofTag(({ tag }) => encode(tag));
  if (name === "${hostname}") {
    // To Ruby it is bytes.
    const bytes = encode(Buffer.from(hostname));
    return () => bytes;
  }
  if (name === "${time}") {
    return ({ seconds }) => encode(strftime("%Y-%m-%d %H:%M:%S %z", seconds, 0, localZone.offsetAt(seconds)));
  }
  return () => undefined;
}

function fieldPlaceholder(name: Buffer): Placeholder {
  return ({ view: { packed, recordStart } }) => {
    const position = findField(packed, recordStart, name);
    return position === ABSENT ? undefined : packed.subarray(position, skipValue(packed, position, packed.length));
  };
}

const PIECES = { tag_parts: "parts", tag_prefix: "prefixes", tag_suffix: "suffixes" } as const;

function piecePlaceholder(kind: keyof typeof PIECES, index: number): Placeholder {
  return ofTag((tag) => {
    const piece = tag[PIECES[kind]].at(index);
    return piece === undefined ? undefined : encode(piece);
  });
}

/** Computes a value once for each tag, which batches share. */
function ofTag(compute: (tag: TagParts) => Buffer | undefined): Placeholder {
  let known: TagParts | undefined;
  let value: Buffer | undefined;
  return ({ tag }) => {
    if (tag !== known) {
      value = compute(tag);
      known = tag;
    }
    return value;
  };
}
