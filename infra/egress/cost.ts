/** What the set-up costs a month, from a small table. An estimate to decide by, not a bill. */

import type { Settings } from "./settings.ts";

const asOf = "2025-06";
const hours = 730;

/** US dollars a month of one running machine in us-central1. Source: Google Cloud price list, list prices. */
const machines: Readonly<Record<string, number>> = {
  "e2-micro": 6.11,
  "e2-small": 12.23,
  "e2-medium": 24.46,
  "e2-standard-2": 48.92,
  "n2-standard-2": 70.9,
};

export interface Cost {
  readonly items: readonly { readonly name: string; readonly dollars: number | undefined }[];
  readonly dollars: number | undefined;
  readonly note: string;
}

export function monthlyCost(settings: Settings): Cost {
  const items = [
    { name: `VM ${settings.machineType}`, dollars: machines[settings.machineType] },
    { name: "static external address in use", dollars: 0.005 * hours },
    { name: "disk of 10 GB", dollars: 1 },
  ];
  const known = items.every((item) => item.dollars !== undefined);
  return {
    items,
    dollars: known ? items.reduce((sum, item) => sum + (item.dollars ?? 0), 0) : undefined,
    note: `us-central1 list prices of ${asOf}; internet egress costs the same as without the VM, traffic from other zones $0.01/GiB more`,
  };
}

export function costLines(cost: Cost): string[] {
  const amount = (dollars: number | undefined) =>
    dollars === undefined ? "see the price list" : `$${dollars.toFixed(2)}`;
  return [
    `Cost a month: ${amount(cost.dollars)} (${cost.items.map((item) => `${item.name} ${amount(item.dollars)}`).join(", ")})`,
    `  ${cost.note}`,
  ];
}
