/** Proves the path: what the cloud says of it, what the VM counts, and a connection out of the cluster. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Surroundings } from "./cluster.ts";
import { EgressError, errorText } from "./egress-error.ts";
import type { Landscape } from "./landscape.ts";
import { jobName, probeJob } from "./probe-job.ts";
import type { Place } from "./resource/instance.ts";
import { lastWord, readSerial } from "./serial-port.ts";
import type { Session } from "./session.ts";

export interface Finding {
  readonly claim: string;
  readonly outcome: "holds" | "fails" | "not checked";
  readonly detail: string;
}

/** Runs every check that this machine can run. One that cannot run says why, and is not counted as held. */
export async function verify(
  session: Session,
  around: Surroundings,
  landscape: Landscape,
  place: Place,
): Promise<Finding[]> {
  const findings = [...cloudFindings(session, landscape, place)];
  const { contents } = await readSerial(session, place, 0);
  const word = lastWord(contents);
  findings.push(
    finding("the start-up script ended well", word?.startsWith("nat-startup: ready") ?? false, word ?? "no word"),
  );
  findings.push(await policyFinding(session, around));
  const before = await vmState(session, place);
  if (typeof before === "string") {
    findings.push({ claim: "the VM translates", outcome: "not checked", detail: before });
    findings.push(await jobFinding(session, around));
    return findings;
  }
  findings.push(finding("the VM translates", before.healthy === "yes", describe(before)));
  const job = await jobFinding(session, around);
  findings.push(job);
  const after = await vmState(session, place);
  if (job.outcome === "holds" && typeof after !== "string") {
    const grown = Number(after.flows) - Number(before.flows);
    findings.push(
      finding(
        `on-prem saw ${landscape.fixedIp}`,
        grown > 0,
        `${grown} new connections were translated by the VM while the Job connected`,
      ),
    );
  }
  return findings;
}

function finding(claim: string, holds: boolean, detail: string): Finding {
  return { claim, outcome: holds ? "holds" : "fails", detail };
}

function cloudFindings(session: Session, landscape: Landscape, place: Place): Finding[] {
  const vm = landscape.existing.find((one) => one.kind === "instance" && one.name === place.instance);
  const routes = landscape.existing.filter((one) => one.kind === "route" && one.owned);
  return [
    finding(
      "the VM bears the fixed address",
      vm !== undefined && vm.facts["external address"] === landscape.fixedIp && landscape.fixedIp !== undefined,
      `${place.instance} has ${vm?.facts["external address"] || "none"}, reserved is ${landscape.fixedIp ?? "none"}`,
    ),
    finding("the VM may forward", vm?.facts.forwarding === "yes", `canIpForward: ${vm?.facts.forwarding ?? "no VM"}`),
    finding(
      "the VM does not bear a node tag",
      vm?.facts.tags === session.settings.name,
      `tags: ${vm?.facts.tags ?? "no VM"}`,
    ),
    ...session.settings.onpremCidrs.map(({ text }) => {
      const route = routes.find((one) => one.facts.range === text);
      const good = route?.facts.status === "ACTIVE" && route.warnings.length === 0;
      return finding(
        `the route to ${text} is active and leads to the VM`,
        good && route?.facts["next hop"] === `${place.zone}/${place.instance}`,
        route ? `${route.name}: ${[route.facts.status, ...route.warnings].join(", ")}` : "there is no such route",
      );
    }),
  ];
}

/** Hierarchical and network firewall policies are judged before the rules; they cannot be compared here, only named. */
async function policyFinding(session: Session, around: Surroundings): Promise<Finding> {
  const claim = "no firewall policy stands before the rules";
  try {
    const effective = await session.gcloud.json<{
      firewallPolicys?: { name?: string; displayName?: string; rules?: unknown[] }[];
    }>(["compute", "networks", "get-effective-firewalls", around.network]);
    const policies = (effective.firewallPolicys ?? []).filter((policy) => (policy.rules?.length ?? 0) > 0);
    const names = policies.map((policy) => policy.displayName ?? policy.name).join(", ");
    return policies.length === 0
      ? finding(claim, true, "none is attached")
      : { claim, outcome: "not checked", detail: `read these yourself: ${names}` };
  } catch (error) {
    return { claim, outcome: "not checked", detail: errorText(error) };
  }
}

/** The start-up script's own account, read by SSH through IAP; a sentence when it cannot be had. */
async function vmState(session: Session, place: Place): Promise<Record<string, string> | string> {
  if (!session.settings.iapSsh) return "needs --iap-ssh, which lets this tool read the VM through Identity-Aware Proxy";
  const command = ["compute", "ssh", place.instance, `--zone=${place.zone}`, "--tunnel-through-iap"];
  try {
    const text = await session.gcloud.text([...command, "--command=sudo /etc/suiro-nat/state || true"]);
    return Object.fromEntries(
      text.split("\n").flatMap((line) => (line.includes("=") ? [line.trim().split("=", 2)] : [])),
    );
  } catch (error) {
    return errorText(error);
  }
}

function describe(state: Record<string, string>): string {
  return Object.entries(state)
    .map(([key, value]) => `${key} ${value}`)
    .join(", ");
}

async function jobFinding(session: Session, around: Surroundings): Promise<Finding> {
  const claim = "a pod reaches the receiver";
  const [host, port] = (session.settings.receiver ?? "").split(":");
  if (!host || !port) return { claim, outcome: "not checked", detail: "needs --receiver HOST:PORT" };
  const [cluster] = around.clusters;
  if (!cluster) return { claim, outcome: "not checked", detail: "no cluster" };
  const folder = mkdtempSync(join(tmpdir(), "suiro-egress-"));
  const environment = { ...session.environment, KUBECONFIG: join(folder, "kubeconfig") };
  const kubectl = async (args: readonly string[], input = "") => {
    const { code, stdout, stderr } = await session.runProgram("kubectl", args, environment, input);
    if (code !== 0) throw new EgressError(`kubectl ${args[0]}: ${stderr.trim().slice(0, 300)}`);
    return stdout;
  };
  try {
    await session.gcloud
      .within(environment)
      .text([...["container", "clusters", "get-credentials", cluster.name, `--location=${cluster.location}`]]);
    await kubectl(["delete", "job", jobName, "--ignore-not-found", "--wait=true"]);
    await kubectl(["apply", "-f", "-"], JSON.stringify(probeJob(host, port, session.settings.probeImage)));
    try {
      await kubectl(["wait", "--for=condition=complete", `job/${jobName}`, "--timeout=90s"]);
      return finding(claim, true, `the Job connected to ${host}:${port} from ${cluster.name}`);
    } catch {
      const said = await kubectl(["get", "job", jobName, "-o", "jsonpath={.status.conditions[*].message}"]);
      return finding(claim, false, `the Job could not connect to ${host}:${port}: ${said.trim() || "no word"}`);
    } finally {
      await kubectl(["delete", "job", jobName, "--ignore-not-found", "--wait=false"]);
    }
  } catch (error) {
    return { claim, outcome: "not checked", detail: errorText(error) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
