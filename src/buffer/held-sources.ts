/**
 * Which upstream chunks and which parts of files one buffer has taken, whether they are still in it or delivered.
 * Bounded: of upstream chunks those within the window, of each file what is not settled.
 */

import type { Share, Source } from "../event/origin.ts";
import { HeldChunks, type Taken, type TakenChunk } from "./held-chunks.ts";
import type { HeldFile, HeldRange } from "./holdings.ts";
import type { GroupRecord, RecordedSource } from "./journal-record.ts";

/** What inputs expect of every buffer. */
export interface Expectations {
  /** How long upstream chunks are remembered, and how many. */
  readonly seconds: number;
  readonly chunks: number;
  /** Somebody waits for syncs. */
  readonly isSynced: boolean;
}

/** Names of files that are remembered; the one that grew least recently is forgotten first. */
const FILES_LIMIT = 16_384;
/** Ranges of one file that are not settled. */
const RANGES_LIMIT = 1024;

type TakenRange = HeldRange & Taken;

interface TakenFile {
  settled: number;
  ranges: TakenRange[];
}

/** What one commit took, as it is written into a journal again. */
export type RememberedCommit = Pick<GroupRecord, "sequence" | "atSeconds" | "sources">;

export class HeldSources {
  readonly #expected: () => Expectations;
  readonly #nowSeconds: () => number;
  readonly #chunks = new HeldChunks();
  readonly #files = new Map<string, TakenFile>();

  constructor(expected: () => Expectations, nowSeconds: () => number) {
    this.#expected = expected;
    this.#nowSeconds = nowSeconds;
  }

  get isEmpty(): boolean {
    return this.#chunks.size === 0 && this.#files.size === 0;
  }

  add(source: Source, share: Share, taken: Taken): void {
    const { checksum } = source;
    if (source.kind === "file") {
      this.#addRange(source.file, source.settled, { start: source.from, end: source.to, checksum, share, ...taken });
      return;
    }
    this.#chunks.add(source.id, checksum, share, taken, this.#expected().chunks);
  }

  /** Where a source's part was taken, if it was, and within the window. */
  find(source: Source, share: Share): Taken | undefined {
    const isWithin = (held: Share) => held.from <= share.from && share.to <= held.to;
    if (source.kind === "chunk") {
      return this.chunk(source.id).find((held) => held.checksum === source.checksum && isWithin(held));
    }
    const { file, from, to, checksum } = source;
    return this.#files
      .get(file)
      ?.ranges.find(
        (held) => held.start === from && held.end === to && held.checksum === checksum && isWithin(held.share),
      );
  }

  /** What was taken of a chunk within the window. */
  chunk(id: string): readonly TakenChunk[] {
    const taken = this.#chunks.of(id);
    return taken.length === 0 ? taken : taken.filter((each) => this.#isRemembered(each));
  }

  file(name: string): HeldFile | undefined {
    return this.#files.get(name);
  }

  forgetFile(name: string): void {
    this.#files.delete(name);
  }

  /** Forgets what commit `sequence` and later ones took: it is not safe after all. */
  forgetFrom(sequence: number): void {
    this.#chunks.forgetFrom(sequence);
    for (const [name, file] of this.#files) {
      file.ranges = file.ranges.filter((each) => each.sequence < sequence);
      if (file.ranges.length === 0) this.#files.delete(name);
    }
  }

  /** Everything within the window, oldest first. */
  *remembered(): IterableIterator<RememberedCommit> {
    let commit: { sequence: number; atSeconds: number; sources: RecordedSource[] } | undefined;
    for (const { id, checksum, from, to, chunks, sequence, atSeconds } of this.#chunks.entries()) {
      if (!this.#isRemembered({ atSeconds })) continue;
      if (commit && commit.sequence !== sequence) yield commit;
      if (commit?.sequence !== sequence) commit = { sequence, atSeconds, sources: [] };
      commit.sources.push({ source: { kind: "chunk", id, checksum }, share: { from, to }, chunks });
    }
    if (commit) yield commit;
    for (const [file, { settled, ranges }] of this.#files) {
      for (const { start: from, end: to, checksum, share, chunks, sequence, atSeconds } of ranges) {
        const source = { kind: "file", file, from, to, checksum, settled } as const;
        yield { sequence, atSeconds, sources: [{ source, share, chunks }] };
      }
    }
  }

  #isRemembered({ atSeconds }: Pick<Taken, "atSeconds">): boolean {
    return this.#nowSeconds() - atSeconds <= this.#expected().seconds;
  }

  #addRange(name: string, settled: number, range: TakenRange): void {
    const file = this.#files.get(name) ?? { settled: 0, ranges: [] };
    this.#files.delete(name); // The map's order is that of use.
    this.#files.set(name, file);
    // A file that was cut begins again: nothing that is known of the old one says anything of the new one.
    if (range.start < file.settled) file.ranges = [];
    file.settled = range.start < file.settled ? settled : Math.max(file.settled, settled);
    file.ranges = file.ranges.filter(({ end }) => end > file.settled).slice(-RANGES_LIMIT);
    file.ranges.push(range);
    if (this.#files.size <= FILES_LIMIT) return;
    for (const [oldest] of this.#files) {
      this.#files.delete(oldest);
      break;
    }
  }
}
