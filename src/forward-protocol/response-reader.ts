/**
 * What a receiver sends back, HELO, PONG and acks, cut into messages. The receiver is not trusted: the bytes of one
 * message are limited, and nothing is decoded before it is whole.
 */

import { LimitError } from "../errors.ts";
import { decodeRaw } from "../event/msgpack.ts";
import { INCOMPLETE, skipValue } from "../event/walker.ts";

/** An ack has about 33 bytes, HELO 60, PONG 170 and a reason. */
export const MAX_RESPONSE_BYTES = 4096;

/** fluentd and Suiro send a map of one; a few more keys do no harm. */
const MAX_ACK_KEYS = 16;

export class ResponseReader {
  #rest: Buffer = EMPTY;

  /**
   * Takes bytes as they come and gives the messages that are now whole, each with its own bytes.
   * Throws MalformedError, and LimitError for a message that does not end within MAX_RESPONSE_BYTES.
   */
  *push(bytes: Buffer): IterableIterator<Buffer> {
    const input = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    this.#rest = EMPTY;
    let start = 0;
    while (start < input.length) {
      const end = skipValue(input, start, input.length);
      if (end === INCOMPLETE) break;
      if (end - start > MAX_RESPONSE_BYTES) throw tooLong();
      yield input.subarray(start, end);
      start = end;
    }
    if (input.length - start > MAX_RESPONSE_BYTES) throw tooLong();
    this.#rest = start === input.length ? EMPTY : Buffer.from(input.subarray(start));
  }
}

const EMPTY = Buffer.alloc(0);

function tooLong(): LimitError {
  return new LimitError(`an answer of more than ${MAX_RESPONSE_BYTES} bytes, which no receiver of logs sends`);
}

/** The id of `{"ack": id}`, as its bytes; undefined for a message that is no ack. Throws MalformedError, LimitError. */
export function readAck(message: Buffer): Buffer | undefined {
  const value = decodeRaw(message);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  if (Object.keys(value).length > MAX_ACK_KEYS) throw new LimitError(`an ack with more than ${MAX_ACK_KEYS} keys`);
  const { ack } = value as { ack?: unknown };
  return ack instanceof Uint8Array ? Buffer.from(ack.buffer, ack.byteOffset, ack.byteLength) : undefined;
}

/** Whether a message is HELO: its receiver expects a handshake before anything else. */
export function isHelo(message: Buffer): boolean {
  return message[0] === 0x92 && message.subarray(1, 6).equals(HELO);
}

const HELO = Buffer.from("\xa4HELO", "latin1");
