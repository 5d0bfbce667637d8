/**
 * Chooses the node for the next chunk: weighted round robin in an order that is shuffled once per process, so that many
 * senders do not all begin with the same node. Standby nodes step in for the weight that is lost.
 * Source: fluentd 1.18 out_forward/load_balancer.rb.
 */

import type { Logger } from "../../logger.ts";

/** What the balancer must know of a node. */
export interface Balanced {
  readonly host: string;
  readonly port: number;
  /** 0: no traffic. */
  readonly weight: number;
  readonly standby: boolean;
  readonly isAvailable: boolean;
}

/** Slots per node that the array has at least. */
const SLOTS_PER_NODE = 6;

export class LoadBalancer<Node extends Balanced> {
  readonly #logger: Logger;
  readonly #seed: number;
  #slots: Node[] = [];
  #next = 0;

  /** `seed` decides the order: a 32-bit integer, random unless a test sets it. */
  constructor(logger: Logger, seed: number = Math.floor(Math.random() * 2 ** 32)) {
    this.#logger = logger;
    this.#seed = seed;
  }

  /** To be called whenever nodes come, go, are detached or recover. */
  rebalance(nodes: readonly Node[]): void {
    const weighted = nodes.filter((node) => node.weight > 0);
    const active = weighted.filter((node) => !node.standby);
    let lostWeight = active.reduce((sum, node) => sum + (node.isAvailable ? 0 : node.weight), 0);
    for (const node of weighted.filter((other) => other.standby && other.isAvailable)) {
      if (lostWeight <= 0) break;
      active.push(node);
      lostWeight -= node.weight;
      this.#logger.warn(`using standby node ${node.host}:${node.port}`, { weight: node.weight });
    }
    if (active.length === 0) this.#logger.warn("No nodes are available");
    this.#slots = shuffle(slotsOf(active), this.#seed);
  }

  /** Every available node once, in the order in which they are to be tried. Each one taken moves the round on. */
  *candidates(): IterableIterator<Node> {
    const given = new Set<Node>();
    for (let looked = this.#slots.length; looked > 0 && this.#slots.length > 0; looked--) {
      const slot = this.#next % this.#slots.length;
      this.#next = slot + 1;
      const node = this.#slots[slot];
      if (!node?.isAvailable || given.has(node)) continue;
      given.add(node);
      yield node;
    }
  }
}

/** Every node as often as its weight asks, relative to the others. */
function slotsOf<Node extends Balanced>(nodes: readonly Node[]): Node[] {
  const divisor = nodes.reduce((result, node) => greatestCommonDivisor(result, node.weight), 0);
  const slots = nodes.flatMap((node) => new Array<Node>(node.weight / divisor).fill(node));
  const times = Math.max(1, Math.floor((nodes.length * SLOTS_PER_NODE) / Math.max(1, slots.length)));
  return Array.from({ length: times }, () => slots).flat();
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Fisher-Yates with the generator mulberry32: the same seed gives the same order. */
function shuffle<T>(items: T[], seed: number): T[] {
  let state = seed | 0;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [items[last], items[other]] = [items[other] as T, items[last] as T];
  }
  return items;
}
