/**
 * The events of a request: from its `json`, `ndjson` or `msgpack` parameter, or through the parser of `<parse>`.
 * Source: fluentd 1.18 in_http.rb `parse_params_default`, `convert_time_field`.
 */

import { MalformedError, SuiroError } from "../../errors.ts";
import { ByteWriter } from "../../event/byte-writer.ts";
import { EventTime } from "../../event/event-time.ts";
import { writeJsonAsMsgpack } from "../../event/json-reader.ts";
import { decode } from "../../event/msgpack.ts";
import { containerHeader, isArrayType } from "../../event/msgpack-header.ts";
import { INCOMPLETE, isMapType, skipValue } from "../../event/walker.ts";
import { timeText } from "../../parser/extract.ts";
import type { TimeParser } from "../../parser/time-parser.ts";
import { eventTimeBytes } from "../text/extract.ts";
import type { RequestParams } from "./request-params.ts";

/** Takes the record that begins at `start`; returns the position behind it. */
export type TakeRecord = (bytes: Buffer, start: number) => number;

/** Finds the records. What is no JSON, and no map, is left out, as fluentd leaves it out. Throws MalformedError. */
export function recordsOf(params: RequestParams, take: TakeRecord): void {
  const msgpack = params.get("msgpack");
  const json = params.get("json");
  const ndjson = params.get("ndjson");
  if (msgpack) takeMsgpack(msgpack, take);
  else if (json) takeJson(json, take);
  else if (ndjson) takeLines(ndjson, take);
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

/** The msgpack of the JSON that is being read. */
const transcoded = new ByteWriter();
/** Longer texts have a writer of their own, whose memory is not kept. */
const KEPT_BYTES = 1024 * 1024;

function takeJson(text: Buffer, take: TakeRecord): void {
  const writer = text.length > KEPT_BYTES ? new ByteWriter(text.length + 16) : transcoded;
  writer.truncate(0);
  try {
    writeJsonAsMsgpack(text, writer);
  } catch (error) {
    if (error instanceof SuiroError) return;
    throw error;
  }
  const bytes = writer.view();
  takeValue(bytes, 0, bytes.length, take);
}

function takeLines(bytes: Buffer, take: TakeRecord): void {
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline;
    takeJson(bytes.subarray(start, end > start && bytes[end - 1] === 0x0d ? end - 1 : end), take);
    start = end + 1;
  }
}

function takeValue(bytes: Buffer, start: number, end: number, take: TakeRecord): void {
  const type = bytes[start] as number;
  if (isMapType(type)) take(bytes, start);
  if (!isArrayType(type)) return;
  for (let element = start + containerHeader(type); element < end; ) {
    element = isMapType(bytes[element] as number) ? take(bytes, element) : skipValue(bytes, element, end);
  }
}

/** Where the time of a record is, and how it is read: without a parser it is a number. */
export interface TimeField {
  readonly key: Buffer;
  readonly keeps: boolean;
  readonly parser: TimeParser | undefined;
}

/**
 * The time in the value at `position`, as an EventTime in its fixext8 form; undefined where it is nil or false, which
 * mean the current one. Throws MalformedError when it is none.
 */
export function readTime(bytes: Buffer, position: number, parser: TimeParser | undefined): Buffer | undefined {
  const value = decode(bytes.subarray(position, skipValue(bytes, position, bytes.length)));
  if (value === null || value === false) return undefined;
  if (parser) return eventTimeBytes(parser.parse(...timeText(bytes, position)));
  if (typeof value !== "number" && typeof value !== "bigint") {
    throw new MalformedError(`can't convert ${typeof value} into an exact number`);
  }
  return timeOf(Number(value));
}

/** As `Time.at` has it: the exact value of the float, cut off to nanoseconds; of the seconds, 32 bits are sent. */
function timeOf(value: number): Buffer {
  const seconds = Math.floor(value);
  if (!Number.isFinite(seconds)) throw new MalformedError(`${value} is no time`);
  return eventTimeBytes(new EventTime(seconds, Math.floor((value - seconds) * 1e9)));
}
