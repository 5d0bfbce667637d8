/**
 * A stateful stand-in for gcloud. It knows the real commands and flags (test/infra/data), answers as the API does, and
 * fails on cue. Its folder holds cloud.json (the state), calls.log (every mutating call), fault.json (what goes wrong).
 */

import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** What is to go wrong, and at which calls. */
export interface Fault {
  /** The n-th mutating call of the program's life, from 1; or every call whose words hold this text. */
  readonly at: number | string;
  /** `kill` lets the call happen and then ends the caller at once, as a lost laptop does. */
  readonly kind: "login" | "permission" | "quota" | "error" | "exists" | "kill";
}

type Item = Record<string, any>;
export interface Cloud {
  clusters: Item[];
  subnets: Item[];
  addresses: Item[];
  instances: Item[];
  firewallRules: Item[];
  routes: Item[];
  templates: Item[];
  groups: Item[];
  healthChecks: Item[];
  /** What a start-up script says when a VM boots. */
  startup: string;
  flows: number;
  /** Connections that the VM translates between one look at it and the next. */
  newFlows: number;
}

const known = JSON.parse(
  readFileSync(join(dirname(fileURLToPath(import.meta.url)), "../../../../test/infra/data/gcloud-flags.json"), "utf8"),
) as { global: string; commands: Record<string, string> };

/** A call that fails: gcloud's exit code (2 for wrong usage, 1 for the API's refusal) and its words. */
export class Refusal extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Carries out one call on the cloud in `folder`. Throws Refusal. `kills`: the caller is to die now, by the fault's wish. */
export function fakeGcloud(argv: readonly string[], folder: string): { stdout: string; kills: boolean } {
  const words = argv.filter((word) => !word.startsWith("--"));
  const flags = new Map(
    argv
      .filter((word) => word.startsWith("--"))
      .map((word) => {
        const at = word.indexOf("=");
        return at < 0 ? [word.slice(2), ""] : [word.slice(2, at), word.slice(at + 1)];
      }),
  );

  function end(code: number, text: string): never {
    throw new Refusal(
      code,
      `ERROR: (gcloud.${words.slice(0, 3).join(".")}) ${text}
`,
    );
  }

  const match = Object.keys(known.commands)
    .filter((name) => words.join(" ").startsWith(name))
    .sort((one, other) => other.length - one.length)[0];
  const command = match ?? end(2, `Invalid choice: '${words.join(" ")}'.`);
  const allowed = new Set(`${known.global} ${known.commands[command]}`.split(" "));
  for (const flag of flags.keys()) {
    if (!allowed.has(`--${flag}`) && !(flag.startsWith("no-") && allowed.has(`--${flag.slice(3)}`))) {
      end(2, `unrecognized arguments: --${flag}`);
    }
  }

  const cloud = JSON.parse(readFileSync(join(folder, "cloud.json"), "utf8")) as Cloud;
  const name = words[command.split(" ").length] ?? "";
  const flag = (key: string) => flags.get(key) ?? "";
  const list = (key: string) =>
    flag(key)
      .split(",")
      .filter((text) => text !== "");
  const pairs = (text: string) =>
    Object.fromEntries(
      text.split(",").map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
    );
  const project = flag("project");
  const url = (...parts: string[]) => `https://www.googleapis.com/compute/v1/projects/${project}/${parts.join("/")}`;
  const isReading =
    /(list|describe|get-serial-port-output|get-effective-firewalls|get-credentials|ssh|wait-until)$/.test(command);

  if (!project) end(1, "The required property [project] is not currently set.");
  injectFault();
  const answer = carryOut();
  if (!isReading || command === "compute ssh") {
    writeFileSync(join(folder, "cloud.json.new"), JSON.stringify(cloud));
    renameSync(join(folder, "cloud.json.new"), join(folder, "cloud.json"));
  }
  const stdout = answer === undefined ? "" : typeof answer === "string" ? answer : JSON.stringify(answer);
  return { stdout, kills: killsCaller() };

  function faultOf(): Fault | undefined {
    const path = join(folder, "fault.json");
    return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Fault) : undefined;
  }

  function strikes(fault: Fault): boolean {
    const calls = readFileSync(join(folder, "calls.log"), "utf8").split("\n").length - 1;
    return typeof fault.at === "number"
      ? !isReading && calls === fault.at
      : `${words.join(" ")} ${[...flags.keys()]}`.includes(fault.at);
  }

  function injectFault(): void {
    if (!isReading) appendFileSync(join(folder, "calls.log"), `${argv.join(" ").replaceAll("\n", " ")}\n`);
    const fault = faultOf();
    if (!fault || fault.kind === "kill" || !strikes(fault)) return;
    const texts = {
      login: "You do not currently have an active account selected.",
      permission: `Could not fetch resource:\n - Required 'compute.${words[1]}.create' permission for 'projects/${project}'`,
      quota: "Could not fetch resource:\n - Quota 'IN_USE_ADDRESSES' exceeded.  Limit: 8.0 in region europe-west1.",
      error: "Could not fetch resource:\n - Internal error. Please try again or contact Google Support. (Code: '6F3A')",
      exists: `Could not fetch resource:\n - The resource 'projects/${project}/${name}' already exists`,
    };
    end(1, texts[fault.kind]);
  }

  function killsCaller(): boolean {
    const fault = faultOf();
    return fault?.kind === "kill" && strikes(fault);
  }

  function existing(items: Item[], what: string): Item {
    return (
      items.find((item) => item.name === name) ??
      end(1, `Could not fetch resource:\n - The resource '${what}/${name}' was not found`)
    );
  }

  function add(items: Item[], item: Item): void {
    if (items.some((other) => other.name === name))
      end(1, `Could not fetch resource:\n - The resource '${name}' already exists`);
    items.push({ name, ...(flag("description") ? { description: flag("description") } : {}), ...item });
  }

  function remove(items: Item[], what: string): void {
    items.splice(items.indexOf(existing(items, what)), 1);
  }

  function metadata(): { key: string; value: string }[] {
    const items = Object.entries(pairs(flag("metadata")));
    const files = Object.entries(pairs(flag("metadata-from-file"))).map(([key, path]) => [
      key,
      readFileSync(path, "utf8"),
    ]);
    return [...items, ...files].filter(([key]) => key !== "").map(([key = "", value = ""]) => ({ key, value }));
  }

  function machine(zone: string, properties: Item, natIp: string | undefined): Item {
    return {
      ...properties,
      zone: url("zones", zone),
      status: "RUNNING",
      networkInterfaces: [
        {
          subnetwork: properties.subnet,
          networkIP: "10.128.0.5",
          accessConfigs: natIp === undefined ? [] : [{ name: "external-nat", natIP: natIp, networkTier: "PREMIUM" }],
        },
      ],
      serial: cloud.startup,
    };
  }

  function machineProperties(nic: Record<string, string>): Item {
    return {
      description: flag("description"),
      machineType: url("machineTypes", flag("machine-type")),
      canIpForward: flags.has("can-ip-forward"),
      deletionProtection: flags.has("deletion-protection"),
      labels: pairs(flag("labels")),
      tags: { items: list("tags") },
      metadata: { items: metadata() },
      serviceAccounts: flags.has("no-service-account") && flags.has("no-scopes") ? [] : [{ email: "default" }],
      shieldedInstanceConfig: {
        enableSecureBoot: flags.has("shielded-secure-boot"),
        enableVtpm: flags.has("shielded-vtpm"),
        enableIntegrityMonitoring: flags.has("shielded-integrity-monitoring"),
      },
      subnet: url("regions", "r", "subnetworks", nic.subnet ?? "default"),
    };
  }

  function bear(address: string | undefined, instance: string): string {
    const item = cloud.addresses.find((one) => one.name === address || one.address === address);
    if (!item) end(1, `Could not fetch resource:\n - The resource 'addresses/${address}' was not found`);
    if (item.users?.length)
      end(1, `Could not fetch resource:\n - External IP address: ${item.address} is already in-use.`);
    item.users = [url("zones", flag("zone"), "instances", instance)];
    item.status = "IN_USE";
    return item.address;
  }

  function letGo(instance: Item): void {
    for (const address of cloud.addresses) {
      address.users = (address.users ?? []).filter(
        (user: string) => !user.endsWith(`/${flag("zone")}/instances/${instance.name}`),
      );
    }
  }

  function firewall(item: Item): Item {
    const rules = list("rules").map((rule) => {
      const [IPProtocol = "", port] = rule.split(":");
      return { IPProtocol, ...(port ? { ports: [port] } : {}) };
    });
    const action = flag("action") || (item.denied ? "DENY" : "ALLOW");
    return {
      ...item,
      ...(flags.has("rules") ? { [action === "DENY" ? "denied" : "allowed"]: rules } : {}),
      ...(flags.has("priority") ? { priority: Number(flag("priority")) } : {}),
      ...(flags.has("source-ranges") ? { sourceRanges: list("source-ranges") } : {}),
      ...(flags.has("source-tags") ? { sourceTags: list("source-tags") } : {}),
      ...(flags.has("destination-ranges") ? { destinationRanges: list("destination-ranges") } : {}),
      ...(flags.has("target-tags") ? { targetTags: list("target-tags") } : {}),
      ...(flags.has("no-disabled") ? { disabled: false } : {}),
      logConfig: { enable: flags.has("enable-logging") },
    };
  }

  function carryOut(): unknown {
    const [, kind = "", verb = ""] = words;
    if (command.startsWith("container clusters list")) return cloud.clusters;
    if (command.startsWith("container clusters get-credentials")) return "";
    if (command === "compute networks subnets list") return cloud.subnets;
    if (command === "compute networks get-effective-firewalls") return { firewallPolicys: [] };
    if (command === "compute ssh")
      return `backend=nft\nforwarding=1\nmasquerade=present\nflows=${(cloud.flows += cloud.newFlows)}\nconntrack=3/262144\nhealthy=yes\n`;
    if (kind === "addresses") return addresses(verb);
    if (kind === "instances") return instances(verb);
    if (kind === "firewall-rules") return firewallRules(verb);
    if (kind === "routes") return routes(verb);
    if (kind === "instance-templates") return templates(verb);
    if (kind === "instance-groups") return groups(words[3] ?? "");
    if (kind === "health-checks") return healthChecks(verb);
    return end(2, `the fake does not know ${command}`);
  }

  function addresses(verb: string): unknown {
    if (verb === "list") return cloud.addresses;
    if (verb === "delete") {
      if (existing(cloud.addresses, "addresses").users?.length)
        end(1, "Could not fetch resource:\n - The address resource is already being used");
      return remove(cloud.addresses, "addresses");
    }
    return add(cloud.addresses, {
      region: url("regions", flag("region")),
      address: flags.has("subnet") ? "10.128.0.5" : "203.0.113.10",
      addressType: flags.has("subnet") ? "INTERNAL" : "EXTERNAL",
      networkTier: flag("network-tier") || "PREMIUM",
    });
  }

  function instances(verb: string): unknown {
    if (verb === "list") return cloud.instances;
    if (verb === "create") {
      const nic = pairs(flag("network-interface"));
      if (cloud.instances.some((one) => one.name === name))
        end(1, `Could not fetch resource:\n - The resource '${name}' already exists`);
      return add(
        cloud.instances,
        machine(flag("zone"), machineProperties(nic), nic.address ? bear(nic.address, name) : undefined),
      );
    }
    const instance = existing(cloud.instances, "instances");
    const nic = instance.networkInterfaces[0];
    switch (verb) {
      case "delete":
        if (instance.deletionProtection)
          end(1, "Could not fetch resource:\n - Invalid value for field 'resource.deletionProtection': 'true'.");
        letGo(instance);
        return remove(cloud.instances, "instances");
      case "update":
        instance.deletionProtection = !flags.has("no-deletion-protection");
        return;
      case "add-tags":
        instance.tags.items = [...new Set([...(instance.tags.items ?? []), ...list("tags")])];
        return;
      case "remove-tags":
        instance.tags.items = instance.tags.items.filter((tag: string) => !list("tags").includes(tag));
        return;
      case "add-metadata": {
        const added = metadata();
        instance.metadata.items = [
          ...instance.metadata.items.filter((item: Item) => !added.some((one) => one.key === item.key)),
          ...added,
        ];
        return;
      }
      case "add-labels":
        Object.assign(instance.labels, pairs(flag("labels")));
        return;
      case "start":
      case "reset":
        instance.status = "RUNNING";
        instance.serial += cloud.startup;
        return;
      case "delete-access-config":
        nic.accessConfigs = [];
        return letGo(instance);
      case "add-access-config":
        if (nic.accessConfigs.length)
          end(1, "Could not fetch resource:\n - At most one access config currently supported.");
        nic.accessConfigs = [{ name: "external-nat", natIP: bear(flag("address"), name) }];
        return;
      case "get-serial-port-output": {
        const start = Number(flag("start") || 0);
        return { contents: instance.serial.slice(start), next: String(instance.serial.length), start: String(start) };
      }
    }
    return end(2, `the fake does not know ${verb}`);
  }

  function firewallRules(verb: string): unknown {
    if (verb === "list") return cloud.firewallRules;
    if (verb === "delete") return remove(cloud.firewallRules, "firewalls");
    if (verb === "create")
      return add(
        cloud.firewallRules,
        firewall({ network: url("global", "networks", flag("network")), direction: flag("direction") }),
      );
    const rule = existing(cloud.firewallRules, "firewalls");
    return void Object.assign(rule, firewall(rule));
  }

  function routes(verb: string): unknown {
    if (verb === "list") return cloud.routes;
    if (verb === "delete") return remove(cloud.routes, "routes");
    return add(cloud.routes, {
      network: url("global", "networks", flag("network")),
      destRange: flag("destination-range"),
      priority: Number(flag("priority")),
      tags: list("tags"),
      nextHopInstance: url("zones", flag("next-hop-instance-zone"), "instances", flag("next-hop-instance")),
      routeStatus: "ACTIVE",
    });
  }

  function templates(verb: string): unknown {
    if (verb === "list") return cloud.templates;
    if (verb === "describe") return existing(cloud.templates, "instanceTemplates");
    if (verb === "delete") return remove(cloud.templates, "instanceTemplates");
    return add(cloud.templates, { properties: machineProperties(pairs(flag("network-interface"))) });
  }

  function groups(verb: string): unknown {
    const last = (text: string) => text.slice(text.lastIndexOf("/") + 1);
    if (verb === "list") return cloud.groups;
    if (verb === "create") {
      return add(cloud.groups, {
        zone: url("zones", flag("zone")),
        instanceTemplate: url("regions", "r", "instanceTemplates", last(flag("template"))),
        autoHealingPolicies: [{ healthCheck: url("global", "healthChecks", flag("health-check")) }],
        status: { isStable: true },
      });
    }
    const group = existing(cloud.groups, "instanceGroupManagers");
    const properties = () => {
      const template = cloud.templates.find((one) => one.name === last(group.instanceTemplate));
      const created = { key: "created-by", value: url("zones", flag("zone"), "instanceGroupManagers", name) };
      return {
        ...template?.properties,
        metadata: { items: [...(template?.properties.metadata.items ?? []), created] },
      };
    };
    switch (verb) {
      case "describe":
        return group;
      case "delete":
        cloud.instances = cloud.instances.filter(
          (one) => !one.metadata.items.some((item: Item) => last(item.value) === name),
        );
        return remove(cloud.groups, "instanceGroupManagers");
      case "create-instance": {
        const address = last(pairs(flag("stateful-external-ip")).address ?? "");
        const member = flag("instance");
        if (cloud.instances.some((one) => one.name === member))
          end(1, `Could not fetch resource:\n - The resource '${member}' already exists`);
        cloud.instances.push({ name: member, ...machine(flag("zone"), properties(), bear(address, member)) });
        return;
      }
      case "delete-instances": {
        const at = cloud.instances.findIndex((one) => one.name === flag("instances"));
        if (at < 0) end(1, "The resource was not found");
        letGo(cloud.instances[at] as Item);
        cloud.instances.splice(at, 1);
        return;
      }
      case "set-instance-template":
        group.instanceTemplate = url("regions", "r", "instanceTemplates", last(flag("template")));
        return;
      case "update-instances": {
        const member = cloud.instances.find((one) => one.name === flag("instances")) as Item;
        Object.assign(member, machine(flag("zone"), properties(), member.networkInterfaces[0].accessConfigs[0].natIP));
        return;
      }
      case "wait-until":
        return "";
    }
    return end(2, `the fake does not know ${verb}`);
  }

  function healthChecks(verb: string): unknown {
    if (verb === "list") return cloud.healthChecks;
    if (verb === "delete") return remove(cloud.healthChecks, "healthChecks");
    const http = { type: "HTTP", httpHealthCheck: { port: Number(flag("port")), requestPath: flag("request-path") } };
    if (verb === "create") return add(cloud.healthChecks, http);
    return void Object.assign(existing(cloud.healthChecks, "healthChecks"), http);
  }
}
