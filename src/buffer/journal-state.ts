/** What a journal says when it is read at start. */

import { ChunkRanges } from "./chunk-ranges.ts";
import type { JournalRecord, RecordedSource, RecordedStep } from "./journal-record.ts";
import { decodeMeta } from "./meta-file.ts";

/** Metas of one chunk that are remembered: a power loss may leave an older one than the last. */
const METAS_LIMIT = 16;

export interface JournaledChunk {
  readonly number: number;
  readonly id: Buffer;
  /** Bytes of its meta file as it was made. */
  readonly meta: Buffer;
  /** What its meta file may say unless somebody else wrote it: events, modification time. */
  readonly metas: (readonly [number, number])[];
  readonly ranges: ChunkRanges;
  gone: "no" | "delivered" | "elsewhere";
  /** It may have been sent: more in it would be other events under the same id. */
  isClosed: boolean;
}

export interface JournaledSource extends RecordedSource {
  readonly sequence: number;
  readonly atSeconds: number;
}

export class JournalState {
  /** By id in hexadecimal. */
  readonly chunks = new Map<string, JournaledChunk>();
  sources: JournaledSource[] = [];
  /** Of the last group. */
  sequence = 0;
  /** Every group up to this one was on the disk; below 0 when nobody waited for that. */
  synced = -1;
  /** Groups from this one on may miss something: the power went. */
  cutFrom = Number.POSITIVE_INFINITY;
  /** When the last group was written. */
  lastAtSeconds = 0;
  machineStart = "";
  /** Records in its midst cannot be read: what it does not know of a chunk may be good all the same. */
  isDamaged = false;
  /** There was none. */
  isMissing = true;
  lastNumber = 0;
  readonly #byNumber = new Map<number, JournaledChunk>();

  /** The machine was started again since, so that what was not synced may be missing. */
  isMachineLost(machineStart: string): boolean {
    return machineStart === "" || machineStart !== this.machineStart;
  }

  apply(record: JournalRecord): void {
    if (record.type === "start") {
      this.isMissing = false;
      this.machineStart = record.machineStart;
    } else if (record.type === "chunk") this.#addChunk(record);
    else if (record.type === "meta") {
      const metas = this.#byNumber.get(record.chunk)?.metas;
      metas?.push([record.size, record.modifiedAt]);
      if (metas && metas.length > METAS_LIMIT) metas.shift();
    } else if (record.type === "gone") {
      const chunk = this.#byNumber.get(record.chunk);
      if (chunk) chunk.gone = record.isDelivered ? "delivered" : "elsewhere";
    } else if (record.type === "closed") {
      const chunk = this.#byNumber.get(record.chunk);
      if (chunk) chunk.isClosed = true;
    } else if (record.type === "group") {
      const { sequence, synced, atSeconds, steps, sources } = record;
      this.sequence = Math.max(this.sequence, sequence);
      this.lastAtSeconds = Math.max(this.lastAtSeconds, atSeconds);
      this.synced = Math.max(this.synced, synced);
      for (const step of steps) this.#addStep(step, sequence);
      for (const source of sources) this.sources.push({ ...source, sequence, atSeconds });
    }
  }

  /** Forgets the groups from `sequence` on: not all of what they wrote is there. */
  cut(sequence: number): void {
    this.cutFrom = Math.min(this.cutFrom, sequence);
    for (const { ranges } of this.chunks.values()) ranges.cutFrom(this.cutFrom);
    this.sources = this.sources.filter((source) => source.sequence < this.cutFrom);
  }

  /** What contradicts what was said before makes the journal one that is not to be believed. */
  #addStep(step: RecordedStep, sequence: number): void {
    const ranges = this.#byNumber.get(step.chunk)?.ranges;
    if (!ranges) return;
    if (ranges.continuesWith(step)) ranges.add(step, sequence, 0);
    else this.isDamaged = true;
  }

  #addChunk({ chunk: number, id, byteSize, size, meta }: Extract<JournalRecord, { type: "chunk" }>): void {
    const ranges = new ChunkRanges({ byteSize, size });
    const made = decodeMeta(meta);
    const metas: JournaledChunk["metas"] = made ? [[made.size, made.modifiedAt ?? 0]] : [];
    const chunk: JournaledChunk = { number, id, meta, metas, ranges, gone: "no", isClosed: false };
    this.chunks.set(id.toString("hex"), chunk);
    this.#byNumber.set(number, chunk);
    this.lastNumber = Math.max(this.lastNumber, number);
  }
}
