/**
 * Chunks that a receiver refuses: it got bytes of them, and then broke the connection, answered wrongly or not at all.
 * Nothing says whether the receiver is unwell or the chunk is poison to it, so evidence is gathered, and meanwhile the
 * others go first.
 *
 * ```text
 * refused once ──► as ever: back to the head of the queue
 * from SUSPECT_AFTER on it is sent alone on a connection, and
 *   no other chunk got through since ──► it lets one that is no suspect go first
 *   others get through               ──► it stands aside and comes again after a wait of its own, 1 s to 5 min
 *   the receiver acknowledged others between `attempts` refusals, over `waitMs` ──► refused for good
 * ```
 *
 * A delivery forgets all that. What is known is lost with the process: then the evidence is gathered anew.
 */

import type { BufferChunk } from "../buffer/buffer-chunk.ts";
import type { ChunkBuffer } from "../buffer/chunk-buffer.ts";
import type { CancelTimer, Clock } from "../clock.ts";
import type { Receiver } from "../plugin.ts";

/** One refusal is what any restart of a receiver looks like. */
const SUSPECT_AFTER = 2;

/** Waits of a chunk that stands aside: doubling from the first to the second, ± 25 %. */
const WAIT_MS = { first: 1000, most: 300_000, jitter: 0.25 } as const;

/** Chunks that stood aside and are on their way again at a time: each needs a connection, and may wait long for its ack. */
const AGAIN_LIMIT = 8;

export interface SuspectsOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly buffer: Pick<ChunkBuffer, "rejoin">;
  /** Refusals with acks of others in between after which a chunk is refused for good; 0 is never. */
  readonly attempts: number;
  readonly waitMs: number;
  /** A chunk that stood aside is in the queue again. */
  readonly onRejoined: () => void;
}

interface Suspect {
  readonly sinceMs: number;
  refusals: number;
  /** Refusals by a receiver that had taken other chunks since it refused this one before. */
  whileOthersPassed: number;
  /** The same, of those that the receiver had acknowledged. */
  whileOthersAcked: number;
  /** How many chunks of others each receiver had taken, and acknowledged, when it refused this one. */
  readonly seen: Map<Receiver, Passed>;
}

interface Passed {
  readonly all: number;
  readonly acked: number;
}

const NONE: Passed = { all: 0, acked: 0 };

export class Suspects {
  readonly #options: SuspectsOptions;
  readonly #suspects = new WeakMap<BufferChunk, Suspect>();
  readonly #passed = new WeakMap<Receiver, Passed>();
  /** Let one other go first. */
  readonly #yielding = new Set<BufferChunk>();
  /** Stand aside for a time. */
  readonly #waiting = new Map<BufferChunk, CancelTimer>();
  /** Stood aside, and are queued or being sent again. */
  readonly #again = new Set<BufferChunk>();
  #isEnded = false;

  constructor(options: SuspectsOptions) {
    this.#options = options;
  }

  refusals(chunk: BufferChunk): number {
    return this.#suspects.get(chunk)?.refusals ?? 0;
  }

  /** Names of those that refused it. */
  receivers(chunk: BufferChunk): string[] {
    return [...(this.#suspects.get(chunk)?.seen.keys() ?? [])].map(({ name }) => name);
  }

  /** It is to be sent alone. */
  isSuspect(chunk: BufferChunk): boolean {
    return this.refusals(chunk) >= SUSPECT_AFTER;
  }

  /** Others get through where it is refused. */
  isConfirmed(chunk: BufferChunk): boolean {
    return this.isSuspect(chunk) && (this.#suspects.get(chunk)?.whileOthersPassed ?? 0) > 0;
  }

  /** The receiver is well and does not take it. */
  isRefusedForGood(chunk: BufferChunk): boolean {
    const { attempts, clock, waitMs } = this.#options;
    const suspect = this.#suspects.get(chunk);
    if (!suspect || attempts <= 0 || suspect.whileOthersAcked < attempts) return false;
    return clock.monotonic() - suspect.sinceMs >= waitMs;
  }

  accepted(receiver: Receiver, isAcked: boolean): void {
    const { all, acked } = this.#passed.get(receiver) ?? NONE;
    this.#passed.set(receiver, { all: all + 1, acked: acked + (isAcked ? 1 : 0) });
  }

  refused(chunk: BufferChunk, receiver: Receiver): void {
    const sinceMs = this.#options.clock.monotonic();
    const fresh = { sinceMs, refusals: 0, whileOthersPassed: 0, whileOthersAcked: 0, seen: new Map() };
    const suspect: Suspect = this.#suspects.get(chunk) ?? fresh;
    this.#suspects.set(chunk, suspect);
    suspect.refusals += 1;
    const passed = this.#passed.get(receiver) ?? NONE;
    const before = suspect.seen.get(receiver);
    if (before && passed.all > before.all) suspect.whileOthersPassed += 1;
    if (before && passed.acked > before.acked) suspect.whileOthersAcked += 1;
    suspect.seen.set(receiver, passed);
  }

  /**
   * Says whether a chunk that was refused, and is to be taken back, must stand aside; when it must, it will rejoin.
   * `waitMs` is 0 where it only lets one other go first.
   */
  standAside(chunk: BufferChunk): { readonly waitMs: number } | undefined {
    this.#again.delete(chunk);
    if (this.#isEnded || !this.isSuspect(chunk)) return undefined;
    if (!this.isConfirmed(chunk)) {
      this.#yielding.add(chunk);
      return { waitMs: 0 };
    }
    const { first, most, jitter } = WAIT_MS;
    const steps = (this.#suspects.get(chunk) as Suspect).whileOthersPassed - 1;
    const waitMs = Math.min(first * 2 ** steps, most) * (1 - jitter + 2 * jitter * this.#options.random());
    this.#wait(chunk, waitMs);
    return { waitMs };
  }

  /** A chunk that is no suspect was taken, or there was none: those that let it go first have done so. */
  othersWent(): void {
    for (const chunk of this.#yielding) {
      if (this.#areManyAgain) return;
      this.#rejoin(chunk);
    }
  }

  /** Every chunk that stands aside is queued again. */
  recall(): void {
    for (const chunk of this.#yielding) this.#rejoin(chunk);
    for (const [chunk, cancel] of this.#waiting) {
      cancel();
      this.#rejoin(chunk);
    }
  }

  /** From now on nothing stands aside. */
  end(): void {
    this.#isEnded = true;
    this.recall();
  }

  get #areManyAgain(): boolean {
    for (const chunk of this.#again) if (chunk.state === "closed") this.#again.delete(chunk);
    return this.#again.size >= AGAIN_LIMIT;
  }

  #wait(chunk: BufferChunk, waitMs: number): void {
    const { clock, onRejoined } = this.#options;
    const again = () => {
      if (this.#areManyAgain) return this.#wait(chunk, WAIT_MS.first);
      this.#rejoin(chunk);
      onRejoined();
    };
    this.#waiting.set(chunk, clock.after(waitMs, again));
  }

  #rejoin(chunk: BufferChunk): void {
    this.#yielding.delete(chunk);
    this.#waiting.delete(chunk);
    this.#again.add(chunk);
    this.#options.buffer.rejoin(chunk);
  }
}
