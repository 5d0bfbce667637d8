/** Moves the NAT with its address to a VM in the other zone: seconds without a path, the same address on-prem. */

import type { Surroundings } from "./cluster.ts";
import { EgressError } from "./egress-error.ts";
import { activeZone, type Landscape } from "./landscape.ts";
import { makePlan, type Plan, type Step, wantedResources } from "./plan.ts";
import { externalAddressName } from "./resource/address.ts";
import { placeIn, wantedInstance } from "./resource/instance.ts";
import { differences } from "./resource/resource.ts";
import type { Settings } from "./settings.ts";

/**
 * First the new VM, without the address, until it is ready; then the address moves; then routes to the new VM are made
 * and the old ones go. The old VM is left for `up` to remove: its zone may be out of reach now.
 */
export function failoverPlan(settings: Settings, around: Surroundings, landscape: Landscape, script: string): Plan {
  if (settings.ha === "mig")
    throw new EgressError("With --ha mig the group heals its VM by itself; failover is for --standby-zone.");
  if (!settings.standbyZone) throw new EgressError("failover needs --standby-zone, another zone of the same region.");
  if (!landscape.fixedIp) throw new EgressError("There is no fixed address yet; run `up` first.");
  const from = activeZone(settings, landscape);
  const to = from === settings.zone ? settings.standbyZone : settings.zone;
  const [oldPlace, newPlace] = [placeIn(settings, from), placeIn(settings, to)];
  const find = (name: string) => landscape.existing.find((one) => one.kind === "instance" && one.name === name);

  const resources = wantedResources(settings, around, landscape, script, to);
  const routes = makePlan(resources, landscape, settings).steps.filter((step) => step.kind === "route");
  const standby = wantedInstance(settings, {
    place: newPlace,
    subnet: around.subnet,
    attributes: {
      script,
      onpremCidrs: settings.onpremCidrs.map((range) => range.text),
      onpremPorts: settings.onpremPorts,
      sourceRanges: around.sourceRanges,
    },
    fixedIp: landscape.fixedIp,
    withAddress: false,
  });
  const there = find(newPlace.instance);
  if (there && !there.owned)
    throw new EgressError(`The instance ${newPlace.instance} exists and was not made by this tool.`);
  const changed = there ? differences(standby.facts, there.facts).filter((fact) => fact !== "external address") : [];
  const mend = there && changed.length > 0 ? standby.update(changed, there) : undefined;
  const build: Step = !there
    ? step("create", newPlace.instance, "the VM in the other zone", standby.create)
    : changed.length === 0
      ? step("update", newPlace.instance, "the VM in the other zone is as wanted", [])
      : step(
          mend ? "update" : "replace",
          newPlace.instance,
          `it differs: ${changed.join(", ")}`,
          mend ?? [...there.remove, ...standby.create],
        );
  const old = find(oldPlace.instance);
  const oldConfig = old?.facts["access config"];
  const newConfig = there?.facts["access config"];
  const hasAddress = there?.facts["external address"] === landscape.fixedIp && build.commands.length === 0;
  const release = ["compute", "instances", "delete-access-config"];
  const move: Step = step("update", externalAddressName(settings), `from ${from} to ${to}`, [
    ...(!hasAddress && oldConfig
      ? [[...release, oldPlace.instance, `--zone=${from}`, `--access-config-name=${oldConfig}`]]
      : []),
    ...(!hasAddress && newConfig
      ? [[...release, newPlace.instance, `--zone=${to}`, `--access-config-name=${newConfig}`]]
      : []),
    ...(hasAddress
      ? []
      : [
          [
            ...["compute", "instances", "add-access-config", newPlace.instance, `--zone=${to}`],
            ...[`--address=${landscape.fixedIp}`, `--network-tier=${settings.networkTier}`],
          ],
        ]),
  ]);
  const wait: Step = { ...step("wait", newPlace.instance, "until it reports ready", []), place: newPlace };
  return { steps: [build, wait, { ...move, kind: "address" }, ...routes], place: newPlace };
}

function step(action: Step["action"], name: string, reason: string, commands: Step["commands"]): Step {
  return { action, kind: "instance", name, reasons: [reason], commands, undo: [] };
}
