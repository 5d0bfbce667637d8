/**
 * Cuts a msgpack stream into messages. A message that lies whole in one read is handed out in place, after one look at
 * each byte; of one that does not, header, tag and body length are found first, and then its bytes are collected once, into
 * one buffer of the declared size. That walk goes on where it stopped, and the message is read once it is whole: no byte is
 * looked at more than three times, however the stream is cut.
 *
 * Limits: a message never passes `limitBytes`, which is checked against declared lengths before memory is taken;
 * `nestingLimit` levels, the message's own array included.
 */

import { LimitError } from "../errors.ts";
import { batchMemory } from "../event/batch-memory.ts";
import { INCOMPLETE, MAX_DEPTH, readUint16, readUint32, skipScalar } from "../event/walker.ts";
import { MessageBounds, readMessage } from "./messages.ts";

/** A whole message, as msgpack: `bytes[start, end)`. Valid until the next one is looked for. */
export interface FoundMessage {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /**
   * Whether `bytes` was taken from batch memory for this message: it is the receiver's own, who may keep parts of it
   * without keeping a whole read, or give it back.
   */
  readonly isOwned: boolean;
  /** Where its parts stand. */
  readonly bounds: MessageBounds;
}

/** Gives the messages of one connection one by one; it is itself the one that `next` found. */
export interface MessageSource extends FoundMessage {
  /** Bytes of a message that is not whole yet. */
  readonly pendingBytes: number;
  limitBytes: number;
  /** Takes the next read, valid until `keepRest`; only after `next` has said that there is no more. */
  feed(read: Buffer): void;
  /** Copies what is left of the read, whose memory is used again. */
  keepRest(): void;
  /** Finds the next whole message. Throws MalformedError or LimitError; the stream is then of no more use. */
  next(): boolean;
}

/** What is copied at a time while the end of a message is not known: options and small messages fit in one step. */
const STEP_BYTES = 4096;

/** Begun with less, a message of unknown length would be copied as it grows. */
const LEAST_COLLECTED_BYTES = 64 * 1024;
/** Where no message may be larger than this, each gets what it needs and no more: strangers are held to it. */
const SMALL_MESSAGE_BYTES = 16 * 1024;

/** Beyond it a message of unknown length is taken for one that may be as long as any. */
const LARGE_MESSAGE_BYTES = 2 * 1024 * 1024;

const NOTHING = Buffer.alloc(0);

export class Framer implements MessageSource {
  bytes: Buffer = NOTHING;
  start = 0;
  end = 0;
  isOwned = false;
  readonly bounds = new MessageBounds();
  readonly #nestingLimit: number;
  readonly #walk: MessageWalk;
  #read: Buffer = NOTHING;
  #position = 0;
  #collected: Buffer = NOTHING;
  #collectedBytes = 0;

  constructor(limitBytes: number, nestingLimit = MAX_DEPTH) {
    this.#nestingLimit = nestingLimit;
    this.#walk = new MessageWalk(nestingLimit);
    this.limitBytes = limitBytes;
  }

  get limitBytes(): number {
    return this.#walk.limitBytes;
  }

  set limitBytes(limit: number) {
    this.#walk.limitBytes = limit;
  }

  get pendingBytes(): number {
    return this.#collectedBytes;
  }

  feed(read: Buffer): void {
    this.#read = read;
    this.#position = 0;
  }

  keepRest(): void {
    this.feed(Buffer.from(this.#read.subarray(this.#position)));
  }

  /**
   * Gives up the message at hand, after `next` threw LimitError: all bytes that have come from its start. The next read
   * is taken for the start of a message.
   */
  surrender(): Buffer {
    const collected = this.#collected.subarray(0, this.#collectedBytes);
    const bytes = Buffer.concat([collected, this.#read.subarray(this.#position)]);
    this.#collected = NOTHING;
    this.#collectedBytes = 0;
    this.#walk.restart();
    this.#release();
    return bytes;
  }

  next(): boolean {
    if (this.#collectedBytes > 0) return this.#collect();
    if (this.#position === this.#read.length) return this.#release();
    const end = readMessage(this.#read, this.#position, this.#read.length, this.bounds, this.#nestingLimit);
    if (end === INCOMPLETE) {
      this.#walk.advance(this.#read, this.#position, this.#read.length);
      return this.#collect();
    }
    if (end - this.#position > this.limitBytes) throw tooLarge(this.limitBytes);
    this.#found(this.#read, this.#position, end, false);
    this.#position = end;
    return true;
  }

  /** Moves the read's bytes behind what was collected until the message is whole. */
  #collect(): boolean {
    for (;;) {
      const rest = this.#read.length - this.#position;
      if (rest === 0) return this.#release();
      const missing = this.#walk.offset - this.#collectedBytes;
      const taken = Math.min(rest, Math.max(missing, STEP_BYTES));
      this.#reserve(Math.max(this.#collectedBytes + taken, this.#walk.offset + STEP_BYTES));
      this.#read.copy(this.#collected, this.#collectedBytes, this.#position, this.#position + taken);
      this.#collectedBytes += taken;
      this.#position += taken;
      const end = this.#walk.advance(this.#collected, 0, this.#collectedBytes);
      if (end === INCOMPLETE) continue;
      this.#position -= this.#collectedBytes - end;
      readMessage(this.#collected, 0, end, this.bounds, this.#nestingLimit);
      this.#found(this.#collected, 0, end, true);
      this.#collected = NOTHING;
      this.#collectedBytes = 0;
      return true;
    }
  }

  /**
   * Makes room for `needed` bytes. Where the message does not say how long it will be: twice as many, and once it is
   * large all that it may have. The system gives pages as they are written, so that costs nothing, while each doubling
   * would leave its half to the collector.
   */
  #reserve(needed: number): void {
    if (needed <= this.#collected.length) return;
    const most = this.limitBytes + STEP_BYTES;
    const doubled = this.#collected.length < LARGE_MESSAGE_BYTES ? Math.min(this.#collected.length * 2, most) : most;
    const least = this.limitBytes < SMALL_MESSAGE_BYTES ? 0 : LEAST_COLLECTED_BYTES;
    const larger = batchMemory.take(Math.max(needed, doubled, least));
    this.#collected.copy(larger, 0, 0, this.#collectedBytes);
    batchMemory.give(this.#collected);
    this.#collected = larger;
  }

  #found(bytes: Buffer, start: number, end: number, isOwned: boolean): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.isOwned = isOwned;
    this.#walk.restart();
  }

  /** Lets go of the read and of the last message, so that an idle connection holds no memory. */
  #release(): boolean {
    this.#read = NOTHING;
    this.#position = 0;
    this.bytes = NOTHING;
    return false;
  }
}

/** `skipValue` that can stop anywhere and go on with more bytes. */
export class MessageWalk {
  limitBytes = 0;
  /** How far the walk is, from the message's start. Lies past the bytes at hand within a long string: then so many bytes are needed. */
  offset = 0;
  #remaining = 1;
  #depth = 0;
  readonly #nestingLimit: number;
  readonly #pending: Int32Array;

  constructor(nestingLimit: number) {
    this.#nestingLimit = nestingLimit;
    this.#pending = new Int32Array(nestingLimit);
  }

  restart(): void {
    this.offset = 0;
    this.#remaining = 1;
    this.#depth = 0;
  }

  /** The position behind the message that starts at `start`, or INCOMPLETE when it goes on past `end`. */
  advance(bytes: Uint8Array, start: number, end: number): number {
    const limit = start + this.limitBytes;
    let position = start + this.offset;
    let remaining = this.#remaining;
    let depth = this.#depth;
    while (remaining > 0 && position < end) {
      const type = bytes[position] as number;
      let next = position + 1;
      let children = 0;
      if (type < 0x80 || type >= 0xe0) {
        // A small integer is its own type byte.
      } else if (type >= 0xa0 && type < 0xc0) next += type & 0x1f;
      else if (type < 0x90) children = (type & 0x0f) * 2;
      else if (type < 0xa0) children = type & 0x0f;
      else if (type < 0xdc) next = skipScalar(bytes, position, end, type);
      else {
        const wide = (type & 1) === 1; // dc array16, dd array32, de map16, df map32
        next = position + (wide ? 5 : 3);
        if (next > end) break;
        children = wide ? readUint32(bytes, position + 1) : readUint16(bytes, position + 1);
        if (type >= 0xde) children *= 2;
      }
      if (next === INCOMPLETE) break;
      position = next;
      if (position + children > limit) throw tooLarge(this.limitBytes);
      if (children > 0) {
        if (depth === this.#nestingLimit) {
          throw new LimitError(`msgpack is nested deeper than ${this.#nestingLimit} levels`);
        }
        this.#pending[depth++] = remaining;
        remaining = children;
      } else {
        while (--remaining === 0 && depth > 0) remaining = this.#pending[--depth] as number;
      }
    }
    this.offset = position - start;
    this.#remaining = remaining;
    this.#depth = depth;
    return remaining === 0 && position <= end ? position : INCOMPLETE;
  }
}

function tooLarge(limitBytes: number): LimitError {
  return new LimitError(`a message is larger than ${limitBytes} bytes`);
}
