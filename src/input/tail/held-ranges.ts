/**
 * How far the buffers hold a file, for an agent that was killed: it may have handed over a batch whose position it did
 * not write any more. pos_file and journals together say at which byte to go on, so that nothing is stored twice.
 */

import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import type { FileHolding, Holdings } from "../../buffer/holdings.ts";
import type { FileIdentity } from "./file-identity.ts";
import { BLOCK_BYTES } from "./limits.ts";

/** Where reading goes on. */
export interface ResumePoint {
  readonly offset: number;
  /** The first batch must end exactly here: some outputs hold it and others do not. */
  readonly boundary?: number | undefined;
}

/** What one `tail` asks and tells about the files that it reads. */
export class HeldRanges {
  readonly #holdings: Holdings;
  readonly #scope: string;

  /** `scope` tells the sources of a configuration apart, over restarts: the path of the pos_file. */
  constructor(holdings: Holdings, scope: string) {
    this.#holdings = holdings;
    this.#scope = scope;
  }

  /** What a file is called in journals. It is read once for each `path` that leads to it; renames make no difference. */
  nameOf(path: string, { device, inode, bornNs }: FileIdentity): string {
    const reader = createHash("sha256").update(`${this.#scope}\0${path}`).digest("hex").slice(0, 24);
    return `tail:${reader}:${device}:${inode}:${bornNs}`;
  }

  /** The file `name`, which lies at `place` now, was read up to `offset` by pos_file. */
  async resume(name: string, place: string, offset: number): Promise<ResumePoint> {
    const holding = this.#holdings.ofFile(name);
    // A position that is ahead of what buffers hold is right: of what is behind filters left nothing, or fluentd read it.
    if (!holding || holding.ranges.every(({ to }) => to <= offset)) return { offset };
    if (await hasBytes(place, holding.witness)) return goOn(holding, offset);
    this.forget(name);
    return { offset };
  }

  /** What was held of the file is no part of it any more. */
  forget(name: string): void {
    this.#holdings.forgetFile(name);
  }
}

function goOn({ settled, ranges }: FileHolding, offset: number): ResumePoint {
  let position = Math.max(offset, settled);
  for (const { from, to, isWhole } of ranges) {
    if (to <= position) continue;
    if (from !== position) break;
    if (!isWhole) return { offset: position, boundary: to };
    position = to;
  }
  return { offset: position };
}

/** Whether the bytes are still those that were handed over: the file was not cut and written anew. */
async function hasBytes(path: string, { from, to, checksum }: FileHolding["witness"]): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (!file) return false;
  try {
    const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, to - from));
    let found = 0;
    for (let position = from; position < to; ) {
      const { bytesRead } = await file.read(block, 0, Math.min(block.length, to - position), position);
      if (bytesRead === 0) return false;
      found = crc32(block.subarray(0, bytesRead), found);
      position += bytesRead;
    }
    return found === checksum;
  } catch {
    return false;
  } finally {
    await file.close();
  }
}
