/** Where messages end in a stream of text: at a delimiter, or after a count of bytes. */

import { MalformedError } from "../../errors.ts";

/** Told of each whole message `bytes[start, end)`. */
export type TakeMessage = (bytes: Buffer, start: number, end: number) => void;

export interface MessageSplitter {
  /**
   * Finds the whole messages in `bytes`, and returns how many bytes they and their delimiters take; the caller gives
   * what is left again, with what came behind it. Throws MalformedError where no message can be found any more.
   */
  split(bytes: Buffer, take: TakeMessage): number;
}

export interface DelimiterOptions {
  readonly delimiter: string;
  readonly limitBytes: number;
  /** A message longer than the limit was dropped. */
  readonly tooLong: (byteSize: number) => void;
}

export class DelimiterSplitter implements MessageSplitter {
  readonly #options: DelimiterOptions;
  readonly #delimiter: Buffer;
  /** The rest of a message whose beginning was too long already. */
  #isDiscarding = false;

  constructor(options: DelimiterOptions) {
    this.#options = options;
    this.#delimiter = Buffer.from(options.delimiter);
  }

  split(bytes: Buffer, take: TakeMessage): number {
    const { limitBytes, tooLong } = this.#options;
    let position = 0;
    for (;;) {
      const end = bytes.indexOf(this.#delimiter, position);
      if (end < 0) break;
      if (this.#isDiscarding) this.#isDiscarding = false;
      else if (end - position > limitBytes) tooLong(end - position);
      else take(bytes, position, end);
      position = end + this.#delimiter.length;
    }
    if (bytes.length - position <= limitBytes) return position;
    if (!this.#isDiscarding) tooLong(bytes.length - position);
    this.#isDiscarding = true;
    return bytes.length;
  }
}

/** `LENGTH MESSAGE`, as RFC 6587 has it. */
export class OctetCountSplitter implements MessageSplitter {
  readonly #limitBytes: number;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  split(bytes: Buffer, take: TakeMessage): number {
    let position = 0;
    for (;;) {
      const space = bytes.indexOf(0x20, position);
      if (space < 0) {
        if (bytes.length - position > MAX_COUNT_DIGITS) throw new MalformedError("a message has no octet count");
        return position;
      }
      const count = bytes.toString("latin1", position, space);
      if (!/^\d{1,10}$/.test(count)) throw new MalformedError("a message has no octet count");
      const length = Number(count);
      if (length > this.#limitBytes) throw new MalformedError(`an octet count of ${length} is past the limit`);
      if (space + 1 + length > bytes.length) return position;
      take(bytes, space + 1, space + 1 + length);
      position = space + 1 + length;
    }
  }
}

const MAX_COUNT_DIGITS = 10;
