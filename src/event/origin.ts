/**
 * Where a batch of events came from, and how safe it must be before its emit resolves. It goes beside the events from
 * the input to every buffer, which writes it into its journal together with the bytes: so a buffer knows, over restarts,
 * what it holds of an upstream chunk or of a file, and stores nothing twice.
 *
 * Several buffers may get parts of one batch. Each part owns a share of the whole, an interval of [0, WHOLE): whoever
 * gives a batch on in several ways divides its share. A source is held when the shares held of it cover the whole.
 */

import type { Ledger } from "./ledger.ts";

/**
 * When an emit resolves: the bytes are in the file (a killed process loses none), on the disk (neither does a machine
 * that loses power), or with the next receiver.
 */
export type AckAfter = "written" | "synced" | "delivered";

/** A chunk of a sender of the Forward protocol. */
export interface ChunkSource {
  readonly kind: "chunk";
  /** The id as the sender gave it, byte for byte (latin1). Only ids that no honest sender gives twice. */
  readonly id: string;
  /** Of tag and body: the same id with other bytes is another chunk. */
  readonly checksum: number;
  /** CRC-32 of the body alone, from an input. */
  readonly bodyChecksum?: number;
}

/** A range of a file that is followed. */
export interface FileSource {
  readonly kind: "file";
  /** Names the file over restarts and renames; of at most 255 bytes. */
  readonly file: string;
  /** The bytes [from, to) of the file. */
  readonly from: number;
  readonly to: number;
  /** CRC-32 of these bytes: tells a file that was cut and written anew. */
  readonly checksum: number;
  /** Everything before is settled: its emits have resolved. At most `from`. */
  readonly settled: number;
}

export type Source = ChunkSource | FileSource;

/** `[from, to)` of [0, WHOLE). */
export interface Share {
  readonly from: number;
  readonly to: number;
}

/** Divided often, it stays an integer. */
export const WHOLE = 2 ** 48;

const ALL: Share = { from: 0, to: WHOLE };

export class Origin {
  /** Empty for events that nobody will send or read again. */
  readonly sources: readonly Source[];
  readonly ackAfter: AckAfter;
  readonly share: Share;
  /** Of the input that they came from; it is put in when the input hands them over. */
  ledger: Ledger | undefined;

  constructor(sources: readonly Source[], ackAfter: AckAfter, share: Share = ALL, ledger?: Ledger) {
    this.sources = sources;
    this.ackAfter = ackAfter;
    this.share = share;
    this.ledger = ledger;
  }

  /** For part `index` of `count` that the batch is given on in. The same batch must give the same parts again. */
  part(index: number, count: number): Origin {
    if (count === 1 || this.sources.length === 0) return this;
    const { from, to } = this.share;
    const start = from + Math.floor(((to - from) * index) / count);
    const end = from + Math.floor(((to - from) * (index + 1)) / count);
    return new Origin(this.sources, this.ackAfter, { from: start, to: end }, this.ledger);
  }

  /** For events that are no longer just those of the sources, since somebody keeps some of them back. */
  detached(): Origin {
    return this.sources.length === 0 ? this : new Origin([], this.ackAfter, ALL, this.ledger);
  }
}

/** Whether `shares` together cover the whole. */
export function coversWhole(shares: readonly Share[]): boolean {
  let covered = 0;
  for (const { from, to } of [...shares].sort((left, right) => left.from - right.from)) {
    if (from > covered) return false;
    covered = Math.max(covered, to);
  }
  return covered >= WHOLE;
}
