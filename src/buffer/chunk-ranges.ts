/**
 * What a chunk's bytes are to be: ranges with a CRC-32 each. A range grows by one step a commit, with the checksum
 * running on, so that bytes are summed once and a torn range is good up to a step. The first commits of a chunk have
 * ranges of their own; further on a range has an eighth of what is before it, and RANGE_BYTES at the most.
 */

import { crc32 } from "node:zlib";
import { joinedChecksum } from "./joined-checksum.ts";

/** Small enough that little goes with a bad one, large enough that ranges are few: 4096 in a chunk of 256 MiB. */
const RANGE_BYTES = 64 * 1024;
/** So the small ranges of a chunk are about 60, and a bad one costs a small chunk no more than a part of it. */
const SHARE_OF_BEFORE = 1 / 8;

export interface Step {
  readonly end: number;
  /** Events of the range up to here. */
  readonly size: number;
  /** Of the range's bytes up to here. */
  readonly checksum: number;
  /** Of the commit that wrote it. */
  readonly sequence: number;
}

/** Bytes from `start` to the end of the last step. */
export interface ChunkRange {
  readonly start: number;
  /** Ascending, never empty. */
  steps: Step[];
}

/** A step that is written and not settled yet. */
export interface NextStep extends Omit<Step, "sequence"> {
  readonly start: number;
}

export class ChunkRanges {
  /** Bytes and events that were there before anybody summed them up. */
  readonly base: { readonly byteSize: number; readonly size: number };
  readonly ranges: ChunkRange[];

  constructor(base = { byteSize: 0, size: 0 }, ranges: ChunkRange[] = []) {
    this.base = base;
    this.ranges = ranges;
  }

  /** Where the last range ends. */
  get end(): number {
    return this.ranges.at(-1)?.steps.at(-1)?.end ?? this.base.byteSize;
  }

  get size(): number {
    return this.ranges.reduce((sum, { steps }) => sum + (steps.at(-1) as Step).size, this.base.size);
  }

  /** The step that `views` would be behind everything; `known` is their checksum, where somebody has it. */
  next(views: readonly Buffer[], size: number, known?: number): NextStep {
    const last = this.ranges.at(-1);
    const step = last?.steps.at(-1);
    const isOpen = last && step && step.end - last.start < Math.min(RANGE_BYTES, last.start * SHARE_OF_BEFORE);
    const start = isOpen ? last.start : this.end;
    const byteSize = views.reduce((sum, view) => sum + view.length, 0);
    const before = isOpen ? step.checksum : 0;
    const checksum =
      known === undefined
        ? views.reduce((sum, view) => crc32(view, sum), before)
        : joinedChecksum(before, known, byteSize);
    const end = this.end + byteSize;
    return { start, end, size: isOpen ? step.size + size : size, checksum };
  }

  /** Adds a step. Of steps up to commit `synced` only the last is kept: those bytes will not be torn any more. */
  add({ start, end, size, checksum }: NextStep, sequence: number, synced: number): void {
    const step = { end, size, checksum, sequence };
    const last = this.ranges.at(-1);
    if (last?.start !== start) {
      this.ranges.push({ start, steps: [step] });
      return;
    }
    const { steps } = last;
    if (steps.at(-1)?.end === end) steps.pop();
    steps.push(step);
    const firstUnsynced = steps.findIndex((each) => each.sequence > synced);
    if (firstUnsynced > 1) steps.splice(0, firstUnsynced - 1);
  }

  /** Whether a step that was read goes on where these ranges end. */
  continuesWith({ start, end, size }: Omit<NextStep, "checksum">): boolean {
    const last = this.ranges.at(-1);
    const step = last?.steps.at(-1);
    if (last?.start === start && step) return end >= step.end && size >= step.size;
    return start === this.end && end >= start;
  }

  /** The last commit that wrote something here. */
  get lastSequence(): number {
    return this.ranges.at(-1)?.steps.at(-1)?.sequence ?? 0;
  }

  /** Forgets what commit `sequence` and later ones wrote. */
  cutFrom(sequence: number): void {
    for (const range of this.ranges) range.steps = range.steps.filter((step) => step.sequence < sequence);
    const empty = this.ranges.findIndex(({ steps }) => steps.length === 0);
    if (empty >= 0) this.ranges.length = empty;
  }
}

/** Takes the bytes of a range in order, and tells how far they are what they should be. */
export class RangeCheck {
  readonly range: ChunkRange;
  /** The last step whose checksum was right. */
  good: Step | undefined;
  #position: number;
  #checksum = 0;
  #next = 0;

  constructor(range: ChunkRange) {
    this.range = range;
    this.#position = range.start;
  }

  get end(): number {
    return (this.range.steps.at(-1) as Step).end;
  }

  get isGood(): boolean {
    return this.good === this.range.steps.at(-1);
  }

  update(bytes: Buffer): void {
    let rest = bytes;
    for (let step = this.range.steps[this.#next]; step && rest.length > 0; step = this.range.steps[this.#next]) {
      const part = rest.subarray(0, step.end - this.#position);
      this.#checksum = crc32(part, this.#checksum);
      this.#position += part.length;
      rest = rest.subarray(part.length);
      if (this.#position < step.end) return;
      if (this.#checksum === step.checksum) this.good = step;
      this.#next += 1;
    }
  }
}

/** Holds bytes that come in order against the ranges that they pass; before the first range nothing is known of them. */
export class RangeChecks {
  readonly all: readonly RangeCheck[];
  #position: number;
  #index = 0;

  /** `ranges` ascend and follow each other; the first bytes are those at `position`, before them all. */
  constructor(ranges: readonly ChunkRange[], position: number) {
    this.all = ranges.map((range) => new RangeCheck(range));
    this.#position = position;
  }

  /** False when one of the ranges that end in `bytes` is bad. */
  update(bytes: Buffer): boolean {
    let isGood = true;
    let rest = bytes.subarray(Math.max(0, (this.all[this.#index]?.range.start ?? 0) - this.#position));
    this.#position += bytes.length - rest.length;
    for (let check = this.all[this.#index]; check && rest.length > 0; check = this.all[this.#index]) {
      const part = rest.subarray(0, check.end - this.#position);
      check.update(part);
      this.#position += part.length;
      rest = rest.subarray(part.length);
      if (this.#position < check.end) break;
      isGood &&= check.isGood;
      this.#index += 1;
    }
    return isGood;
  }
}
