/**
 * Texts behind one another, as Ruby joins strings of letters (msgpack's str) and of bytes (bin). The first piece says
 * which of the two it becomes; a piece that is not all ASCII may turn it while everything before it is.
 * Source: Ruby 3.1 `rb_str_buf_append`.
 */

import { isAscii } from "node:buffer";
import { MalformedError } from "../errors.ts";
import { ByteWriter } from "./byte-writer.ts";

export class TextJoin {
  readonly #writer = new ByteWriter();
  #isBinary: boolean | undefined;
  #isAscii = true;

  /** Forgets every piece. */
  clear(): this {
    this.#writer.truncate(0);
    this.#isBinary = undefined;
    this.#isAscii = true;
    return this;
  }

  /** Throws MalformedError where letters and bytes beyond ASCII meet. */
  add(piece: Uint8Array, isBinary: boolean, isAllAscii = isAscii(piece)): void {
    this.#isBinary ??= isBinary;
    if (!isAllAscii) {
      if (isBinary !== this.#isBinary && !this.#isAscii) {
        throw new MalformedError("incompatible character encodings: ASCII-8BIT and UTF-8");
      }
      this.#isBinary = isBinary;
      this.#isAscii = false;
    }
    this.#writer.copy(piece);
  }

  /** The whole as msgpack, a copy. */
  value(): Buffer {
    const { length } = this.#writer;
    const value = new ByteWriter(length + 5);
    if (this.#isBinary) value.binaryHeader(length);
    else value.stringHeader(length);
    value.copy(this.#writer.view());
    return value.take();
  }
}
