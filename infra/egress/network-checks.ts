/** What the live network says against the settings, before anything is changed. */

import type { Surroundings } from "./cluster.ts";
import { EgressError } from "./egress-error.ts";
import { contains, googleRanges, overlaps, parseRange } from "./ipv4-range.ts";
import type { Landscape } from "./landscape.ts";
import { isMarked, lastPart } from "./resource/resource.ts";
import type { Settings } from "./settings.ts";

/** Throws EgressError on what cannot work or would do harm; gives warnings for the rest. */
export function checkNetwork(settings: Settings, around: Surroundings, landscape: Landscape): string[] {
  if (around.nodeTags.includes(settings.name)) {
    throw new EgressError(
      `The NAT VM's tag ${settings.name} is also a node tag: its own packets would come back to it in a loop. Choose another --name.`,
    );
  }
  checkRanges(settings, around);
  return [
    ...routeWarnings(settings, around, landscape),
    ...firewallWarnings(settings, around, landscape),
    ...sourceWarnings(around),
  ];
}

function checkRanges(settings: Settings, around: Surroundings): void {
  for (const range of settings.onpremCidrs) {
    for (const { name, endpoints } of around.clusters) {
      const hit = endpoints.find((endpoint) => contains(range, parseRange(endpoint, `endpoint of ${name}`)));
      if (hit) {
        throw new EgressError(
          `onprem_cidrs: ${range.text} holds the control plane of ${name} (${hit}); its nodes would lose it. Name a smaller range.`,
        );
      }
    }
    for (const subnet of around.subnets) {
      const hit = subnet.ranges.find((text) => overlaps(parseRange(text, `subnet ${subnet.name}`), range));
      if (hit) {
        throw new EgressError(
          `onprem_cidrs: ${range.text} overlaps ${hit} of the subnet ${subnet.name} (${subnet.region}); a route cannot lead there.`,
        );
      }
    }
    const own = around.sourceRanges.find((text) => overlaps(parseRange(text, "source range"), range));
    if (own) throw new EgressError(`onprem_cidrs: ${range.text} overlaps the range ${own} of nodes or pods.`);
    const google = googleRanges.find((one) => overlaps(one, range));
    if (google)
      throw new EgressError(`onprem_cidrs: ${range.text} overlaps ${google.text}, which Google's own services use.`);
  }
}

/** Longest prefix decides between routes; only with the very same range do priority numbers compare. */
function routeWarnings(settings: Settings, around: Surroundings, landscape: Landscape): string[] {
  const warnings: string[] = [];
  const foreign = landscape.routes.filter(
    (route) => lastPart(route.network) === around.network && !isMarked(route.description, settings.name),
  );
  for (const route of foreign) {
    if (!route.destRange?.includes(".") || !applies(route.tags, around.nodeTags)) continue;
    const there = parseRange(route.destRange, `route ${route.name}`);
    for (const range of settings.onpremCidrs) {
      if (there.text === range.text && (route.priority ?? 1000) <= settings.routePriority) {
        throw new EgressError(
          `The route ${route.name} has the same range ${range.text} and priority ${route.priority}, at least as strong as ${settings.routePriority}; remove it or choose a lower --route-priority.`,
        );
      }
      if (there.text !== range.text && contains(range, there)) {
        warnings.push(
          `The route ${route.name} (${there.text}) is more specific than ${range.text} and keeps its part of it.`,
        );
      }
    }
  }
  return warnings;
}

function firewallWarnings(settings: Settings, around: Surroundings, landscape: Landscape): string[] {
  return landscape.firewallRules
    .filter((rule) => lastPart(rule.network) === around.network && !isMarked(rule.description, settings.name))
    .filter((rule) => (rule.direction ?? "INGRESS") === "INGRESS" && !rule.disabled)
    .filter((rule) => applies(rule.targetTags, [settings.name]))
    .filter((rule) => (rule.priority ?? 1000) <= (rule.denied ? settings.allowPriority : settings.denyPriority))
    .map(
      (rule) =>
        `The firewall rule ${rule.name} (priority ${rule.priority}) also applies to the NAT VM and stands before ours.`,
    );
}

/** A rule or route without tags applies to every machine. */
function applies(tags: readonly string[] | undefined, ours: readonly string[]): boolean {
  return !tags?.length || tags.some((tag) => ours.includes(tag));
}

function sourceWarnings(around: Surroundings): string[] {
  return around.clusters
    .filter((cluster) => !cluster.isVpcNative)
    .map(
      (cluster) =>
        `The cluster ${cluster.name} is not VPC-native; its pods reach on-prem only with their node's address.`,
    );
}
