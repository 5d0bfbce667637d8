/** What the operator wants, from flags, environment and egress.yaml (in this order of strength), checked before any command runs. */

import { parseArgs } from "node:util";
import { EgressError } from "./egress-error.ts";
import { type Ipv4Range, overlaps, parseRange, unroutableKind } from "./ipv4-range.ts";
import { readSettingsFile } from "./settings-file.ts";

export const commands = ["advise", "plan", "up", "status", "verify", "failover", "down"] as const;
export type CommandName = (typeof commands)[number];

export interface ClusterName {
  readonly name: string;
  /** Zone or region; undefined when the name alone must do. */
  readonly location: string | undefined;
}

export interface Settings {
  readonly project: string;
  readonly zone: string;
  readonly region: string;
  /** Taken from the clusters when undefined. */
  readonly network: string | undefined;
  readonly subnet: string | undefined;
  readonly clusters: readonly ClusterName[];
  /** Replaces the tags that would be read from the clusters' instance templates. */
  readonly nodeTags: readonly string[];
  readonly onpremCidrs: readonly Ipv4Range[];
  readonly onpremPorts: readonly string[];
  /** Prefix of every resource. */
  readonly name: string;
  /** An existing static address to use in place of one made here. */
  readonly address: string | undefined;
  readonly machineType: string;
  readonly imageFamily: string;
  readonly imageProject: string;
  readonly networkTier: string;
  readonly routePriority: number;
  readonly allowPriority: number;
  readonly denyPriority: number;
  readonly ha: "none" | "mig";
  readonly standbyZone: string | undefined;
  readonly iapSsh: boolean;
  readonly firewallLogs: boolean;
  readonly allowPrivate: boolean;
  readonly receiver: string | undefined;
  readonly probeImage: string;
}

/** How one run behaves; not part of the wanted state. */
export interface RunOptions {
  readonly command: CommandName;
  readonly json: boolean;
  readonly script: boolean;
  readonly force: boolean;
  readonly releaseIp: boolean;
  readonly readySeconds: number;
}

type Shape = "text" | "list" | "flag" | "number";

/** Every setting once: its flag is --name-with-dashes, its variable SUIRO_EGRESS_NAME, its key in egress.yaml the name. */
const table: Record<string, { shape: Shape; standard?: string; help: string }> = {
  project: { shape: "text", help: "Google Cloud project (else CLOUDSDK_CORE_PROJECT)" },
  zone: { shape: "text", help: "zone of the NAT VM, in the nodes' region" },
  network: { shape: "text", help: "VPC network; default: the clusters'" },
  subnet: { shape: "text", help: "subnet of the NAT VM; default: the first cluster's" },
  clusters: { shape: "list", help: "clusters, each NAME or NAME@LOCATION" },
  node_tags: { shape: "list", help: "network tags of the nodes, where they cannot be read (Autopilot)" },
  onprem_cidrs: { shape: "list", help: "on-prem ranges, such as 203.0.113.0/24" },
  onprem_ports: { shape: "list", standard: "24224", help: "on-prem TCP ports or ranges" },
  name: { shape: "text", standard: "suiro-egress", help: "prefix of every resource" },
  address: { shape: "text", help: "name of an existing static address to use" },
  machine_type: { shape: "text", standard: "e2-small", help: "machine type of the NAT VM" },
  image_family: { shape: "text", standard: "debian-12", help: "image family" },
  image_project: { shape: "text", standard: "debian-cloud", help: "project of the image" },
  network_tier: { shape: "text", standard: "PREMIUM", help: "PREMIUM or STANDARD" },
  route_priority: { shape: "number", standard: "900", help: "priority of the route, 100 to 999" },
  allow_priority: { shape: "number", standard: "900", help: "priority of the allow rules, below the deny rule's" },
  deny_priority: { shape: "number", standard: "950", help: "priority of the deny rule, at most 999" },
  ha: { shape: "text", standard: "none", help: "none, or mig: a group of one that heals itself" },
  standby_zone: { shape: "text", help: "zone for `failover`" },
  iap_ssh: { shape: "flag", help: "allow SSH through Identity-Aware Proxy; `verify` reads the VM with it" },
  firewall_logs: { shape: "flag", help: "log the connections that the allow rule lets in" },
  allow_private: { shape: "flag", help: "accept on-prem ranges that the internet does not carry" },
  receiver: { shape: "text", help: "HOST:PORT on-prem that `verify` connects to" },
  probe_image: { shape: "text", standard: "docker.io/library/busybox:1.37", help: "image of `verify`'s Job" },
};

const runFlags = {
  config: { type: "string" },
  json: { type: "boolean" },
  script: { type: "boolean" },
  force: { type: "boolean" },
  "release-ip": { type: "boolean" },
  "ready-seconds": { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

export function usage(): string {
  const rows = Object.entries(table).map(([name, { help, standard }]) => {
    const flag = `--${name.replaceAll("_", "-")}`;
    return `  ${flag.padEnd(18)} ${help}${standard ? ` (${standard})` : ""}`;
  });
  return `npm run egress -- <${commands.join("|")}> [flags]

${rows.join("\n")}
  --config FILE      settings file (egress.yaml where present); keys are the flags' names with _
  --json             print data for programs            --script         plan: print a shell script
  --force            up: go on where Cloud NAT would do  --release-ip     down: give the address back too
  --ready-seconds N  how long to wait for the VM (300)

Lists: repeat the flag or separate by commas. Environment: SUIRO_EGRESS_PROJECT and so on.
plan and status exit with 2 when something differs; every failure exits with 1.`;
}

/** Reads the command line. Undefined when help was asked for. Throws EgressError. */
export function readCommandLine(
  argv: readonly string[],
  environment: NodeJS.ProcessEnv,
): { settings: Settings; options: RunOptions } | undefined {
  const flags: Record<string, { type: "string" | "boolean"; multiple?: boolean; short?: string }> = { ...runFlags };
  for (const [name, { shape }] of Object.entries(table)) {
    flags[name.replaceAll("_", "-")] = { type: shape === "flag" ? "boolean" : "string", multiple: shape === "list" };
  }
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...argv], options: flags, allowPositionals: true });
  } catch (error) {
    throw new EgressError(`${(error as Error).message.split(". ")[0]}. See --help.`);
  }
  const { values, positionals } = parsed;
  if (values.help || positionals[0] === "help") return undefined;
  const command = positionals[0] as CommandName;
  if (positionals.length !== 1 || !commands.includes(command)) {
    throw new EgressError(`Say one of ${commands.join(", ")}; "${positionals.join(" ")}" is not. See --help.`);
  }
  const file = readSettingsFile((values.config as string | undefined) ?? "egress.yaml", values.config === undefined);
  for (const key of Object.keys(file ?? {})) {
    if (!(key in table))
      throw new EgressError(`${values.config ?? "egress.yaml"}: "${key}" is not a setting. See --help.`);
  }
  const readySeconds = Number(values["ready-seconds"] ?? 300);
  if (!(readySeconds >= 0 && readySeconds <= 3600)) throw new EgressError("--ready-seconds must be 0 to 3600.");
  return {
    settings: check(collect(values, environment, file ?? {})),
    options: {
      command,
      json: values.json === true,
      script: values.script === true,
      force: values.force === true,
      releaseIp: values["release-ip"] === true,
      readySeconds,
    },
  };
}

type Collected = Record<string, string | string[] | boolean | undefined>;

function collect(
  flags: Record<string, unknown>,
  environment: NodeJS.ProcessEnv,
  file: Record<string, unknown>,
): Collected {
  const collected: Collected = {};
  for (const [name, { shape, standard }] of Object.entries(table)) {
    const variable = `SUIRO_EGRESS_${name.toUpperCase()}`;
    const given = flags[name.replaceAll("_", "-")] ?? environment[variable] ?? file[name] ?? standard;
    if (shape === "list") {
      collected[name] = (Array.isArray(given) ? given : given === undefined ? [] : [given])
        .flatMap((item) => String(item).split(","))
        .map((item) => item.trim())
        .filter((item) => item !== "");
    } else if (shape === "flag") {
      if (given !== undefined && !["true", "false"].includes(String(given))) {
        throw new EgressError(`${name} must be true or false, not "${given}".`);
      }
      collected[name] = String(given) === "true";
    } else {
      if (given !== null && typeof given === "object") throw new EgressError(`${name} must be one value.`);
      collected[name] = given === undefined || given === null || given === "" ? undefined : String(given);
    }
  }
  collected.project ??= environment.CLOUDSDK_CORE_PROJECT;
  return collected;
}

const resourceName = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;

function check(given: Collected): Settings {
  const text = (name: string) => given[name] as string | undefined;
  const list = (name: string) => given[name] as string[];
  const required = (name: string): string => {
    const value = text(name);
    if (!value)
      throw new EgressError(`${name} is missing: give --${name.replaceAll("_", "-")}, or ${name} in egress.yaml.`);
    return value;
  };
  const matching = (name: string, form: RegExp, example: string): string => {
    const value = required(name);
    if (!form.test(value)) throw new EgressError(`${name}: "${value}" is not valid; an example is ${example}.`);
    return value;
  };
  const priority = (name: string): number => {
    const value = Number(required(name));
    if (!Number.isInteger(value) || value < 100 || value > 999) {
      throw new EgressError(
        `${name} is ${text(name)}; it must be 100 to 999: below 1000, where rules made without a priority stand.`,
      );
    }
    return value;
  };
  const zoneForm = /^[a-z]+-[a-z]+\d+-[a-z]$/;
  const zone = matching("zone", zoneForm, "europe-west1-b");
  const name = matching("name", resourceName, "suiro-egress");
  if (name.length > 30) throw new EgressError(`name: "${name}" is longer than 30 characters.`);
  const settings: Settings = {
    project: matching("project", /^[a-z][-a-z0-9.:]{3,60}[a-z0-9]$/, "my-project"),
    zone,
    region: zone.slice(0, -2),
    network: text("network"),
    subnet: text("subnet"),
    clusters: list("clusters").map(clusterName),
    nodeTags: list("node_tags"),
    onpremCidrs: onpremRanges(list("onprem_cidrs"), given.allow_private === true),
    onpremPorts: ports(list("onprem_ports")),
    name,
    address: text("address"),
    machineType: matching("machine_type", /^[a-z][a-z0-9-]+$/, "e2-small"),
    imageFamily: required("image_family"),
    imageProject: required("image_project"),
    networkTier: matching("network_tier", /^(PREMIUM|STANDARD)$/, "PREMIUM"),
    routePriority: priority("route_priority"),
    allowPriority: priority("allow_priority"),
    denyPriority: priority("deny_priority"),
    ha: matching("ha", /^(none|mig)$/, "mig") as "none" | "mig",
    standbyZone: text("standby_zone") && matching("standby_zone", zoneForm, "europe-west1-c"),
    iapSsh: given.iap_ssh === true,
    firewallLogs: given.firewall_logs === true,
    allowPrivate: given.allow_private === true,
    receiver: text("receiver") && matching("receiver", /^[A-Za-z0-9.-]+:\d{1,5}$/, "203.0.113.10:24224"),
    probeImage: required("probe_image"),
  };
  checkTogether(settings);
  return settings;
}

function checkTogether(settings: Settings): void {
  if (settings.clusters.length === 0) throw new EgressError("clusters is missing: give --clusters NAME@LOCATION.");
  if (settings.onpremCidrs.length === 0) throw new EgressError("onprem_cidrs is missing: give --onprem-cidrs RANGE.");
  if (settings.allowPriority >= settings.denyPriority) {
    throw new EgressError(
      `allow_priority ${settings.allowPriority} must be a lower number than deny_priority ${settings.denyPriority}: the lower number wins.`,
    );
  }
  const { standbyZone, zone, region } = settings;
  if (standbyZone !== undefined && (!standbyZone.startsWith(`${region}-`) || standbyZone === zone)) {
    throw new EgressError(
      `standby_zone ${standbyZone} must be another zone of ${region}: the address belongs to the region.`,
    );
  }
  if (settings.ha === "mig" && standbyZone !== undefined) {
    throw new EgressError("ha mig heals inside one zone; standby_zone is for ha none. Give one of them.");
  }
}

function clusterName(text: string): ClusterName {
  const [name = "", location, ...rest] = text.split("@");
  if (!/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name) || rest.length > 0 || location === "") {
    throw new EgressError(`clusters: "${text}" is not NAME or NAME@LOCATION, such as shop@europe-west1.`);
  }
  return { name, location };
}

function onpremRanges(texts: readonly string[], allowPrivate: boolean): Ipv4Range[] {
  const ranges = texts.map((text) => parseRange(text, "onprem_cidrs"));
  for (const [index, range] of ranges.entries()) {
    if (range.first === 0) {
      throw new EgressError(
        `onprem_cidrs: ${range.text} would send everything, the control plane included, through one small VM. Name the on-prem range.`,
      );
    }
    const kind = unroutableKind(range);
    if (kind && !allowPrivate) {
      throw new EgressError(
        `onprem_cidrs: ${range.text} is ${kind} address space, which the internet does not carry; use VPN or Interconnect, or --allow-private where you know better.`,
      );
    }
    const other = ranges.slice(0, index).find((before) => overlaps(before, range));
    if (other) throw new EgressError(`onprem_cidrs: ${other.text} and ${range.text} overlap; keep one of them.`);
  }
  return ranges;
}

function ports(texts: readonly string[]): string[] {
  for (const text of texts) {
    const match = /^([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?$/.exec(text);
    const [from, to] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (!match || from > to || to > 65535) {
      throw new EgressError(`onprem_ports: "${text}" is not a port or a range such as 24224 or 24224-24230.`);
    }
  }
  return [...new Set(texts)].sort();
}
