/** Names of peers, from reverse look-ups; remembered for a while. */

import { lookupService } from "node:dns/promises";
import type { Clock } from "../../clock.ts";
import { LOOKUP_CACHE_SIZE, LOOKUP_DEADLINE_MS, LOOKUP_LIFETIME_MS } from "./limits.ts";

export class HostNames {
  readonly #clock: Clock;
  readonly #lookup: (address: string) => Promise<string>;
  readonly #known = new Map<string, { name: Promise<string>; until: number }>();

  constructor(clock: Clock, lookup = reverseLookup) {
    this.#clock = clock;
    this.#lookup = lookup;
  }

  /** The name of `address`, or the address itself where it has none or the answer takes too long. Never rejects. */
  resolve(address: string): Promise<string> {
    const now = this.#clock.monotonic();
    const known = this.#known.get(address);
    if (known && known.until > now) return known.name;
    this.#known.delete(address);
    const [oldest] = this.#known.keys();
    if (this.#known.size >= LOOKUP_CACHE_SIZE && oldest !== undefined) this.#known.delete(oldest);
    const name = this.#ask(address);
    this.#known.set(address, { name, until: now + LOOKUP_LIFETIME_MS });
    return name;
  }

  #ask(address: string): Promise<string> {
    return new Promise((resolve) => {
      const giveUp = this.#clock.after(LOOKUP_DEADLINE_MS, () => resolve(address));
      const settle = (name: string) => {
        giveUp();
        resolve(name);
      };
      this.#lookup(address).then(settle, () => settle(address));
    });
  }
}

/** As getnameinfo does it, hosts file included. The port is not asked for. */
async function reverseLookup(address: string): Promise<string> {
  const { hostname } = await lookupService(address, 0);
  return hostname;
}
