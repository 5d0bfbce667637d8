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
import { msgpackToJson } from "../event/json.ts";
import { decode } from "../event/msgpack.ts";
import { arrayLength, containerHeader, isArrayType, stringHeader } from "../event/msgpack-header.ts";
import { type EntriesWalk, readUint16, readUint32, skip, walkEntries } from "../event/walker.ts";

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

/** Fills `bounds` for the whole message `bytes[start, end)`. */
export function readMessage(bytes: Buffer, start: number, end: number, bounds: MessageBounds): void {
  bounds.mode = messageKind(bytes, start);
  bounds.optionStart = 0;
  bounds.optionEnd = 0;
  if (bounds.mode !== "message") return;
  let remaining = arrayLength(bytes, start) - 2;
  const tag = start + containerHeader(bytes[start] as number);
  const tagContent = tag + stringHeader(bytes[tag] as number);
  const afterTag = skip(bytes, tag, end);
  bounds.tagStart = tagContent > tag ? tagContent : -1;
  bounds.tagEnd = tagContent > tag ? afterTag : -1;
  bounds.bodyStart = afterTag;
  bounds.bodyEnd = afterTag;
  bounds.recordStart = afterTag;
  if (remaining < 0) return;
  const type = bytes[afterTag] as number;
  const header = stringHeader(type);
  bounds.walk = undefined;
  if (header > 0) {
    bounds.mode = "packed";
    bounds.bodyStart = afterTag + header;
    bounds.bodyEnd = skip(bytes, afterTag, end);
  } else if (isArrayType(type)) {
    bounds.mode = "forward";
    bounds.bodyStart = afterTag + containerHeader(type);
    bounds.walk = walkEntries(bytes, bounds.bodyStart, end, arrayLength(bytes, afterTag));
    bounds.bodyEnd = bounds.walk.end;
  } else {
    bounds.bodyEnd = skip(bytes, afterTag, end);
    bounds.recordStart = bounds.bodyEnd;
    if (remaining === 0) return;
    bounds.bodyEnd = skip(bytes, bounds.recordStart, end);
    remaining -= 1;
  }
  if (remaining === 0) return;
  bounds.optionStart = bounds.bodyEnd;
  bounds.optionEnd = skip(bytes, bounds.bodyEnd, end);
}

function messageKind(bytes: Buffer, start: number): MessageMode {
  const type = bytes[start] as number;
  if (type === 0xc0) return "heartbeat";
  if (!isArrayType(type)) return "broken";
  return arrayLength(bytes, start) === 0 ? "empty" : "message";
}

/** What the option of a message says that this side acts on. */
export interface MessageOption {
  /** The `chunk` value as msgpack in latin1, a byte a character: the ack gives it back as it came. */
  readonly chunk: string | undefined;
  readonly compressed: string | undefined;
  /** Fluent Bit: 0 logs, 1 metrics, 2 traces. */
  readonly fluentSignal: number;
}

/** fluentd's ids have 25 bytes; an id is held until its ack is written. */
const MAX_CHUNK_ID_BYTES = 1024;
/** One that is answered at once, and not held. */
const ANSWERED_ID_BYTES = 64 * 1024;
const NO_OPTION: MessageOption = { chunk: undefined, compressed: undefined, fluentSignal: 0 };

/** Reads the option `bytes[start, end)`; nil or nothing is no option. Throws MalformedError and LimitError. */
export function readOption(
  bytes: Buffer,
  start: number,
  end: number,
  keyLimit = 16,
  idLimitBytes = MAX_CHUNK_ID_BYTES,
): MessageOption {
  const type = bytes[start];
  if (start === end || type === 0xc0) return NO_OPTION;
  const isMap = type !== undefined && ((type >= 0x80 && type < 0x90) || type === 0xde || type === 0xdf);
  if (!isMap) throw new MalformedError("the option of a message is no map");
  const count = type < 0x90 ? type & 0x0f : type === 0xde ? readUint16(bytes, start + 1) : readUint32(bytes, start + 1);
  if (count > keyLimit) throw new LimitError(`the option of a message has more than ${keyLimit} keys`);
  let chunk: string | undefined;
  let compressed: string | undefined;
  let fluentSignal = 0;
  let position = start + containerHeader(type);
  for (let index = 0; index < count; index++) {
    const valueStart = skip(bytes, position, end);
    const valueEnd = skip(bytes, valueStart, end);
    if (isText(bytes, position, valueStart, CHUNK)) chunk = chunkValue(bytes, valueStart, valueEnd, idLimitBytes);
    else if (isText(bytes, position, valueStart, COMPRESSED)) compressed = textValue(bytes, valueStart, valueEnd);
    else if (isText(bytes, position, valueStart, FLUENT_SIGNAL)) {
      fluentSignal = Number(decode(bytes.subarray(valueStart, valueEnd)));
    }
    position = valueEnd;
  }
  return { chunk, compressed, fluentSignal };
}

/**
 * The chunk id in an option of any size, however wrong the rest of it is: who waits for an ack is to be answered.
 * Undefined where there is none.
 */
export function chunkOfOption(bytes: Buffer): string | undefined {
  try {
    return readOption(bytes, 0, bytes.length, Number.POSITIVE_INFINITY, ANSWERED_ID_BYTES).chunk;
  } catch {
    return undefined;
  }
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

/** nil and false ask for no ack. */
function chunkValue(bytes: Buffer, start: number, end: number, limitBytes: number): string | undefined {
  if (bytes[start] === 0xc0 || bytes[start] === 0xc2) return undefined;
  if (end - start > limitBytes) throw new LimitError(`a chunk id has more than ${limitBytes} bytes`);
  return bytes.toString("latin1", start, end);
}

/** No method has a longer name than this shows; nil, and what is no text, says nothing. */
function textValue(bytes: Buffer, start: number, end: number): string | undefined {
  const header = stringHeader(bytes[start] as number);
  return header === 0 ? undefined : bytes.toString("latin1", start + header, Math.min(end, start + header + 32));
}

/** A map of one, and its key. */
const ACK_PREFIX = "\x81\xa3ack";

/** `{ack: chunk}` for each of `chunks`, one behind the other, with the chunks' bytes as they came. */
export function encodeAcks(chunks: readonly string[]): Buffer {
  let acks = "";
  for (const chunk of chunks) acks += ACK_PREFIX + chunk;
  return Buffer.from(acks, "latin1");
}

/** The same as JSON text, without newlines. */
export function encodeJsonAcks(chunks: readonly string[]): Buffer {
  return Buffer.from(chunks.map((chunk) => `{"ack":${msgpackToJson(Buffer.from(chunk, "latin1"))}}`).join(""));
}
