/**
 * Looks through a chunk of msgpack entries that was found on disk: how many whole entries it has, and where they end.
 * A process that is killed while it writes leaves a torn last entry, a machine that loses power NUL bytes. Nobody was
 * told that we have those, so they are cut off before anything is appended behind them or sent.
 */

import { INCOMPLETE, skipValue } from "../event/walker.ts";

export interface EntriesFound {
  /** Bytes of whole entries at the start of the chunk. */
  readonly byteSize: number;
  readonly size: number;
  /** Why there is more: an entry that does not end, or bytes that are no entry at all. */
  readonly tail: "none" | "torn" | "foreign";
}

const FIXARRAY_2 = 0x92;

export async function findEntries(blocks: AsyncIterable<Buffer>): Promise<EntriesFound> {
  let rest: Buffer = Buffer.alloc(0);
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let byteSize = 0;
  let size = 0;
  const walkOn = (): EntriesFound["tail"] => {
    rest = Buffer.concat([rest, ...waiting]);
    waiting = [];
    waitingBytes = 0;
    const found = walk(rest);
    rest = rest.subarray(found.byteSize);
    byteSize += found.byteSize;
    size += found.size;
    return found.tail;
  };
  for await (const block of blocks) {
    waiting.push(block);
    waitingBytes += block.length;
    // An entry over many blocks is walked again only when what is at hand has doubled.
    if (waitingBytes >= rest.length && walkOn() === "foreign") return { byteSize, size, tail: "foreign" };
  }
  return { tail: walkOn(), byteSize, size };
}

function walk(bytes: Buffer): EntriesFound {
  let position = 0;
  let size = 0;
  while (position < bytes.length) {
    if (bytes[position] !== FIXARRAY_2) return { byteSize: position, size, tail: "foreign" };
    let next: number;
    try {
      next = skipValue(bytes, position, bytes.length);
    } catch {
      return { byteSize: position, size, tail: "foreign" };
    }
    if (next === INCOMPLETE) return { byteSize: position, size, tail: "torn" };
    position = next;
    size += 1;
  }
  return { byteSize: position, size, tail: "none" };
}
