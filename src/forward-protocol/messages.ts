/**
 * The messages that a client sends, read in place: where tag, body and option stand, not what they hold.
 *
 * | mode          | shape                                                              |
 * |---------------|--------------------------------------------------------------------|
 * | Message       | `[tag, time, record, option?]`                                     |
 * | Forward       | `[tag, [[time, record], …], option?]`                              |
 * | PackedForward | `[tag, str or bin of concatenated [time, record], option?]`        |
 *
 * The second element decides. nil instead of a message is a heartbeat; anything else that is no array is broken.
 * Source: Forward protocol v1, "Event Modes"; fluentd 1.18 in_forward `on_message`.
 */

import { LimitError, MalformedError } from "../errors.ts";
import { decode } from "../event/msgpack.ts";
import { arrayLength, containerHeader, isArrayType, stringHeader } from "../event/msgpack-header.ts";
import {
  type EntriesWalk,
  INCOMPLETE,
  isMapType,
  MAX_DEPTH,
  readUint16,
  readUint32,
  skip,
  skipValue,
  walkEntries,
} from "../event/walker.ts";

export type MessageMode = "message" | "forward" | "packed" | "heartbeat" | "broken" | "empty";

/** Reused for every message of a connection: millions of small messages must not make millions of objects. */
export class MessageBounds {
  mode: MessageMode = "empty";
  /** The text of the tag; -1 when it is neither str nor bin. */
  tagStart = -1;
  tagEnd = -1;
  /** Message: time and record. Forward: the entries behind their array header. PackedForward: what the string holds. */
  bodyStart = 0;
  bodyEnd = 0;
  /** Forward: what a walk over the entries found, since their end is found by walking. */
  walk: EntriesWalk | undefined;
  /** Message: where the record starts; bodyEnd when there is none. */
  recordStart = 0;
  /** The option's value; both 0 when there is none. */
  optionStart = 0;
  optionEnd = 0;
}

/**
 * Fills `bounds` for the message that starts at `start`; returns the position behind it, or INCOMPLETE when it goes on past
 * `end`. Each byte is looked at once. Throws MalformedError at the byte c1, LimitError past `nestingLimit` levels, which is
 * MAX_DEPTH at most.
 */
export function readMessage(
  bytes: Buffer,
  start: number,
  end: number,
  bounds: MessageBounds,
  nestingLimit = MAX_DEPTH,
): number {
  bounds.optionStart = 0;
  bounds.optionEnd = 0;
  const type = bytes[start] as number;
  if (!isArrayType(type)) {
    bounds.mode = type === 0xc0 ? "heartbeat" : "broken";
    return skipValue(bytes, start, end, nestingLimit);
  }
  const tag = start + containerHeader(type);
  if (tag > end) return INCOMPLETE;
  const count = arrayLength(bytes, start);
  bounds.mode = count === 0 ? "empty" : "message";
  if (count === 0) return tag;
  const afterTag = skipValue(bytes, tag, end, nestingLimit - 1);
  if (afterTag === INCOMPLETE) return INCOMPLETE;
  const tagHeader = stringHeader(bytes[tag] as number);
  bounds.tagStart = tagHeader > 0 ? tag + tagHeader : -1;
  bounds.tagEnd = tagHeader > 0 ? afterTag : -1;
  bounds.walk = undefined;
  bounds.bodyStart = afterTag;
  bounds.bodyEnd = afterTag;
  bounds.recordStart = afterTag;
  if (count === 1) return afterTag;
  bounds.bodyEnd = readBody(bytes, afterTag, end, bounds, count === 2, nestingLimit);
  const behindBody = count - (bounds.mode === "message" ? 3 : 2);
  if (behindBody <= 0 || bounds.bodyEnd === INCOMPLETE) return bounds.bodyEnd;
  bounds.optionStart = bounds.bodyEnd;
  bounds.optionEnd = skipValue(bytes, bounds.bodyEnd, end, nestingLimit - 1);
  let position = bounds.optionEnd;
  for (let more = behindBody - 1; more > 0 && position !== INCOMPLETE; more--) {
    position = skipValue(bytes, position, end, nestingLimit - 1);
  }
  return position;
}

/** Where the elements end that stand behind the tag and before the option, or INCOMPLETE. */
function readBody(
  bytes: Buffer,
  start: number,
  end: number,
  bounds: MessageBounds,
  isLast: boolean,
  nestingLimit: number,
): number {
  const type = bytes[start] as number;
  const header = stringHeader(type);
  if (header > 0) {
    bounds.mode = "packed";
    bounds.bodyStart = start + header;
    return skipValue(bytes, start, end, nestingLimit - 1);
  }
  if (isArrayType(type)) {
    bounds.mode = "forward";
    bounds.bodyStart = start + containerHeader(type);
    if (bounds.bodyStart > end) return INCOMPLETE;
    const count = arrayLength(bytes, start);
    bounds.walk = walkEntries(bytes, bounds.bodyStart, end, count, nestingLimit - 2);
    return bounds.walk.count === count ? bounds.walk.end : INCOMPLETE;
  }
  bounds.recordStart = skipValue(bytes, start, end, nestingLimit - 1);
  if (isLast || bounds.recordStart === INCOMPLETE) return bounds.recordStart;
  return skipValue(bytes, bounds.recordStart, end, nestingLimit - 1);
}

/** What the option of a message says that this side acts on. Reused, as MessageBounds is. */
export class MessageOption {
  /** The value of `chunk`, which the ack gives back as it came; both 0 when no ack is asked for. */
  chunkStart = 0;
  chunkEnd = 0;
  compressed: string | undefined;
  /** Fluent Bit: 0 logs, 1 metrics, 2 traces. */
  fluentSignal = 0;

  /** Copies the id out of `bytes`, and points to the copy, which it gives. */
  keepChunk(bytes: Buffer): Buffer {
    const chunk = Buffer.from(bytes.subarray(this.chunkStart, this.chunkEnd));
    this.chunkStart = 0;
    this.chunkEnd = chunk.length;
    return chunk;
  }
}

/** fluentd's ids have 25 bytes; an id is held until its ack is written. */
const MAX_CHUNK_ID_BYTES = 1024;
/** One that is answered at once, and not held. */
const ANSWERED_ID_BYTES = 64 * 1024;

/** Reads the option `bytes[start, end)` into `option`; nil or nothing is no option. Throws MalformedError and LimitError. */
export function readOption(
  bytes: Buffer,
  start: number,
  end: number,
  option: MessageOption,
  keyLimit = 16,
  idLimitBytes = MAX_CHUNK_ID_BYTES,
): void {
  option.chunkStart = 0;
  option.chunkEnd = 0;
  option.compressed = undefined;
  option.fluentSignal = 0;
  const type = bytes[start] as number;
  if (start === end || type === 0xc0) return;
  if (!isMapType(type)) throw new MalformedError("the option of a message is no map");
  const count = type < 0x90 ? type & 0x0f : type === 0xde ? readUint16(bytes, start + 1) : readUint32(bytes, start + 1);
  if (count > keyLimit) throw new LimitError(`the option of a message has more than ${keyLimit} keys`);
  let position = start + containerHeader(type);
  for (let index = 0; index < count; index++) {
    const valueStart = skip(bytes, position, end);
    const valueEnd = skip(bytes, valueStart, end);
    if (isText(bytes, position, valueStart, CHUNK)) {
      // nil and false ask for no ack.
      const isAsked = bytes[valueStart] !== 0xc0 && bytes[valueStart] !== 0xc2;
      if (valueEnd - valueStart > idLimitBytes) throw new LimitError(`a chunk id has more than ${idLimitBytes} bytes`);
      option.chunkStart = isAsked ? valueStart : 0;
      option.chunkEnd = isAsked ? valueEnd : 0;
    } else if (isText(bytes, position, valueStart, COMPRESSED)) {
      option.compressed = textValue(bytes, valueStart, valueEnd);
    } else if (isText(bytes, position, valueStart, FLUENT_SIGNAL)) {
      option.fluentSignal = Number(decode(bytes.subarray(valueStart, valueEnd)));
    }
    position = valueEnd;
  }
}

/**
 * The chunk id, as msgpack, in an option of any size, however wrong the rest of it is: who waits for an ack is to be
 * answered. Undefined where there is none.
 */
export function chunkOfOption(bytes: Buffer): Buffer | undefined {
  const option = new MessageOption();
  try {
    readOption(bytes, 0, bytes.length, option, Number.POSITIVE_INFINITY, ANSWERED_ID_BYTES);
  } catch {
    return undefined;
  }
  return option.chunkEnd === 0 ? undefined : bytes.subarray(option.chunkStart, option.chunkEnd);
}

const CHUNK = Buffer.from("chunk");
const COMPRESSED = Buffer.from("compressed");
const FLUENT_SIGNAL = Buffer.from("fluent_signal");

/** Whether the str or bin `bytes[start, end)` holds `text`. A loop, since keys are too short for a native call. */
function isText(bytes: Buffer, start: number, end: number, text: Buffer): boolean {
  const content = start + stringHeader(bytes[start] as number);
  if (content === start || end - content !== text.length) return false;
  for (let index = 0; index < text.length; index++) {
    if (bytes[content + index] !== text[index]) return false;
  }
  return true;
}

/** No method has a longer name than this shows; nil, and what is no text, says nothing. */
function textValue(bytes: Buffer, start: number, end: number): string | undefined {
  const header = stringHeader(bytes[start] as number);
  return header === 0 ? undefined : bytes.toString("latin1", start + header, Math.min(end, start + header + 32));
}
