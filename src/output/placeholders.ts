/**
 * Placeholders in parameters of buffered outputs: `${tag}`, `${tag[1]}`, `${field}`, `${$.a.b}`, `${chunk_id}`, and
 * strftime directives for the chunk's time slice in the buffer's zone. Only chunk keys can stand in one.
 * Source: fluentd 1.18 plugin/output.rb `extract_placeholders` and `PlaceholderValidator`; COMPAT 4.2.
 */

import { type Chunk, chunkIdText } from "../buffer/chunk.ts";
import type { ConfigElement } from "../config/element.ts";
import { parseArray, parseBool, parseTime } from "../config/literals.ts";
import { ConfigError, type SourcePosition, UnrecoverableError } from "../errors.ts";
import { strftime, type TimeFormat, timeFormat } from "../event/strftime.ts";
import { localTimeZone, type TimeZone, timeZone, utc } from "../event/time-zone.ts";
import type { BufferDefaults } from "../plugin.ts";
import { flatBufferElement } from "./flat-buffer.ts";

/** By what the buffer of an output makes chunks. */
export interface PlaceholderKeys {
  readonly tag: boolean;
  /** Seconds; undefined when `time` is no chunk key. */
  readonly timekey: number | undefined;
  /** Record fields, as configured. */
  readonly fields: readonly string[];
  /** Of the time slices. */
  readonly zone: TimeZone;
}

/**
 * Reads the chunk keys of an output's `<buffer>`, or of what stands for it in the style of v0.12. `nowMs` says which
 * offset the machine's zone has: slices keep it. Throws ConfigError.
 */
export function placeholderKeysOf(
  owner: ConfigElement,
  defaults: Pick<BufferDefaults, "chunkKeys" | "timekey">,
  nowMs: number,
): PlaceholderKeys {
  const buffer = owner.childrenNamed("buffer")[0] ?? flatBufferElement(owner);
  const keys = buffer.argument === "" ? defaults.chunkKeys : parseArray(buffer.argument);
  const timekey = buffer.text("timekey") ?? defaults.timekey?.toString();
  return {
    tag: keys.includes("tag"),
    timekey: keys.includes("time") && timekey !== undefined ? parseTime(timekey) : undefined,
    fields: keys.filter((key) => key !== "tag" && key !== "time"),
    zone: sliceZone(buffer, nowMs),
  };
}

function sliceZone(buffer: ConfigElement, nowMs: number): TimeZone {
  const useUtc = buffer.text("timekey_use_utc");
  if (useUtc !== undefined && parseBool(useUtc)) return utc;
  const name = buffer.text("timekey_zone");
  const zone = name === undefined ? localTimeZone(nowMs) : timeZone(name);
  if (!zone) throw new ConfigError(`Unsupported timezone '${name}'`, buffer.position);
  return zone;
}

const TAG_PLACEHOLDER = /\$\{(tag(?:\[-?\d+\])?)\}/g;
const KEY_PLACEHOLDER = /\$\{([-_.@$a-zA-Z0-9]+)\}/g;

/** The units that a time slice may be finer than, with the directive that shows each. */
const TIME_UNITS = [
  { seconds: 1, title: "second", example: "%S" },
  { seconds: 60, title: "minute", example: "%M" },
  { seconds: 3600, title: "hour", example: "%H" },
  { seconds: 86400, title: "day", example: "%d" },
] as const;

/** A moment at which every unit is at its start: 2016-01-01 00:00:00 UTC. */
const START_OF_ALL_UNITS = 1_451_606_400;

/** Looks at a value before it goes into the text; throws to refuse it. */
export type AcceptValue = (value: string, placeholder: string) => void;

/** A parameter's text with placeholders, compiled once. */
export class Template {
  readonly #name: string;
  readonly #text: string;
  readonly #keys: PlaceholderKeys;
  readonly #time: TimeFormat | undefined;

  constructor(name: string, text: string, keys: PlaceholderKeys) {
    this.#name = name;
    this.#text = text;
    this.#keys = keys;
    this.#time = keys.timekey !== undefined ? timeFormat(text, keys.zone) : undefined;
  }

  /** True when a value that comes with events can stand in the text. */
  get hasValues(): boolean {
    return /\$\{(?!chunk_id\})/.test(this.#text);
  }

  /** The text before the first placeholder or time directive. */
  get literalPrefix(): string {
    return this.#text.slice(0, this.#text.search(/\$\{|%|$/));
  }

  /** Requires that chunks of different keys give different texts. Throws ConfigError in fluentd's words. */
  validate(position: SourcePosition): void {
    this.validateTime(position);
    const refuse = (message: string) => {
      throw new ConfigError(`Parameter '${this.#name}: ${this.#text}' ${message}`, position);
    };
    const hasTag = this.#text.search(TAG_PLACEHOLDER) >= 0;
    if (this.#keys.tag && !hasTag) refuse("doesn't have tag placeholder");
    if (!this.#keys.tag && hasTag) refuse("has tag placeholders, but chunk key 'tag' is not configured");
    const used = this.keyPlaceholders();
    const missing = this.#keys.fields.filter((field) => !used.includes(field)).sort();
    if (missing.length > 0) refuse(`doesn't have enough placeholders for keys ${missing.join(",")}`);
    const unknown = used.filter((key) => !this.#keys.fields.includes(key)).sort();
    if (unknown.length > 0) refuse(`has placeholders, but chunk keys doesn't have keys ${unknown.join(",")}`);
  }

  /** Requires time directives as fine as the time slices, and none without slices. Throws ConfigError. */
  validateTime(position: SourcePosition): void {
    const unit = finestTime(this.#text);
    const { timekey } = this.#keys;
    const refuse = (message: string) => {
      throw new ConfigError(`Parameter '${this.#name}: ${this.#text}' ${message}`, position);
    };
    if (!unit && timekey !== undefined) refuse(`doesn't have timestamp placeholders for timekey ${timekey}`);
    if (unit && timekey === undefined) refuse("has timestamp placeholders, but chunk key 'time' is not configured");
    if (unit && timekey !== undefined && timekey < unit.seconds) {
      refuse(`doesn't have timestamp placeholder for ${unit.title}('${unit.example}') for timekey ${timekey}`);
    }
  }

  /** Names of the record fields in the text. */
  keyPlaceholders(): string[] {
    return [...this.#text.matchAll(KEY_PLACEHOLDER)]
      .map(([, key = ""]) => key)
      .filter((key) => key !== "tag" && key !== "chunk_id");
  }

  /** The text for `chunk`. A tag part that the tag has not, or a missing field, gives "". */
  fill(chunk: Chunk, accept: AcceptValue = () => {}): string {
    const { tag = "", timekey, variables } = chunk.metadata;
    const tagParts = tag.split(".");
    const text = this.#time ? this.#time(timekey ?? chunk.createdAt) : this.#text;
    return text.replace(/\$\{([^{}]+)\}/g, (placeholder, name: string) => {
      if (name === "chunk_id") return chunkIdText(chunk.id);
      const part = /^tag(?:\[(-?\d+)\])?$/.exec(name);
      let value: string | null | undefined;
      if (part && this.#keys.tag) value = part[1] === undefined ? tag : tagParts.at(Number(part[1]));
      else if (!part && this.#keys.fields.includes(name)) value = variables?.get(name);
      else return placeholder;
      accept(value ?? "", placeholder);
      return value ?? "";
    });
  }
}

/** Refuses values that would leave their place in a path. Throws UnrecoverableError: no retry changes the value. */
export function acceptInPath(value: string, placeholder: string): void {
  if (!value.includes("..") && !/[/\\\0]/.test(value)) return;
  const shown = JSON.stringify(value.slice(0, 128));
  throw new UnrecoverableError(`${placeholder} is ${shown}: a value with "..", "/" or "\\" cannot be part of a path`);
}

function finestTime(text: string): (typeof TIME_UNITS)[number] | undefined {
  const start = strftime(text, START_OF_ALL_UNITS);
  return TIME_UNITS.find(({ seconds }) => strftime(text, START_OF_ALL_UNITS + seconds) !== start);
}
