/**
 * A node's addresses, from the system's resolver, kept as long as `expire_dns_cache` says.
 * Source: fluentd 1.18 out_forward.rb `resolved_host`. Unlike fluentd, all addresses of a name are kept, so that one that
 * refuses gives way to the next, and a failed connection forgets them.
 */

import { lookup } from "node:dns/promises";
import type { Clock } from "../../clock.ts";
import { errorMessage, NetworkError } from "../../errors.ts";

/** Addresses of one name that are tried, at most. */
const MAX_ADDRESSES = 8;

export interface HostResolverOptions {
  readonly host: string;
  /** Undefined: for ever; 0: never kept. */
  readonly expireSeconds: number | undefined;
  /** Begin with a random address each time. */
  readonly roundRobin: boolean;
  readonly clock: Clock;
  /** The seam for tests. */
  readonly resolve?: ((host: string) => Promise<string[]>) | undefined;
}

export class HostResolver {
  readonly #options: HostResolverOptions;
  #addresses: string[] | undefined;
  #resolvedAtMs = 0;

  constructor(options: HostResolverOptions) {
    this.#options = options;
  }

  /** The addresses in the order in which they are to be tried, at least one. Rejects with NetworkError. */
  async addresses(): Promise<readonly string[]> {
    const addresses = this.#kept() ?? (await this.#resolve());
    if (!this.#options.roundRobin) return addresses;
    const first = Math.floor(Math.random() * addresses.length);
    return [...addresses.slice(first), ...addresses.slice(0, first)];
  }

  /** The next connection asks again. */
  forget(): void {
    this.#addresses = undefined;
  }

  #kept(): string[] | undefined {
    const { expireSeconds, clock } = this.#options;
    if (expireSeconds === undefined) return this.#addresses;
    return clock.monotonic() - this.#resolvedAtMs < expireSeconds * 1000 ? this.#addresses : undefined;
  }

  async #resolve(): Promise<string[]> {
    const { host, clock, resolve = systemResolve } = this.#options;
    const addresses = await resolve(host).catch((cause) => {
      throw new NetworkError(`cannot resolve host ${host}: ${errorMessage(cause)}`, { cause });
    });
    if (addresses.length === 0) throw new NetworkError(`cannot resolve host ${host}: it has no address`);
    this.#addresses = addresses.slice(0, MAX_ADDRESSES);
    this.#resolvedAtMs = clock.monotonic();
    return this.#addresses;
  }
}

async function systemResolve(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}
