/**
 * Looks through a chunk that was found on disk: how many whole entries it has, and where they end. A process that is
 * killed while it writes leaves a torn last entry, a machine that loses power NUL bytes. Nobody was told that we have
 * those, so they are cut off before anything is appended behind them or sent: a receiver could read nothing behind
 * them, and of a torn compressed chunk nothing at all.
 */

import { INCOMPLETE, skipValue } from "../event/walker.ts";
import type { Chunk } from "./chunk.ts";
import { decompressMember } from "./compression.ts";

export interface EntriesFound {
  /** Stored bytes up to the end of the last whole entry, or of the last whole gzip member or zstd frame. */
  readonly byteSize: number;
  readonly size: number;
  /** Why there is more: something that does not end, or bytes that are nothing of the kind. */
  readonly tail: "none" | "torn" | "foreign";
}

type Walk = (bytes: Buffer) => EntriesFound | Promise<EntriesFound>;

const FIXARRAY_2 = 0x92;

/** `blocks` are the stored bytes. Entries may be of any output that stores msgpack `[time, record]`. */
export async function findEntries(
  blocks: AsyncIterable<Buffer>,
  compression: Chunk["compression"],
  memberLimitBytes: number,
): Promise<EntriesFound> {
  const walk: Walk =
    compression === "text" ? walkEntries : (bytes) => walkMembers(bytes, compression, memberLimitBytes);
  let rest: Buffer = Buffer.alloc(0);
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let byteSize = 0;
  let size = 0;
  const walkOn = async (): Promise<EntriesFound["tail"]> => {
    rest = Buffer.concat([rest, ...waiting]);
    waiting = [];
    waitingBytes = 0;
    const found = await walk(rest);
    rest = rest.subarray(found.byteSize);
    byteSize += found.byteSize;
    size += found.size;
    return found.tail;
  };
  for await (const block of blocks) {
    waiting.push(block);
    waitingBytes += block.length;
    // What goes over many blocks is walked again only when the bytes at hand have doubled.
    if (waitingBytes >= rest.length && (await walkOn()) === "foreign") return { byteSize, size, tail: "foreign" };
  }
  return { tail: await walkOn(), byteSize, size };
}

function walkEntries(bytes: Buffer): EntriesFound {
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

async function walkMembers(bytes: Buffer, method: "gzip" | "zstd", limitBytes: number): Promise<EntriesFound> {
  let position = 0;
  let size = 0;
  while (position < bytes.length) {
    const member = await decompressMember(method, bytes.subarray(position), limitBytes);
    if (typeof member === "string") return { byteSize: position, size, tail: member };
    position += member.byteSize;
    size += walkEntries(member.plain).size;
  }
  return { byteSize: position, size, tail: "none" };
}
