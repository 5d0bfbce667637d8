/**
 * What one address may do: so many connections at one time, and so many failed handshakes in a minute.
 *
 * A cluster behind one translated address is one address here: where someone logged in within the last hour, failures of
 * others do not shut it out. Limit: REMEMBERED_ADDRESSES; the one that was seen least recently is forgotten.
 */

import { isIPv6 } from "node:net";
import type { Clock } from "../../clock.ts";
import { plainAddress } from "../../forward-protocol/authenticator.ts";
import { FAILED_LOGIN_WINDOW_MS, REMEMBERED_ADDRESSES, TRUSTED_ADDRESS_MS } from "./limits.ts";

export interface AddressGuardLimits {
  readonly addressConnectionLimit: number;
  readonly failedLoginLimit: number;
}

/** Why an address is refused; the reason of the counter `connections_refused`. */
export type AddressRefusal = "address_connection_limit" | "failed_login_limit";

interface Seen {
  connections: number;
  failures: number;
  /** When the minute began in which failures are counted; monotonic. */
  windowStartedAt: number;
  trustedUntil: number;
}

export class AddressGuard {
  readonly #limits: AddressGuardLimits;
  readonly #clock: Clock;
  readonly #seen = new Map<string, Seen>();

  constructor(limits: AddressGuardLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Takes a connection of `address`, or says why not. One that was taken must be released. */
  take(address: string): AddressRefusal | undefined {
    const seen = this.#of(address);
    if (this.#isShutOut(seen)) return "failed_login_limit";
    if (seen.connections >= this.#limits.addressConnectionLimit) return "address_connection_limit";
    seen.connections += 1;
    return undefined;
  }

  /** A connection that was taken is gone. */
  release(address: string): void {
    const key = networkOf(address);
    const seen = this.#seen.get(key);
    if (!seen) return;
    seen.connections -= 1;
    if (seen.connections === 0 && seen.failures === 0 && !this.#isTrusted(seen)) this.#seen.delete(key);
  }

  /** A handshake from `address` failed. */
  failed(address: string): void {
    this.#of(address).failures += 1;
  }

  /** A peer at `address` proved itself. */
  succeeded(address: string): void {
    const seen = this.#of(address);
    seen.failures = 0;
    seen.trustedUntil = this.#clock.monotonic() + TRUSTED_ADDRESS_MS;
  }

  #isShutOut(seen: Seen): boolean {
    return seen.failures >= this.#limits.failedLoginLimit && !this.#isTrusted(seen);
  }

  #isTrusted(seen: Seen): boolean {
    return seen.trustedUntil > this.#clock.monotonic();
  }

  #of(address: string): Seen {
    const key = networkOf(address);
    const now = this.#clock.monotonic();
    const seen = this.#seen.get(key) ?? { connections: 0, failures: 0, windowStartedAt: now, trustedUntil: 0 };
    if (now - seen.windowStartedAt >= FAILED_LOGIN_WINDOW_MS) {
      seen.windowStartedAt = now;
      seen.failures = 0;
    }
    this.#seen.delete(key);
    this.#seen.set(key, seen);
    if (this.#seen.size > REMEMBERED_ADDRESSES) this.#forgetOne();
    return seen;
  }

  /** One with open connections is kept, so that its count stays right. */
  #forgetOne(): void {
    for (const [key, { connections }] of this.#seen) {
      if (connections > 0) continue;
      this.#seen.delete(key);
      return;
    }
  }
}

/** An address of IPv4; of IPv6 its first 64 bits, since whoever has one address there has them all. */
export function networkOf(address: string): string {
  const plain = plainAddress(address);
  if (!isIPv6(plain)) return plain;
  const [head = "", tail] = (plain.split("%", 1)[0] as string).split("::");
  const groups = head === "" ? [] : head.split(":");
  const behind = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - groups.length - behind.length;
  const whole = [...groups, ...Array<string>(Math.max(zeros, 0)).fill("0"), ...behind];
  return `${whole
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}
