/** Static addresses: the one that on-prem allows, and for a healing group the internal one. */

import type { Settings } from "../settings.ts";
import { type Existing, isMarked, lastPart, mark, type Wanted } from "./resource.ts";

export interface AddressJson {
  name: string;
  region?: string;
  address?: string;
  addressType?: string;
  networkTier?: string;
  description?: string;
  status?: string;
  users?: string[];
}

export function externalAddressName(settings: Settings): string {
  return settings.address ?? `${settings.name}-ip`;
}

export function internalAddressName(settings: Settings): string {
  return `${settings.name}-internal-ip`;
}

export function wantedExternalAddress(settings: Settings): Wanted {
  const name = externalAddressName(settings);
  return {
    kind: "address",
    name,
    facts: { type: "EXTERNAL", tier: settings.networkTier },
    create: [
      [
        ...["compute", "addresses", "create", name, `--region=${settings.region}`],
        ...[`--network-tier=${settings.networkTier}`, `--description=${mark(settings.name)}`],
      ],
    ],
    update: () => undefined,
  };
}

export function wantedInternalAddress(settings: Settings, subnet: string): Wanted {
  const name = internalAddressName(settings);
  return {
    kind: "internal address",
    name,
    facts: { type: "INTERNAL" },
    create: [
      [
        ...["compute", "addresses", "create", name, `--region=${settings.region}`],
        ...[`--subnet=${subnet}`, `--description=${mark(settings.name)}`],
      ],
    ],
    update: () => undefined,
  };
}

/** Those of the region's addresses that bear one of our names. */
export function existingAddresses(all: readonly AddressJson[], settings: Settings): Existing[] {
  return all
    .filter((json) => lastPart(json.region ?? "") === settings.region)
    .filter((json) => [externalAddressName(settings), internalAddressName(settings)].includes(json.name))
    .map((json) => ({
      kind: json.name === internalAddressName(settings) ? ("internal address" as const) : ("address" as const),
      name: json.name,
      owned: isMarked(json.description, settings.name),
      facts: {
        type: json.addressType ?? "EXTERNAL",
        tier: json.networkTier ?? "PREMIUM",
        ip: json.address ?? "",
        users: (json.users ?? []).map(lastPart).join(" "),
      },
      remove: [["compute", "addresses", "delete", json.name, `--region=${settings.region}`]],
      warnings: [],
    }));
}
