/**
 * `@type roundrobin`: gives each batch to the next `<store>`, more often to a store with more `weight`. Turns of equal
 * weights alternate; those of a heavy store are spread evenly. Source: fluentd 1.18 out_roundrobin.rb.
 */

import { parseInteger } from "../config/literals.ts";
import { type ConfigOf, raw, section } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";
import type { OutputDefinition } from "../plugin.ts";
import { createStores, storesLifecycle } from "./stores.ts";

const table = section({}, { store: raw });

/** More turns than this before they repeat serve nobody. */
const MAX_TURNS = 10_000;

export const roundrobinOutput: OutputDefinition<ConfigOf<typeof table>> = {
  type: "roundrobin",
  kind: "output",
  passesOn: true,
  table,
  create(config, context) {
    const stores = createStores(config.store, context);
    const weights = config.store.map((element) => parseInteger(element.text("weight") ?? "1"));
    const order = turns(weights);
    if (order.length === 0 || weights.some((weight) => weight < 0)) {
      throw new ConfigError("weight: one store at least needs a weight above 0", config.element.position);
    }
    let turn = 0;
    return {
      ...storesLifecycle(stores),
      emit(tag, events, origin) {
        const store = stores[order[turn] as number] as (typeof stores)[number];
        turn = (turn + 1) % order.length;
        return store.emit(tag, events, origin);
      },
    };
  },
};

/** Store indexes in the order of their turns: every store gains its weight each turn, and the richest one pays for all. */
export function turns(weights: readonly number[]): number[] {
  const divisor = weights.reduce(greatestCommonDivisor, 0) || 1;
  const shares = weights.map((weight) => Math.max(0, weight) / divisor);
  const total = shares.reduce((sum, share) => sum + share, 0);
  const credits = shares.map(() => 0);
  const order: number[] = [];
  for (let turn = 0; turn < Math.min(total, MAX_TURNS); turn++) {
    for (const [index, share] of shares.entries()) credits[index] = (credits[index] as number) + share;
    const richest = credits.indexOf(Math.max(...credits));
    credits[richest] = (credits[richest] as number) - total;
    order.push(richest);
  }
  return order;
}

function greatestCommonDivisor(left: number, right: number): number {
  return right === 0 ? left : greatestCommonDivisor(right, left % right);
}
