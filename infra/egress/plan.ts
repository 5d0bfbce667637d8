/** The exact difference between what is wanted and what is there, as steps in a safe order. Pure. */

import type { Surroundings } from "./cluster.ts";
import { EgressError } from "./egress-error.ts";
import type { GcloudArguments } from "./gcloud.ts";
import { activeZone, type Landscape } from "./landscape.ts";
import { wantedExternalAddress, wantedInternalAddress } from "./resource/address.ts";
import { wantedFirewallRules } from "./resource/firewall-rule.ts";
import { type Attributes, type Place, placeIn, wantedInstance } from "./resource/instance.ts";
import { wantedGroup } from "./resource/managed-group.ts";
import { differences, type Existing, kinds, type Wanted } from "./resource/resource.ts";
import { wantedRoutes } from "./resource/route.ts";
import type { Settings } from "./settings.ts";

export type Action = "create" | "update" | "replace" | "delete" | "wait";

export interface Step {
  readonly action: Action;
  readonly kind: string;
  readonly name: string;
  /** Why, in words: what differs, from what to what. */
  readonly reasons: readonly string[];
  readonly commands: readonly GcloudArguments[];
  /** What takes a creation back; empty where nothing is to be taken back. */
  readonly undo: readonly GcloudArguments[];
  /** Of a wait: the VM. */
  readonly place?: Place;
}

export interface Plan {
  readonly steps: readonly Step[];
  readonly place: Place;
}

/** Everything wanted, in the order of creation. */
export function wantedResources(
  settings: Settings,
  around: Surroundings,
  landscape: Landscape,
  script: string,
  zone = activeZone(settings, landscape),
): Wanted[] {
  const attributes: Attributes = {
    script,
    onpremCidrs: settings.onpremCidrs.map((range) => range.text),
    onpremPorts: settings.onpremPorts,
    sourceRanges: around.sourceRanges,
  };
  const place = placeIn(settings, settings.ha === "mig" ? settings.zone : zone);
  const { fixedIp, internalIp } = landscape;
  const machine = { subnet: around.subnet, attributes, fixedIp, internalIp };
  return [
    wantedExternalAddress(settings),
    ...(settings.ha === "mig"
      ? [wantedInternalAddress(settings, around.subnet), ...wantedGroup(settings, machine)]
      : [wantedInstance(settings, { ...machine, place, withAddress: true })]),
    ...wantedFirewallRules(settings, around),
    ...wantedRoutes(settings, around, place, landscape.existing),
  ];
}

/** Throws EgressError when a name is taken by something that is not ours; then nothing may be changed. */
export function makePlan(wanted: readonly Wanted[], landscape: Landscape, settings: Settings): Plan {
  const { existing } = landscape;
  refuseForeign(wanted, existing, settings);
  const same = (one: { kind: string; name: string }) => (other: { kind: string; name: string }) =>
    one.kind === other.kind && one.name === other.name;
  const steps = wanted.flatMap((resource) => stepFor(resource, existing.find(same(resource))) ?? []);
  const surplus = existing
    .filter((one) => one.owned && one.kind !== "address" && !wanted.some(same(one)))
    .sort((one, other) => kinds.indexOf(other.kind) - kinds.indexOf(one.kind))
    .map((one) => deletion(one, "it is ours, and no longer wanted"));
  const vm = wanted.find((resource) => resource.ready);
  if (!vm?.ready) throw new EgressError("The wanted state has no VM.");
  const place = vm.ready;
  const isRoute = (step: Step) => step.kind === "route";
  const mustWait = steps.some((step) => step.kind === "instance" || step.kind === "instance group" || isRoute(step));
  const wait: Step = {
    action: "wait",
    kind: "instance",
    name: place.instance,
    reasons: ["until its serial port says nat-startup: ready"],
    commands: [],
    undo: [],
    place,
  };
  const ordered = [
    ...steps.filter((step) => !isRoute(step)),
    ...(mustWait ? [wait] : []),
    ...steps.filter(isRoute),
    ...surplus,
  ];
  return { steps: ordered, place };
}

/** Whether carrying out the plan would change anything; waiting alone does not. */
export function hasChanges(plan: Plan): boolean {
  return plan.steps.some((step) => step.commands.length > 0);
}

function refuseForeign(wanted: readonly Wanted[], existing: readonly Existing[], settings: Settings): void {
  for (const resource of wanted) {
    const there = existing.find((one) => one.kind === resource.kind && one.name === resource.name);
    const isGiven = resource.kind === "address" && settings.address !== undefined;
    if (there && !there.owned && !isGiven) {
      throw new EgressError(
        `The ${resource.kind} ${resource.name} exists and was not made by this tool for the name ${settings.name}; it stays untouched. Choose another --name, or remove it yourself.`,
      );
    }
    if (!there && isGiven) {
      throw new EgressError(
        `There is no static address ${settings.address} in ${settings.region}; reserve it, or leave out --address.`,
      );
    }
  }
}

function stepFor(resource: Wanted, there: Existing | undefined): Step | undefined {
  const { kind, name } = resource;
  if (!there) {
    const undo = kind === "address" ? [] : undoOf(resource);
    return { action: "create", kind, name, reasons: ["it does not exist"], commands: resource.create, undo };
  }
  const changed = differences(resource.facts, there.facts);
  if (changed.length === 0) return undefined;
  const reasons = changed.map((fact) => `${fact}: ${there.facts[fact] || "none"} → ${resource.facts[fact] || "none"}`);
  const update = resource.update(changed, there);
  if (update) return { action: "update", kind, name, reasons, commands: update, undo: [] };
  if (kind === "address" || kind === "internal address") {
    throw new EgressError(
      `The ${kind} ${name} differs (${reasons.join("; ")}) and an address is never replaced by this tool.`,
    );
  }
  return { action: "replace", kind, name, reasons, commands: [...there.remove, ...resource.create], undo: [] };
}

/** How a fresh creation is taken back, from the creating command itself. */
function undoOf(resource: Wanted): GcloudArguments[] {
  const [create = []] = resource.create;
  const scope = create.filter((word) => /^--(zone|region)=/.test(word));
  const verb = create.findIndex((word) => word === "create" || word === "create-instance");
  const group = create.slice(0, verb);
  const { name } = resource;
  if (create[verb] === "create-instance") {
    return [[...group, "delete-instances", create[verb + 1] ?? "", `--instances=${name}`, ...scope]];
  }
  const unlock = [...group, "update", name, ...scope, "--no-deletion-protection"];
  return [...(resource.kind === "instance" ? [unlock] : []), [...group, "delete", name, ...scope]];
}

export function deletion(one: Existing, reason: string): Step {
  return { action: "delete", kind: one.kind, name: one.name, reasons: [reason], commands: one.remove, undo: [] };
}
