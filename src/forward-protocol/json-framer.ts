/**
 * Cuts a JSON text stream into messages and hands each out as msgpack, so that what follows knows one form only.
 * Source: Forward protocol v1, "JSON"; COMPAT: fluentd 1.18 in_forward `read_messages`.
 */

import { LimitError } from "../errors.ts";
import { jsonToMsgpack } from "../event/json-reader.ts";
import { JsonValueScanner } from "../event/json-value-scanner.ts";
import { INCOMPLETE } from "../event/walker.ts";
import type { MessageSource } from "./framer.ts";
import { MessageBounds, readMessage } from "./messages.ts";

const NOTHING = Buffer.alloc(0);

/** Whether a connection that starts with this byte speaks JSON: `{` or `[`. */
export function startsJson(byte: number): boolean {
  return byte === 0x7b || byte === 0x5b;
}

export class JsonFramer implements MessageSource {
  bytes: Buffer = NOTHING;
  readonly start = 0;
  end = 0;
  readonly isOwned = true;
  readonly bounds = new MessageBounds();
  limitBytes: number;
  readonly #scanner = new JsonValueScanner();
  #read: Buffer = NOTHING;
  #position = 0;
  /** Copies of earlier reads of the value that is not whole yet. */
  #parts: Buffer[] = [];
  pendingBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  feed(read: Buffer): void {
    this.#read = read;
    this.#position = 0;
  }

  keepRest(): void {
    this.feed(Buffer.from(this.#read.subarray(this.#position)));
  }

  next(): boolean {
    const end = this.#scanner.scan(this.#read, this.#position, this.#read.length);
    const found = end !== INCOMPLETE;
    const part = this.#read.subarray(this.#position, found ? end : this.#read.length);
    this.#position += part.length;
    if (this.pendingBytes + part.length > this.limitBytes) {
      throw new LimitError(`a message is larger than ${this.limitBytes} bytes`);
    }
    if (found) {
      this.bytes = jsonToMsgpack(this.pendingBytes === 0 ? part : Buffer.concat([...this.#parts, part]));
      this.end = readMessage(this.bytes, 0, this.bytes.length, this.bounds);
      this.#parts = [];
      this.pendingBytes = 0;
      return true;
    }
    // White space between values belongs to none: it is not collected, so that it is no way to fill memory.
    if (this.pendingBytes > 0 || this.#scanner.leadingSpace < part.length) {
      this.#parts.push(Buffer.from(part));
      this.pendingBytes += part.length;
    }
    this.#read = NOTHING;
    this.#position = 0;
    this.bytes = NOTHING;
    return false;
  }
}
