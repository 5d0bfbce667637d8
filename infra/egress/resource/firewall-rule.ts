/** Firewall rules on the tag of the NAT VM: allow nodes and pods, deny the rest, and IAP and health checks where asked for. */

import type { Surroundings } from "../cluster.ts";
import { healthCheckRanges, iapRange } from "../ipv4-range.ts";
import type { Settings } from "../settings.ts";
import { type Existing, type Facts, isMarked, joined, lastPart, mark, type Wanted } from "./resource.ts";

export interface FirewallJson {
  name: string;
  network: string;
  description?: string;
  direction?: string;
  priority?: number;
  sourceRanges?: string[];
  sourceTags?: string[];
  targetTags?: string[];
  destinationRanges?: string[];
  allowed?: { IPProtocol: string; ports?: string[] }[];
  denied?: { IPProtocol: string; ports?: string[] }[];
  disabled?: boolean;
  logConfig?: { enable?: boolean };
}

interface Rule {
  readonly name: string;
  readonly action: "ALLOW" | "DENY";
  readonly rules: readonly string[];
  readonly priority: number;
  readonly sourceRanges: readonly string[];
  readonly sourceTags?: readonly string[];
  readonly destinationRanges?: readonly string[];
  readonly logs?: boolean;
}

/**
 * A source tag stands for the nodes' own addresses only; pods that keep theirs match by range. Both are given, since
 * which of the two arrives depends on the cluster's masquerade settings.
 */
export function wantedFirewallRules(settings: Settings, around: Surroundings): Wanted[] {
  const { name, allowPriority, denyPriority } = settings;
  const rules: Rule[] = [
    {
      name: `${name}-deny`,
      action: "DENY",
      rules: ["all"],
      priority: denyPriority,
      sourceRanges: ["0.0.0.0/0"],
    },
    {
      name: `${name}-allow`,
      action: "ALLOW",
      rules: settings.onpremPorts.map((port) => `tcp:${port}`),
      priority: allowPriority,
      sourceRanges: around.podRanges,
      sourceTags: around.nodeTags,
      destinationRanges: settings.onpremCidrs.map((range) => range.text),
      logs: settings.firewallLogs,
    },
  ];
  if (settings.iapSsh) {
    rules.push({
      name: `${name}-iap`,
      action: "ALLOW",
      rules: ["tcp:22"],
      priority: allowPriority,
      sourceRanges: [iapRange],
    });
  }
  if (settings.ha === "mig") {
    rules.push({
      name: `${name}-health`,
      action: "ALLOW",
      rules: ["tcp:8080"],
      priority: allowPriority,
      sourceRanges: healthCheckRanges,
    });
  }
  return rules.map((rule) => wantedRule(rule, settings, around.network));
}

function wantedRule(rule: Rule, settings: Settings, network: string): Wanted {
  const logs = rule.logs ? ["--enable-logging", "--logging-metadata=exclude-all"] : ["--no-enable-logging"];
  const mutable = [
    `--rules=${[...rule.rules].sort().join(",")}`,
    `--priority=${rule.priority}`,
    `--source-ranges=${rule.sourceRanges.join(",")}`,
    ...(rule.sourceTags ? [`--source-tags=${rule.sourceTags.join(",")}`] : []),
    ...(rule.destinationRanges ? [`--destination-ranges=${[...rule.destinationRanges].sort().join(",")}`] : []),
    `--target-tags=${settings.name}`,
  ];
  return {
    kind: "firewall rule",
    name: rule.name,
    facts: {
      network,
      direction: "INGRESS",
      action: rule.action,
      rules: joined(rule.rules),
      priority: String(rule.priority),
      "source ranges": joined(rule.sourceRanges),
      "source tags": joined(rule.sourceTags),
      "destination ranges": joined(rule.destinationRanges),
      "target tags": settings.name,
      enabled: "yes",
      logs: rule.logs ? "yes" : "no",
    },
    create: [
      [
        ...["compute", "firewall-rules", "create", rule.name, `--network=${network}`, "--direction=INGRESS"],
        ...[`--action=${rule.action}`, ...mutable, ...(rule.logs ? logs : []), `--description=${mark(settings.name)}`],
      ],
    ],
    update: (changed) =>
      changed.some((fact) => ["network", "direction", "action"].includes(fact))
        ? undefined
        : [["compute", "firewall-rules", "update", rule.name, ...mutable, "--no-disabled", ...logs]],
  };
}

export function existingFirewallRules(all: readonly FirewallJson[], settings: Settings): Existing[] {
  const names = ["deny", "allow", "iap", "health"].map((part) => `${settings.name}-${part}`);
  return all
    .filter((json) => names.includes(json.name))
    .map((json) => ({
      kind: "firewall rule" as const,
      name: json.name,
      owned: isMarked(json.description, settings.name),
      facts: factsOf(json),
      remove: [["compute", "firewall-rules", "delete", json.name]],
      warnings: [],
    }));
}

function factsOf(json: FirewallJson): Facts {
  const rules = (json.allowed ?? json.denied ?? []).flatMap(({ IPProtocol, ports }) =>
    ports?.length ? ports.map((port) => `${IPProtocol}:${port}`) : [IPProtocol],
  );
  return {
    network: lastPart(json.network),
    direction: json.direction ?? "INGRESS",
    action: json.allowed ? "ALLOW" : "DENY",
    rules: joined(rules),
    priority: String(json.priority ?? 1000),
    "source ranges": joined(json.sourceRanges),
    "source tags": joined(json.sourceTags),
    "destination ranges": joined(json.destinationRanges),
    "target tags": joined(json.targetTags),
    enabled: json.disabled ? "no" : "yes",
    logs: json.logConfig?.enable ? "yes" : "no",
  };
}
