/**
 * The routes: on-prem range, limited to the tagged nodes, next hop the NAT VM. Routes cannot be changed, so a new one
 * is made beside the old, preferred by a lower number, and the old one goes last: traffic never falls back to the
 * nodes' own addresses.
 */

import { createHash } from "node:crypto";
import type { Surroundings } from "../cluster.ts";
import type { Settings } from "../settings.ts";
import { type Existing, isMarked, joined, lastPart, mark, type Wanted } from "./resource.ts";

export interface RouteJson {
  name: string;
  network: string;
  description?: string;
  destRange?: string;
  priority?: number;
  tags?: string[];
  nextHopInstance?: string;
  routeStatus?: string;
  warnings?: { code: string; message?: string }[];
}

/** How far below the set priority a route that replaced another may stand and still count as wanted. */
const REPLACEMENTS = 50;

export interface NextHop {
  readonly instance: string;
  readonly zone: string;
}

export function wantedRoutes(
  settings: Settings,
  around: Surroundings,
  hop: NextHop,
  existing: readonly Existing[],
): Wanted[] {
  return settings.onpremCidrs.map(({ text: range }) => {
    const facts = {
      network: around.network,
      range,
      tags: joined(around.nodeTags),
      "next hop": `${hop.zone}/${hop.instance}`,
    };
    const ours = existing.filter((route) => route.owned && route.facts.range === range);
    const kept = ours.find(
      (route) =>
        Object.entries(facts).every(([fact, value]) => route.facts[fact] === value) &&
        Number(route.facts.priority) <= settings.routePriority &&
        Number(route.facts.priority) > settings.routePriority - REPLACEMENTS,
    );
    const others = ours.filter((route) => route !== kept).map((route) => Number(route.facts.priority) - 1);
    const priority = kept ? Number(kept.facts.priority) : Math.min(settings.routePriority, ...others);
    return wantedRoute(settings, { ...facts, priority: String(priority) }, around.nodeTags, hop, kept?.name);
  });
}

function wantedRoute(
  settings: Settings,
  facts: Record<"network" | "range" | "tags" | "next hop" | "priority", string>,
  tags: readonly string[],
  hop: NextHop,
  keptName: string | undefined,
): Wanted {
  const hash = createHash("sha256").update(JSON.stringify(facts)).digest("hex").slice(0, 8);
  const name = keptName ?? `${settings.name}-${hash}`;
  return {
    kind: "route",
    name,
    facts,
    create: [
      [
        ...["compute", "routes", "create", name, `--network=${facts.network}`, `--destination-range=${facts.range}`],
        ...[`--tags=${tags.join(",")}`, `--next-hop-instance=${hop.instance}`, `--next-hop-instance-zone=${hop.zone}`],
        ...[`--priority=${facts.priority}`, `--description=${mark(settings.name)}`],
      ],
    ],
    update: () => undefined,
  };
}

/** Routes that bear our mark, and others whose name we would take. */
export function existingRoutes(all: readonly RouteJson[], settings: Settings): Existing[] {
  const name = new RegExp(`^${settings.name}-[0-9a-f]{8}$`);
  return all
    .filter((json) => name.test(json.name) || isMarked(json.description, settings.name))
    .map((json) => ({
      kind: "route" as const,
      name: json.name,
      owned: isMarked(json.description, settings.name),
      facts: {
        network: lastPart(json.network),
        range: json.destRange ?? "",
        tags: joined(json.tags),
        "next hop": nextHop(json.nextHopInstance),
        priority: String(json.priority ?? 1000),
        status: json.routeStatus ?? "ACTIVE",
      },
      remove: [["compute", "routes", "delete", json.name]],
      warnings: (json.warnings ?? []).map((warning) => `${warning.code}: ${warning.message ?? ""}`),
    }));
}

function nextHop(url: string | undefined): string {
  const zone = /\/zones\/([^/]+)\//.exec(url ?? "")?.[1];
  return url ? `${zone}/${lastPart(url)}` : "";
}
