/** Takes everything of ours away: routes first, so that nothing points at what goes; the address only when asked to. */

import type { Landscape } from "./landscape.ts";
import { deletion, type Step } from "./plan.ts";
import { externalAddressName } from "./resource/address.ts";
import { kinds } from "./resource/resource.ts";
import type { Settings } from "./settings.ts";

/** The steps of `down`. Needs no cluster: it may be gone already. */
export function removal(settings: Settings, landscape: Landscape, releaseIp: boolean): Step[] {
  return landscape.existing
    .filter((one) => one.owned && (one.kind !== "address" || (releaseIp && settings.address === undefined)))
    .sort((one, other) => kinds.indexOf(other.kind) - kinds.indexOf(one.kind))
    .map((one) => deletion(one, "asked for by `down`"));
}

/** The sentence about the address that stays, if one does. */
export function keptAddress(settings: Settings, landscape: Landscape, releaseIp: boolean): string | undefined {
  const name = externalAddressName(settings);
  const address = landscape.existing.find((one) => one.kind === "address" && one.name === name);
  if (!address || (address.owned && releaseIp && settings.address === undefined)) return undefined;
  return `The address ${address.facts.ip} (${name}) stays reserved${address.owned ? "; --release-ip gives it back" : ""}.`;
}
