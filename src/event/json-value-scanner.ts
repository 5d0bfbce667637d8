/** Finds where JSON values end, for protocols that write one behind the other: the Forward protocol's JSON mode. */

import { LimitError, MalformedError } from "../errors.ts";
import { INCOMPLETE, MAX_DEPTH } from "./walker.ts";

/** Where one JSON value stands. */
export interface JsonValueBounds {
  readonly start: number;
  readonly end: number;
}

/** Finds the next array or object at or behind `from`; undefined when it is not whole yet. Throws MalformedError. */
export function nextJsonValue(bytes: Buffer, from = 0): JsonValueBounds | undefined {
  const scanner = new JsonValueScanner();
  const end = scanner.scan(bytes, from, bytes.length);
  return end === INCOMPLETE ? undefined : { start: from + scanner.leadingSpace, end };
}

/**
 * Finds where arrays and objects end in a stream that comes in pieces; every byte is looked at once. It sees brackets
 * and strings only; whether the value is JSON is for `jsonToMsgpack` to say.
 */
export class JsonValueScanner {
  /** White space before the value. */
  leadingSpace = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  /**
   * Looks at `bytes[from, end)`, which follows what it saw before. Returns the position behind the value, and is then
   * ready for the next; INCOMPLETE when the value goes on. Throws MalformedError when it is no array or object.
   */
  scan(bytes: Buffer, from: number, end: number): number {
    if (this.#depth === 0) this.leadingSpace = 0;
    for (let position = from; position < end; position++) {
      const byte = bytes[position] as number;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === 0x5c) this.#escaped = true;
        else if (byte === 0x22) this.#inString = false;
      } else if (byte === 0x5b || byte === 0x7b) {
        if (this.#depth++ >= MAX_DEPTH) throw new LimitError(`JSON is nested deeper than ${MAX_DEPTH} levels`);
      } else if (this.#depth === 0) {
        if (byte !== 0x20 && (byte < 0x09 || byte > 0x0d))
          throw new MalformedError("neither a JSON array nor an object");
        this.leadingSpace += 1;
      } else if (byte === 0x22) {
        this.#inString = true;
      } else if ((byte === 0x5d || byte === 0x7d) && --this.#depth === 0) {
        return position + 1;
      }
    }
    return INCOMPLETE;
  }
}
