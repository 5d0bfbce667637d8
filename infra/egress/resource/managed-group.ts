/**
 * `--ha mig`: a managed group of one. The member's name and both addresses are kept when it is healed, so the route to
 * it stays valid.
 */

import type { Settings } from "../settings.ts";
import { externalAddressName, internalAddressName } from "./address.ts";
import { type Attributes, configHash, hashOf, machineArguments } from "./instance.ts";
import { type Existing, isMarked, lastPart, mark, type Wanted } from "./resource.ts";

export interface TemplateJson {
  name: string;
  description?: string;
  properties?: { description?: string };
}

export interface GroupJson {
  name: string;
  zone?: string;
  description?: string;
  instanceTemplate?: string;
  targetSize?: number;
  autoHealingPolicies?: { healthCheck?: string }[];
  status?: { isStable?: boolean };
}

export interface HealthCheckJson {
  name: string;
  description?: string;
  type?: string;
  httpHealthCheck?: { port?: number; requestPath?: string };
}

const groupName = (settings: Settings) => `${settings.name}-group`;
const healthCheckName = (settings: Settings) => `${settings.name}-health`;

export interface GroupPlan {
  readonly subnet: string;
  readonly attributes: Attributes;
  /** The addresses; undefined while they are not yet reserved. */
  readonly fixedIp: string | undefined;
  readonly internalIp: string | undefined;
}

export function wantedGroup(settings: Settings, plan: GroupPlan): Wanted[] {
  return [
    wantedHealthCheck(settings),
    wantedTemplate(settings, plan),
    wantedManager(settings, plan),
    wantedMember(settings, plan),
  ];
}

function wantedHealthCheck(settings: Settings): Wanted {
  const name = healthCheckName(settings);
  const flags = [
    ...["--port=8080", "--request-path=/", "--check-interval=10s", "--timeout=5s", "--unhealthy-threshold=3"],
    `--description=${mark(settings.name)}`,
  ];
  return {
    kind: "health check",
    name,
    facts: { type: "HTTP", port: "8080", path: "/" },
    create: [["compute", "health-checks", "create", "http", name, ...flags]],
    update: (changed) =>
      changed.includes("type") ? undefined : [["compute", "health-checks", "update", "http", name, ...flags]],
  };
}

/** Templates cannot be changed: the name holds the hash of everything inside. */
function templateName(settings: Settings, plan: GroupPlan): string {
  const inside = [...machineArguments(settings, plan.attributes), plan.attributes.script, plan.subnet];
  return `${settings.name}-${hashOf(JSON.stringify(inside))}`;
}

function wantedTemplate(settings: Settings, plan: GroupPlan): Wanted {
  const name = templateName(settings, plan);
  const nic = `--network-interface=subnet=${plan.subnet},network-tier=${settings.networkTier}`;
  return {
    kind: "instance template",
    name,
    facts: {},
    create: [
      [
        ...["compute", "instance-templates", "create", name, `--instance-template-region=${settings.region}`],
        ...[`--region=${settings.region}`, nic],
        ...machineArguments(settings, plan.attributes),
      ],
    ],
    update: () => [],
  };
}

function wantedManager(settings: Settings, plan: GroupPlan): Wanted {
  const name = groupName(settings);
  const zone = `--zone=${settings.zone}`;
  const template = templateName(settings, plan);
  const templatePath = `projects/${settings.project}/regions/${settings.region}/instanceTemplates/${template}`;
  const managed = ["compute", "instance-groups", "managed"];
  return {
    kind: "instance group",
    name,
    facts: { zone: settings.zone, template, "health check": healthCheckName(settings) },
    create: [
      [
        ...[...managed, "create", name, zone, "--size=0", `--template=${templatePath}`],
        ...[`--base-instance-name=${settings.name}`, `--health-check=${healthCheckName(settings)}`],
        ...["--initial-delay=180", `--description=${mark(settings.name)}`],
      ],
    ],
    update: (changed) =>
      changed.join() === "template"
        ? [
            [...managed, "set-instance-template", name, zone, `--template=${templatePath}`],
            [
              ...[...managed, "update-instances", name, zone, `--instances=${settings.name}`],
              ...["--minimal-action=replace", "--most-disruptive-allowed-action=replace"],
            ],
            untilStable(settings),
          ]
        : undefined,
  };
}

function wantedMember(settings: Settings, plan: GroupPlan): Wanted {
  const path = (name: string) => `projects/${settings.project}/regions/${settings.region}/addresses/${name}`;
  const stateful = (address: string) => `address=${address},interface-name=nic0,auto-delete=never`;
  return {
    kind: "instance",
    name: settings.name,
    facts: {
      zone: settings.zone,
      group: groupName(settings),
      "external address": plan.fixedIp ?? "not yet reserved",
      "internal address": plan.internalIp ?? "not yet reserved",
      forwarding: "yes",
      tags: settings.name,
      status: "RUNNING",
      "booted with": configHash(plan.attributes),
    },
    create: [
      [
        ...["compute", "instance-groups", "managed", "create-instance", groupName(settings), `--zone=${settings.zone}`],
        `--instance=${settings.name}`,
        `--stateful-external-ip=${stateful(path(externalAddressName(settings)))}`,
        `--stateful-internal-ip=${stateful(path(internalAddressName(settings)))}`,
      ],
      untilStable(settings),
    ],
    update: (changed) => (changed.every((fact) => ["status", "booted with"].includes(fact)) ? [] : undefined),
    ready: { instance: settings.name, zone: settings.zone },
  };
}

function untilStable(settings: Settings): string[] {
  const managed = ["compute", "instance-groups", "managed"];
  return [...managed, "wait-until", groupName(settings), `--zone=${settings.zone}`, "--stable", "--timeout=600"];
}

export function existingGroup(
  found: { templates: readonly TemplateJson[]; groups: readonly GroupJson[]; healthChecks: readonly HealthCheckJson[] },
  settings: Settings,
): Existing[] {
  const owned = (description: string | undefined) => isMarked(description, settings.name);
  const template = new RegExp(`^${settings.name}-[0-9a-f]{12}$`);
  return [
    ...found.healthChecks
      .filter((json) => json.name === healthCheckName(settings))
      .map((json) => ({
        kind: "health check" as const,
        name: json.name,
        owned: owned(json.description),
        facts: {
          type: json.type ?? "",
          port: String(json.httpHealthCheck?.port ?? ""),
          path: json.httpHealthCheck?.requestPath ?? "",
        },
        remove: [["compute", "health-checks", "delete", json.name]],
        warnings: [],
      })),
    ...found.templates
      .filter((json) => template.test(json.name))
      .map((json) => ({
        kind: "instance template" as const,
        name: json.name,
        owned: owned(json.description ?? json.properties?.description),
        facts: {},
        remove: [["compute", "instance-templates", "delete", json.name, `--region=${settings.region}`]],
        warnings: [],
      })),
    ...found.groups
      .filter((json) => json.name === groupName(settings) && json.zone !== undefined)
      .map((json) => ({
        kind: "instance group" as const,
        name: json.name,
        owned: owned(json.description),
        facts: {
          zone: lastPart(json.zone ?? ""),
          template: lastPart(json.instanceTemplate ?? ""),
          "health check": lastPart(json.autoHealingPolicies?.[0]?.healthCheck ?? ""),
        },
        remove: [["compute", "instance-groups", "managed", "delete", json.name, `--zone=${lastPart(json.zone ?? "")}`]],
        warnings: json.status?.isStable === false ? ["the group is healing its member"] : [],
      })),
  ];
}
