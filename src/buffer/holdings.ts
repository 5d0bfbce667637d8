/**
 * What all buffers of an agent hold together, for inputs to ask after a restart or when a chunk comes again. Outputs
 * start before inputs, so that every journal is read by then.
 */

import { type AckAfter, coversWhole, type Share } from "../event/origin.ts";
import type { Expectations } from "./held-sources.ts";

/** A part of an upstream chunk that one buffer holds, or has delivered. */
export interface HeldChunk extends Share {
  readonly checksum: number;
}

/** A part of a file that one buffer holds, or has delivered. */
export interface HeldRange {
  /** The bytes [start, end) of the file. */
  readonly start: number;
  readonly end: number;
  /** CRC-32 of the file's bytes. */
  readonly checksum: number;
  readonly share: Share;
}

export interface HeldFile {
  /** Everything before is settled. */
  readonly settled: number;
  /** In the order in which they were written. */
  readonly ranges: readonly HeldRange[];
}

/** One buffer. */
export interface Holder {
  heldChunk(id: string): readonly HeldChunk[];
  heldFile(file: string): HeldFile | undefined;
  /** The name means another file now. */
  forgetFile(file: string): void;
  /** Resolves when what is held of the chunk is as safe as that. */
  whenSafe(id: string, ackAfter: AckAfter): Promise<void>;
}

/** How far a file was taken. To be believed only when the file still has the bytes of `witness`. */
export interface FileHolding {
  /** Everything before is settled, be it ahead of the pos_file or behind. */
  readonly settled: number;
  /**
   * Ranges that were handed over, ascending. One that `isWhole` needs no reading; any other must be handed over again
   * with exactly these bounds, and the buffers that have it leave it out.
   */
  readonly ranges: readonly { readonly from: number; readonly to: number; readonly isWhole: boolean }[];
  /** The range written last: where its checksum differs, the name means another file, or one that was cut. */
  readonly witness: { readonly from: number; readonly to: number; readonly checksum: number };
}

export class Holdings {
  readonly #holders = new Set<Holder>();
  #expected: Expectations = { seconds: 0, chunks: 0, isSynced: false };
  /** Outputs are being exchanged: what is not found may be held all the same. */
  isPartial = false;

  get expected(): Expectations {
    return this.#expected;
  }

  /** To be called while the agent is built: what an input will ask of buffers. The most that is asked for counts. */
  expect({ seconds = 0, chunks = 0, isSynced = false }: Partial<Expectations>): void {
    const before = this.#expected;
    this.#expected = {
      seconds: Math.max(seconds, before.seconds),
      chunks: Math.max(chunks, before.chunks),
      isSynced: isSynced || before.isSynced,
    };
  }

  add(holder: Holder): void {
    this.#holders.add(holder);
  }

  remove(holder: Holder): void {
    this.#holders.delete(holder);
  }

  /** Whether every output has the chunk with these bytes: `part` when it must be handed over again, alone. */
  ofChunk(id: string, checksum: number): "none" | "part" | "whole" {
    let shares: Share[] | undefined;
    for (const holder of this.#holders) {
      for (const held of holder.heldChunk(id)) if (held.checksum === checksum) (shares ??= []).push(held);
    }
    if (!shares) return this.isPartial ? "part" : "none";
    return coversWhole(shares) ? "whole" : "part";
  }

  /** Resolves when what is held of the chunk is as safe as that; rejects where it cannot be made so. */
  async whenSafe(id: string, ackAfter: AckAfter): Promise<void> {
    await Promise.all(Array.from(this.#holders, (holder) => holder.whenSafe(id, ackAfter)));
  }

  ofFile(file: string): FileHolding | undefined {
    const ranges = new Map<string, { from: number; to: number; shares: Share[] }>();
    let settled = 0;
    let witness: FileHolding["witness"] | undefined;
    for (const holder of this.#holders) {
      const held = holder.heldFile(file);
      if (!held) continue;
      settled = Math.max(settled, held.settled);
      for (const { start: from, end: to, checksum, share } of held.ranges) {
        const key = `${from} ${to} ${checksum}`;
        const range = ranges.get(key) ?? { from, to, shares: [] };
        ranges.set(key, range);
        range.shares.push(share);
        if (!witness || to >= witness.to) witness = { from, to, checksum };
      }
    }
    if (!witness) return undefined;
    const ascending = [...ranges.values()].sort((left, right) => left.from - right.from);
    return {
      settled,
      ranges: ascending.map(({ from, to, shares }) => ({ from, to, isWhole: coversWhole(shares) })),
      witness,
    };
  }

  /** The name means another file, or one that was cut: what was held of it says nothing any more. */
  forgetFile(file: string): void {
    for (const holder of this.#holders) holder.forgetFile(file);
  }
}
