/** Who sent a text: the fields of `source_address_key` and `source_hostname_key`, and whether it may send at all. */

import type { BlockList } from "node:net";
import { isIPv6 } from "node:net";
import { encode } from "../../event/msgpack.ts";
import { plainAddress } from "../../forward-protocol/authenticator.ts";
import type { HostNames } from "../forward/host-names.ts";

export interface PeerKeys {
  readonly sourceAddressKey?: string | undefined;
  readonly sourceHostnameKey?: string | undefined;
}

/** The names of the fields, in fluentd's order. */
export function peerFields({ sourceAddressKey, sourceHostnameKey }: PeerKeys): string[] {
  return [...new Set([sourceAddressKey, sourceHostnameKey])].filter((key) => key !== undefined);
}

/** The msgpack of the fields' values for one peer: to Ruby, addresses and names from the system are bytes. Looks the name up only where it is wanted. Never rejects. */
export async function peerValues(keys: PeerKeys, address: string, hostNames: HostNames): Promise<Buffer[]> {
  const { sourceAddressKey, sourceHostnameKey } = keys;
  const plain = plainAddress(address);
  const name = sourceHostnameKey === undefined ? undefined : encode(Buffer.from(await hostNames.resolve(plain)));
  if (sourceAddressKey === sourceHostnameKey) return name ? [name] : [];
  return [sourceAddressKey === undefined ? undefined : encode(Buffer.from(plain)), name].filter(
    (value) => value !== undefined,
  );
}

/** Whether `address` is in one of the networks; without any everybody is. */
export function isAllowed(networks: readonly BlockList[] | undefined, address: string): boolean {
  const plain = plainAddress(address);
  const family = isIPv6(plain) ? "ipv6" : "ipv4";
  return networks === undefined || networks.some((network) => network.check(plain, family));
}
