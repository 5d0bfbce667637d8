/** What goes wrong in a soak, and in which order: the same for the same seed. */

export const FAULT_KINDS = [
  "kill agent",
  "stop agent",
  "terminate agent",
  "reload agent",
  "kill receiver",
  "stop receiver",
  "terminate receiver",
  "cut connections",
  "cut at a byte",
  "cut at an ack",
  "swallow acks",
  "lie in acks",
  "slow receiver",
  "tear a frame",
  "rotate file",
  "fill disk",
  "move buffer away",
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** Events that are to be acked before it strikes. */
  readonly afterEvents: number;
  /** How long it lasts, where it lasts. */
  readonly lastsMs: number;
  /** Where it strikes, in bytes of a connection. */
  readonly atByte: number;
}

/** Numbers from 0 to 1 that look random, and are the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `count` faults: every kind about as often, in an order of the seed's own. */
export function planFaults(seed: number, count: number): Fault[] {
  const random = randomNumbers(seed);
  const upTo = (limit: number) => Math.floor(random() * limit);
  const faults: Fault[] = [];
  let deck: FaultKind[] = [];
  while (faults.length < count) {
    if (deck.length === 0) deck = [...FAULT_KINDS];
    const [kind] = deck.splice(upTo(deck.length), 1) as [FaultKind];
    faults.push({ kind, afterEvents: 20 + upTo(300), lastsMs: 50 + upTo(400), atByte: 1 + upTo(20_000) });
  }
  return faults;
}
