/**
 * The events of a request: from its `json`, `ndjson` or `msgpack` parameter, or through the parser of `<parse>`.
 * Source: fluentd 1.18 in_http.rb `parse_params_default`, `convert_time_field`.
 */

import { MalformedError, SuiroError } from "../../errors.ts";
import { ByteWriter } from "../../event/byte-writer.ts";
import { EventTime } from "../../event/event-time.ts";
import { jsonToMsgpack } from "../../event/json-reader.ts";
import { decode } from "../../event/msgpack.ts";
import { containerHeader, isArrayType } from "../../event/msgpack-header.ts";
import { ABSENT, findField, isKey, mapSize, mapStart } from "../../event/record-fields.ts";
import { INCOMPLETE, isMapType, skipValue } from "../../event/walker.ts";
import { timeText } from "../../parser/extract.ts";
import type { TimeParser } from "../../parser/time-parser.ts";
import { eventTimeBytes } from "../text/extract.ts";
import type { RequestParams } from "./request-params.ts";

/** Takes each record `bytes[start, end)`. */
export type TakeRecord = (bytes: Buffer, start: number, end: number) => void;

/** Finds the records. What is no JSON, and no map, is left out, as fluentd leaves it out. Throws MalformedError. */
export function recordsOf(params: RequestParams, take: TakeRecord): void {
  const msgpack = params.get("msgpack");
  const json = params.get("json");
  const ndjson = params.get("ndjson");
  if (msgpack) takeMsgpack(msgpack, take);
  else if (json) takeJson(json, take);
  else if (ndjson) for (const line of lines(ndjson)) takeJson(line, take);
  else throw new MalformedError("'json', 'ndjson' or 'msgpack' parameter is required");
}

function takeMsgpack(bytes: Buffer, take: TakeRecord): void {
  for (let start = 0; start < bytes.length; ) {
    const end = skipValue(bytes, start, bytes.length);
    if (end === INCOMPLETE) return;
    takeValue(bytes, start, end, take);
    start = end;
  }
}

function takeJson(text: Buffer, take: TakeRecord): void {
  let bytes: Buffer;
  try {
    bytes = jsonToMsgpack(text);
  } catch (error) {
    if (error instanceof SuiroError) return;
    throw error;
  }
  takeValue(bytes, 0, bytes.length, take);
}

function takeValue(bytes: Buffer, start: number, end: number, take: TakeRecord): void {
  const type = bytes[start] as number;
  if (isMapType(type)) take(bytes, start, end);
  if (!isArrayType(type)) return;
  for (let element = start + containerHeader(type); element < end; ) {
    const next = skipValue(bytes, element, end);
    if (isMapType(bytes[element] as number)) take(bytes, element, next);
    element = next;
  }
}

function* lines(bytes: Buffer): IterableIterator<Buffer> {
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline;
    yield bytes.subarray(start, end > start && bytes[end - 1] === 0x0d ? end - 1 : end);
    start = end + 1;
  }
}

export interface TimedRecord {
  /** An EventTime in its fixext8 form; undefined: the current one. */
  readonly time: Buffer | undefined;
  readonly record: Buffer;
}

/** Where the time of a record is, and how it is read: without a parser it is a number. */
export interface TimeField {
  readonly key: Buffer;
  readonly keeps: boolean;
  readonly parser: TimeParser | undefined;
}

/** Takes the time out of a record's field, where it has one. Throws MalformedError when it is none. */
export function takeTime(bytes: Buffer, start: number, end: number, { key, keeps, parser }: TimeField): TimedRecord {
  const record = bytes.subarray(start, end);
  const position = findField(record, 0, key);
  if (position === ABSENT) return { time: undefined, record };
  const value = decode(record.subarray(position, skipValue(record, position, record.length)));
  const rest = keeps ? record : without(record, key);
  if (value === null || value === false) return { time: undefined, record: rest };
  if (parser) return { time: eventTimeBytes(parser.parse(...timeText(record, position))), record: rest };
  if (typeof value !== "number" && typeof value !== "bigint") {
    throw new MalformedError(`can't convert ${typeof value} into an exact number`);
  }
  return { time: timeOf(Number(value)), record: rest };
}

/** As `Time.at` has it: the exact value of the float, cut off to nanoseconds; of the seconds, 32 bits are sent. */
function timeOf(value: number): Buffer {
  const seconds = Math.floor(value);
  if (!Number.isFinite(seconds)) throw new MalformedError(`${value} is no time`);
  return eventTimeBytes(new EventTime(seconds, Math.floor((value - seconds) * 1e9)));
}

function without(record: Buffer, name: Buffer): Buffer {
  const writer = new ByteWriter(record.length + 4);
  writer.mapHeader(mapSize(record, 0) - 1);
  for (let key = mapStart(record, 0); key < record.length; ) {
    const value = skipValue(record, key, record.length);
    const next = skipValue(record, value, record.length);
    if (!isKey(record, key, value, name)) writer.copy(record, key, next);
    key = next;
  }
  return writer.take();
}
