/** When parts make an event: the ways of `@type concat`. Source: fluent-plugin-concat 2.6 filter_concat.rb. */

import { checkedText } from "../config/ruby/match.ts";
import { bytesText } from "../config/ruby/text.ts";
import { stringHeader } from "../event/msgpack-header.ts";
import { ABSENT, findField, isBinary, mapSize, mapStart, textStart } from "../event/record-fields.ts";
import { readText } from "../event/record-reader.ts";
import { skipValue } from "../event/walker.ts";
import { fieldText } from "../formatter/field-text.ts";
import { type ConcatConfig, type ConcatMode, metadataFields, slashed } from "./concat-parameters.ts";
import { type ConcatPart, type ConcatStream, textField } from "./concat-stream.ts";

/** An event that is complete: parts to join, or one that was none. */
export type Flush = { readonly parts: ConcatPart[] } | { readonly alone: ConcatPart };

export interface ConcatRule {
  /** Takes a part into the stream; gives what it completes. A throw leaves the part where it is. */
  take(stream: ConcatStream, part: ConcatPart): Flush[];
  /** Parts in the order of their texts. */
  ordered(parts: readonly ConcatPart[]): readonly ConcatPart[];
  /** Events without this field pass as they are. */
  readonly indicator: Buffer | undefined;
  /** Tells the messages of one stream apart. */
  readonly idField: Buffer | undefined;
  /** Fields that the joined part of an event does not bring: the last part's count. */
  readonly leftToLast: readonly Buffer[];
  /** Fields that joined events lose. */
  readonly removed: readonly Buffer[];
}

export function concatRule(config: ConcatConfig, mode: ConcatMode): ConcatRule {
  switch (mode) {
    case "line":
      return { ...plain, take: byCount(config.nLines as number) };
    case "partial":
      return partialRule(config);
    case "partial_metadata":
      return metadataRule(config);
    case "partial_cri":
      return criRule(config);
    case "regexp":
      return { ...plain, take: byPattern(config) };
  }
}

type Take = ConcatRule["take"];

const plain: Omit<ConcatRule, "take"> = {
  ordered: (parts) => parts,
  indicator: undefined,
  idField: undefined,
  leftToLast: [],
  removed: [],
};

const names = (...texts: (string | undefined)[]): Buffer[] =>
  texts.filter((text) => text !== undefined).map((text) => Buffer.from(text));

/** Empties the stream. Throws where it holds nothing, as fluentd does when it dropped the parts before. */
function flush(stream: ConcatStream, ...next: ConcatPart[]): Flush {
  const { parts } = stream;
  stream.parts = next;
  stream.byteSize = 0;
  if (parts.length === 0) throw new Error("the parts before this one were dropped: they passed buffer_limit_size");
  return { parts };
}

function byCount(count: number): Take {
  return (stream, part) => {
    stream.parts.push(part);
    return stream.parts.length >= count ? [flush(stream)] : [];
  };
}

function partialRule(config: ConcatConfig): ConcatRule {
  const key = Buffer.from(config.partialKey as string);
  const goesOn = Buffer.from(config.partialValue as string);
  const isLast = ({ record }: ConcatPart) => !(textField(record, key)?.equals(goesOn) ?? false);
  return {
    ...plain,
    indicator: key,
    leftToLast: [key],
    removed: config.keepPartialKey ? [] : [key],
    take(stream, part) {
      const byteSize = recordSize(part.record);
      let mustFlush = false;
      if (stream.byteSize + byteSize > config.bufferLimitSize) {
        stream.byteSize = 0;
        if (config.bufferOverflowMethod === "ignore") stream.parts.push(part);
        else if (config.bufferOverflowMethod === "drop") stream.parts = [];
        else mustFlush = true;
      } else {
        stream.byteSize += byteSize;
        stream.parts.push(part);
      }
      if (!mustFlush) return isLast(part) ? [flush(stream)] : [];
      const flushes = [flush(stream)];
      if (config.bufferOverflowMethod === "new") {
        stream.parts.push(part);
        stream.byteSize = byteSize;
        if (isLast(part)) flushes.push(flush(stream));
      }
      return flushes;
    },
  };
}

function metadataRule(config: ConcatConfig): ConcatRule {
  const fields = metadataFields(config);
  const last = Buffer.from(fields.last);
  const ordinal = [Buffer.from(fields.ordinal)];
  const ordinalOf = ({ record }: ConcatPart) => Number.parseInt(fieldText(record, 0, ordinal), 10) || 0;
  return {
    ...plain,
    indicator: Buffer.from(fields.indicator),
    idField: Buffer.from(fields.id),
    removed: config.keepPartialMetadata ? [] : names(fields.message, fields.id, fields.ordinal, fields.last),
    ordered: (parts) => parts.toSorted((left, right) => ordinalOf(left) - ordinalOf(right)),
    take(stream, part) {
      stream.parts.push(part);
      return textField(part.record, last)?.equals(TRUE) ? [flush(stream)] : [];
    },
  };
}

const TRUE = Buffer.from("true");

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

function criRule(config: ConcatConfig): ConcatRule {
  const logtag = Buffer.from(config.partialCriLogtagKey as string);
  const removed = [...(config.keepPartialKey ? [] : [logtag]), Buffer.from(config.partialCriStreamKey)];
  return {
    ...plain,
    leftToLast: [logtag],
    removed,
    take(stream, part) {
      stream.parts.push(part);
      const tag = textField(part.record, logtag);
      if (!tag) throw new Error(`the record has no text in '${config.partialCriLogtagKey}'`);
      return tag[0] === 0x46 && (tag.length === 1 || tag[1] === 0x3a) ? [flush(stream)] : [];
    },
  };
}

function byPattern(config: ConcatConfig): Take {
  const key = Buffer.from(config.key);
  const start = slashed(config, "multiline_start_regexp", config.multilineStartRegexp);
  const end = slashed(config, "multiline_end_regexp", config.multilineEndRegexp);
  const goesOn = slashed(config, "continuous_line_regexp", config.continuousLineRegexp);
  return (stream, part) => {
    const text = lineOf(part, key);
    const ends = end?.test(text) ?? false;
    if (start?.test(text)) {
      if (stream.isEmpty) {
        stream.parts.push(part);
        return ends ? [flush(stream)] : [];
      }
      const before = flush(stream, part);
      return ends ? [before, flush(stream)] : [before];
    }
    if (!ends && stream.isEmpty && start) return [{ alone: part }];
    if (!ends && !stream.isEmpty && goesOn && !goesOn.test(text)) return [flush(stream), { alone: part }];
    stream.parts.push(part);
    return ends ? [flush(stream)] : [];
  };
}

/** The text to match; nil matches like no pattern's text would. Throws where Ruby cannot match it. */
function lineOf({ record }: ConcatPart, key: Buffer): string {
  const position = findField(record, 0, key);
  const start = textStart(record, position);
  if (start !== ABSENT) {
    const text = bytesText(record, start, skipValue(record, position, record.length));
    return isBinary(record, position) ? text : checkedText(text);
  }
  if (record[position] === NIL) return "";
  throw new TypeError(`the value of '${key}' is no text`);
}

const NIL = 0xc0;
