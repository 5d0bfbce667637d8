/** What stands in the project under our names. Reads only. */

import type { Gcloud } from "./gcloud.ts";
import { type AddressJson, existingAddresses, externalAddressName } from "./resource/address.ts";
import { existingFirewallRules, type FirewallJson } from "./resource/firewall-rule.ts";
import { existingInstances, type InstanceJson } from "./resource/instance.ts";
import { existingGroup, type GroupJson, type HealthCheckJson, type TemplateJson } from "./resource/managed-group.ts";
import type { Existing } from "./resource/resource.ts";
import { existingRoutes, type RouteJson } from "./resource/route.ts";
import type { Settings } from "./settings.ts";

export interface Landscape {
  readonly existing: readonly Existing[];
  /** Every route of the project: others may stand in the way. */
  readonly routes: readonly RouteJson[];
  /** Every firewall rule of the project. */
  readonly firewallRules: readonly FirewallJson[];
  /** The fixed address, once reserved. */
  readonly fixedIp: string | undefined;
  readonly internalIp: string | undefined;
}

/** Reads with one list per kind; names are compared here, since gcloud's `name=` filter also matches parts of names. */
export async function readLandscape(gcloud: Gcloud, settings: Settings): Promise<Landscape> {
  const list = <T>(...words: string[]) => gcloud.json<T[]>(["compute", ...words, "list"]);
  const [addresses, instances, firewallRules, routes, templates, groups, healthChecks] = await Promise.all([
    list<AddressJson>("addresses"),
    list<InstanceJson>("instances"),
    list<FirewallJson>("firewall-rules"),
    list<RouteJson>("routes"),
    list<TemplateJson>("instance-templates"),
    list<GroupJson>("instance-groups", "managed"),
    list<HealthCheckJson>("health-checks"),
  ]);
  const existing = [
    ...existingAddresses(addresses, settings),
    ...existingGroup({ templates, groups, healthChecks }, settings),
    ...existingInstances(instances, settings),
    ...existingFirewallRules(firewallRules, settings),
    ...existingRoutes(routes, settings),
  ];
  const ip = (kind: string) => existing.find((one) => one.kind === kind)?.facts.ip || undefined;
  return { existing, routes, firewallRules, fixedIp: ip("address"), internalIp: ip("internal address") };
}

/** The zone of the VM that bears the fixed address: after a failover not the one of the settings. */
export function activeZone(settings: Settings, landscape: Landscape): string {
  const address = landscape.existing.find(
    (one) => one.kind === "address" && one.name === externalAddressName(settings),
  );
  const users = (address?.facts.users ?? "").split(" ");
  const bearer = landscape.existing.find((one) => one.kind === "instance" && users.includes(one.name));
  return bearer?.facts.zone ?? settings.zone;
}
