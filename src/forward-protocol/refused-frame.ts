/**
 * A message that is larger, or nested deeper, than the limits allow: it is passed through and never held. Where it ends,
 * and what its option is, is found while its bytes go by; so its sender can be answered.
 *
 * Limits: the receiver of the bytes says how many it takes; DEEPEST levels; OPTION_LIMIT_BYTES of option are held.
 */

import { LimitError, MalformedError } from "../errors.ts";
import { arrayLength, containerHeader, isArrayType, stringHeader } from "../event/msgpack-header.ts";
import { INCOMPLETE } from "../event/walker.ts";
import { MessageWalk } from "./framer.ts";

const DEEPEST = 1024;
const OPTION_LIMIT_BYTES = 64 * 1024;
/** Of `[tag, time, record, option]`. */
const MOST_ELEMENTS = 4;
const NOTHING = Buffer.alloc(0);

export class RefusedFrame {
  readonly #walk = new MessageWalk(DEEPEST);
  /** The start of a header that is cut off; its bytes are counted as taken already. */
  #carry: Buffer = NOTHING;
  /** Bytes that went by. */
  #taken = 0;
  /** Elements of the message's array; undefined before its header is there. */
  #length: number | undefined;
  /** The element at hand, from 0, and where it starts from the message's start. */
  #index = 0;
  #elementStart = 0;
  /** The first byte of the second element, which says how the message is built. */
  #bodyType = 0;
  /** The element at hand, where it may be the option. */
  #held: Buffer[] = [];
  #heldBytes = 0;

  constructor() {
    this.#walk.limitBytes = Number.MAX_SAFE_INTEGER;
  }

  /** Bytes that the message has at least, by what it declared so far. */
  get declaredBytes(): number {
    return this.#elementStart + this.#walk.offset;
  }

  get takenBytes(): number {
    return this.#taken;
  }

  get isWhole(): boolean {
    return this.#index === this.#length;
  }

  /** The option's bytes, once the message is whole; empty when it has none, or one too large to be one. */
  get option(): Buffer {
    const isBatch = isArrayType(this.#bodyType) || stringHeader(this.#bodyType) > 0;
    const hasOption = this.#length === (isBatch ? 3 : 4);
    return hasOption && this.#heldBytes <= OPTION_LIMIT_BYTES ? Buffer.concat(this.#held) : NOTHING;
  }

  /** Takes bytes in order; gives how many of them belong to the message. Throws MalformedError and LimitError. */
  take(bytes: Buffer): number {
    const window = this.#carry.length === 0 ? bytes : Buffer.concat([this.#carry, bytes]);
    const base = this.#taken - this.#carry.length;
    this.#carry = NOTHING;
    if (this.#length === undefined && !this.#readHeader(window)) return this.#passAll(window, 0, bytes.length);
    while (!this.isWhole) {
      const start = this.#elementStart - base;
      if (this.#index === 1 && start >= 0 && start < window.length) this.#bodyType = window[start] as number;
      const end = this.#walk.advance(window, start, window.length);
      this.#hold(window, base, end === INCOMPLETE ? window.length : end);
      if (end === INCOMPLETE) return this.#passAll(window, start + this.#walk.offset, bytes.length);
      this.#nextElement(base + end);
    }
    const belonging = this.#elementStart - this.#taken;
    this.#taken = this.#elementStart;
    return belonging;
  }

  #readHeader(window: Buffer): boolean {
    const type = window[0] as number;
    if (!isArrayType(type)) throw new MalformedError("a message that is no array");
    const header = containerHeader(type);
    if (window.length < header) return false;
    this.#length = arrayLength(window, 0);
    if (this.#length > MOST_ELEMENTS) throw new LimitError(`a message of ${this.#length} elements`);
    this.#elementStart = header;
    return true;
  }

  #nextElement(start: number): void {
    this.#index += 1;
    this.#elementStart = start;
    this.#walk.restart();
    if (this.isWhole) return;
    this.#held = [];
    this.#heldBytes = 0;
  }

  /** Keeps a copy of the element's bytes up to `end` of the window, where it may be the option. */
  #hold(window: Buffer, base: number, end: number): void {
    if (this.#index < 2 || this.#heldBytes > OPTION_LIMIT_BYTES) return;
    const from = this.#elementStart + this.#heldBytes - base;
    this.#held.push(Buffer.from(window.subarray(from, end)));
    this.#heldBytes += end - from;
  }

  /** Every byte belongs to the message; a header that starts at `from` and is cut off is kept. */
  #passAll(window: Buffer, from: number, byteSize: number): number {
    if (from < window.length) this.#carry = Buffer.from(window.subarray(from));
    this.#taken += byteSize;
    return byteSize;
  }
}
