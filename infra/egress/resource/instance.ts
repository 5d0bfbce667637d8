/** The NAT VM, alone or as the one member of a group that heals itself. */

import { createHash } from "node:crypto";
import { type GcloudArguments, startupScriptPlace } from "../gcloud.ts";
import type { Settings } from "../settings.ts";
import { externalAddressName } from "./address.ts";
import { type Existing, type Facts, isMarked, joined, lastPart, mark, type Wanted } from "./resource.ts";

export interface InstanceJson {
  name: string;
  zone: string;
  description?: string;
  status?: string;
  machineType?: string;
  canIpForward?: boolean;
  deletionProtection?: boolean;
  labels?: Record<string, string>;
  tags?: { items?: string[] };
  metadata?: { items?: { key: string; value: string }[] };
  networkInterfaces?: {
    subnetwork?: string;
    networkIP?: string;
    accessConfigs?: { name?: string; natIP?: string; networkTier?: string }[];
  }[];
  serviceAccounts?: unknown[];
  shieldedInstanceConfig?: { enableSecureBoot?: boolean; enableVtpm?: boolean; enableIntegrityMonitoring?: boolean };
}

/** What the VM is told by its attributes, and the start-up script that reads them. */
export interface Attributes {
  readonly script: string;
  readonly onpremCidrs: readonly string[];
  readonly onpremPorts: readonly string[];
  readonly sourceRanges: readonly string[];
}

export interface Place {
  readonly instance: string;
  readonly zone: string;
}

/** The VM stands in the settings' zone under the plain name, in the standby zone under its own. */
export function placeIn(settings: Settings, zone: string): Place {
  return { instance: zone === settings.zone ? settings.name : `${settings.name}-standby`, zone };
}

function metadataOf(attributes: Attributes): Record<string, string> {
  return {
    "enable-oslogin": "TRUE",
    "block-project-ssh-keys": "TRUE",
    "onprem-cidrs": attributes.onpremCidrs.join(" "),
    "onprem-ports": attributes.onpremPorts.join(" "),
    "source-cidrs": attributes.sourceRanges.join(" "),
  };
}

export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

export function configHash(attributes: Attributes): string {
  return hashOf(JSON.stringify([attributes.script, metadataOf(attributes)]));
}

/** Arguments that a VM and an instance template share: no service account, shielded, forwarding, our tag and nothing else. */
export function machineArguments(settings: Settings, attributes: Attributes): string[] {
  const metadata = Object.entries(metadataOf(attributes)).map(([key, value]) => `${key}=${value}`);
  return [
    `--machine-type=${settings.machineType}`,
    "--can-ip-forward",
    `--tags=${settings.name}`,
    `--image-family=${settings.imageFamily}`,
    `--image-project=${settings.imageProject}`,
    "--boot-disk-size=10GB",
    "--boot-disk-type=pd-balanced",
    `--metadata=${metadata.join(",")}`,
    `--metadata-from-file=startup-script=${startupScriptPlace}`,
    "--no-service-account",
    "--no-scopes",
    "--shielded-secure-boot",
    "--shielded-vtpm",
    "--shielded-integrity-monitoring",
    "--maintenance-policy=MIGRATE",
    `--labels=managed-by=suiro-egress,suiro-egress=${settings.name},suiro-config=${configHash(attributes)}`,
    `--description=${mark(settings.name)}`,
  ];
}

export interface MachinePlan {
  readonly place: Place;
  readonly subnet: string;
  readonly attributes: Attributes;
  /** The fixed address; undefined while it is not yet reserved. */
  readonly fixedIp: string | undefined;
  /** A standby VM stands without the address until `failover` moves it. */
  readonly withAddress: boolean;
}

export function wantedInstance(settings: Settings, plan: MachinePlan): Wanted {
  const { place, subnet, attributes, withAddress } = plan;
  const zone = `--zone=${place.zone}`;
  const nic = withAddress
    ? `subnet=${subnet},address=${externalAddressName(settings)},network-tier=${settings.networkTier}`
    : `subnet=${subnet},no-address`;
  return {
    kind: "instance",
    name: place.instance,
    facts: machineFacts(settings, plan),
    create: [
      [
        ...["compute", "instances", "create", place.instance, zone, `--network-interface=${nic}`],
        ...[...machineArguments(settings, attributes), "--deletion-protection"],
      ],
    ],
    update: (changed, existing) => mend(settings, plan, changed, existing),
    ready: place,
  };
}

function machineFacts(settings: Settings, plan: MachinePlan): Facts {
  return {
    zone: plan.place.zone,
    "machine type": settings.machineType,
    subnet: plan.subnet,
    forwarding: "yes",
    "service accounts": "0",
    shielded: "secure-boot vtpm integrity",
    tags: settings.name,
    "external address": plan.withAddress ? (plan.fixedIp ?? "not yet reserved") : "",
    metadata: hashOf(JSON.stringify(metadataOf(plan.attributes))),
    "start-up script": hashOf(plan.attributes.script),
    "deletion protection": "yes",
    status: "RUNNING",
    group: "",
    "booted with": configHash(plan.attributes),
  };
}

/** What can be mended while the VM stays; undefined when only a new one helps. */
function mend(
  settings: Settings,
  plan: MachinePlan,
  changed: readonly string[],
  existing: Existing,
): GcloudArguments[] | undefined {
  const lasting = ["zone", "machine type", "subnet", "forwarding", "service accounts", "shielded", "group"];
  if (changed.some((fact) => lasting.includes(fact))) return undefined;
  const { instance, zone } = plan.place;
  const on = (verb: string, ...flags: string[]) => ["compute", "instances", verb, instance, `--zone=${zone}`, ...flags];
  const commands: GcloudArguments[] = [];
  if (changed.includes("tags")) {
    const had = (existing.facts.tags ?? "").split(" ").filter((tag) => tag !== "");
    const surplus = had.filter((tag) => tag !== settings.name);
    if (!had.includes(settings.name)) commands.push(on("add-tags", `--tags=${settings.name}`));
    if (surplus.length > 0) commands.push(on("remove-tags", `--tags=${surplus.join(",")}`));
  }
  if (changed.includes("external address")) {
    const config = existing.facts["access config"];
    if (config) commands.push(on("delete-access-config", `--access-config-name=${config}`));
    if (plan.withAddress) {
      commands.push(
        on("add-access-config", `--address=${plan.fixedIp ?? ""}`, `--network-tier=${settings.networkTier}`),
      );
    }
  }
  if (changed.includes("deletion protection")) commands.push(on("update", "--deletion-protection"));
  const told = changed.includes("metadata") || changed.includes("start-up script");
  if (told) {
    const metadata = Object.entries(metadataOf(plan.attributes)).map(([key, value]) => `${key}=${value}`);
    commands.push(
      on(
        "add-metadata",
        `--metadata=${metadata.join(",")}`,
        `--metadata-from-file=startup-script=${startupScriptPlace}`,
      ),
    );
  }
  // The label comes last: a run that is interrupted before it boots the VM once more.
  if (changed.includes("status")) commands.push(on("start"));
  else if (told || changed.includes("booted with")) commands.push(on("reset"));
  if (told || changed.includes("booted with")) {
    commands.push(on("add-labels", `--labels=suiro-config=${configHash(plan.attributes)}`));
  }
  return commands;
}

/** VMs under our names, in the zones that we know. */
export function existingInstances(all: readonly InstanceJson[], settings: Settings): Existing[] {
  const names = [settings.name, `${settings.name}-standby`];
  return all
    .filter((json) => names.includes(json.name) && lastPart(json.zone).startsWith(`${settings.region}-`))
    .map((json) => existingInstance(json, settings));
}

function existingInstance(json: InstanceJson, settings: Settings): Existing {
  const metadata = new Map(json.metadata?.items?.map((item) => [item.key, item.value]));
  const told = metadataOf({ script: "", onpremCidrs: [], onpremPorts: [], sourceRanges: [] });
  const kept = Object.fromEntries(Object.keys(told).map((key) => [key, metadata.get(key) ?? ""]));
  const shielded = json.shieldedInstanceConfig;
  const nic = json.networkInterfaces?.[0];
  const access = nic?.accessConfigs?.[0];
  const zone = lastPart(json.zone);
  const creator = metadata.get("created-by") ?? "";
  const group = creator.includes("/instanceGroupManagers/") ? lastPart(creator) : "";
  const unlock = ["compute", "instances", "update", json.name, `--zone=${zone}`, "--no-deletion-protection"];
  return {
    kind: "instance",
    name: json.name,
    owned: isMarked(json.description, settings.name),
    facts: {
      zone,
      "machine type": lastPart(json.machineType ?? ""),
      subnet: lastPart(nic?.subnetwork ?? ""),
      forwarding: json.canIpForward ? "yes" : "no",
      "service accounts": String(json.serviceAccounts?.length ?? 0),
      shielded: [
        shielded?.enableSecureBoot ? "secure-boot" : "",
        shielded?.enableVtpm ? "vtpm" : "",
        shielded?.enableIntegrityMonitoring ? "integrity" : "",
      ]
        .filter((text) => text !== "")
        .join(" "),
      tags: joined(json.tags?.items),
      "external address": access?.natIP ?? "",
      "access config": access ? (access.name ?? "external-nat") : "",
      "internal address": nic?.networkIP ?? "",
      metadata: hashOf(JSON.stringify(kept)),
      "start-up script": hashOf(metadata.get("startup-script") ?? ""),
      "deletion protection": json.deletionProtection ? "yes" : "no",
      status: json.status ?? "",
      "booted with": json.labels?.["suiro-config"] ?? "",
      group,
    },
    remove: group
      ? [
          [
            "compute",
            "instance-groups",
            "managed",
            "delete-instances",
            group,
            `--instances=${json.name}`,
            `--zone=${zone}`,
          ],
        ]
      : [...(json.deletionProtection ? [unlock] : []), ["compute", "instances", "delete", json.name, `--zone=${zone}`]],
    warnings: json.status === "RUNNING" ? [] : [`the VM is ${json.status}`],
  };
}
