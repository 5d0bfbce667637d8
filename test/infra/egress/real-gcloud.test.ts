/** The real gcloud carries out a plan against a fake API: the flags exist, and mean what we think they do. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runProgram } from "../../../infra/egress/gcloud.ts";
import { runEgress } from "../../../infra/egress/program.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { FakeComputeApi } from "./fake-compute-api.ts";
import { goodFlags, nodeTag, projectFolder } from "./fake-project.ts";

const skip = spawnSync("gcloud", ["version"]).status !== 0 && "gcloud is not installed here";
const project = "projects/demo-project";
const zone = `${project}/zones/europe-west1-b`;
const region = `${project}/regions/europe-west1`;

const startupScript = join(projectFolder, "infra/egress/startup.sh");

async function projectOnApi(): Promise<FakeComputeApi> {
  const api = await FakeComputeApi.start();
  const link = (path: string) => `${api.url}/compute/v1/${path}`;
  api.put(`${project}/global/networks/default`, {});
  api.put(region, { status: "UP", zones: [link(zone)] });
  api.put(zone, { status: "UP", region: link(region) });
  api.put(`${region}/subnetworks/default`, {
    network: link(`${project}/global/networks/default`),
    ipCidrRange: "10.132.0.0/20",
  });
  api.put("projects/debian-cloud/global/images/family/debian-12", { name: "debian-12-bookworm" });
  api.put(`${zone}/machineTypes/e2-small`, { guestCpus: 2, memoryMb: 2048 });
  api.put(`${zone}/instanceGroupManagers/gke-shop-grp`, {
    instanceTemplate: link(`${project}/global/instanceTemplates/gke-shop-template`),
  });
  api.put(`${project}/global/instanceTemplates/gke-shop-template`, { properties: { tags: { items: [nodeTag] } } });
  api.clusters.push({
    name: "shop",
    location: "europe-west1",
    network: "default",
    subnetwork: "default",
    endpoint: "34.76.1.2",
    clusterIpv4Cidr: "10.8.0.0/14",
    ipAllocationPolicy: { useIpAliases: true, clusterIpv4CidrBlock: "10.8.0.0/14" },
    nodePools: [{ name: "main", instanceGroupUrls: [link(`${zone}/instanceGroupManagers/gke-shop-grp`)] }],
  });
  return api;
}

/** Runs `egress` with the real gcloud, which talks to the fake API alone. */
function runner(api: FakeComputeApi) {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "token"), "not-a-token");
  return async (command: string, flags: readonly string[] = goodFlags) => {
    const lines: string[] = [];
    const code = await runEgress([command, ...flags], {
      environment: {
        PATH: process.env.PATH,
        HOME: folder,
        CLOUDSDK_CONFIG: join(folder, "config"),
        CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE: `${api.url}/compute/v1/`,
        CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER: `${api.url}/`,
        CLOUDSDK_AUTH_ACCESS_TOKEN_FILE: join(folder, "token"),
        CLOUDSDK_CORE_CHECK_GCE_METADATA: "false",
        CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: "true",
        CLOUDSDK_CORE_DISABLE_FILE_LOGGING: "true",
        CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: "true",
      },
      startupScript: { path: startupScript, text: readFileSync(startupScript, "utf8") },
      print: (line) => lines.push(line),
      complain: (line) => lines.push(line),
      sleep: async () => {},
      runProgram,
    });
    return { code, output: lines.join("\n") };
  };
}

test("plan, up, plan, down with the real gcloud", { skip }, async (context) => {
  const api = await projectOnApi();
  context.after(() => api.stop());
  const run = runner(api);

  const plan = await run("plan");
  assert.equal(plan.code, 2, plan.output);
  assert.equal(api.mutations.length, 0);

  const up = await run("up");
  assert.equal(up.code, 0, up.output);
  const [address, instance, deny, allow, route] = api.mutations.map(({ body }) => body);
  assert.deepEqual(
    api.mutations.map(({ method, path }) => `${method} ${path.slice(project.length + 1)}`),
    [
      "POST regions/europe-west1/addresses",
      "POST zones/europe-west1-b/instances",
      "POST global/firewalls",
      "POST global/firewalls",
      "POST global/routes",
    ],
  );
  assert.equal(address?.networkTier, "PREMIUM");
  assert.equal(instance?.canIpForward, true);
  assert.equal(instance?.deletionProtection, true);
  assert.equal(instance?.networkInterfaces[0].accessConfigs[0].natIP, "203.0.113.10");
  assert.deepEqual(instance?.serviceAccounts ?? [], []);
  assert.deepEqual(instance?.tags.items, ["suiro-egress"]);
  assert.deepEqual(instance?.shieldedInstanceConfig, {
    enableIntegrityMonitoring: true,
    enableSecureBoot: true,
    enableVtpm: true,
  });
  const metadata = Object.fromEntries(
    instance?.metadata.items.map((item: { key: string; value: string }) => [item.key, item.value]),
  );
  assert.equal(metadata["startup-script"], readFileSync(startupScript, "utf8"));
  assert.equal(metadata["source-cidrs"], "10.132.0.0/20 10.8.0.0/14");
  assert.deepEqual([deny?.priority, deny?.denied, deny?.sourceRanges], [950, [{ IPProtocol: "all" }], ["0.0.0.0/0"]]);
  assert.deepEqual(
    [allow?.priority, allow?.allowed, allow?.sourceTags, allow?.sourceRanges, allow?.destinationRanges],
    [900, [{ IPProtocol: "tcp", ports: ["24224"] }], [nodeTag], ["10.8.0.0/14"], ["198.51.100.0/24"]],
  );
  assert.deepEqual([route?.destRange, route?.tags, route?.priority], ["198.51.100.0/24", [nodeTag], 900]);
  assert.match(route?.nextHopInstance, /zones\/europe-west1-b\/instances\/suiro-egress$/);

  api.mutations.length = 0;
  const again = await run("plan");
  assert.equal(again.code, 0, again.output);
  const down = await run("down");
  assert.equal(down.code, 0, down.output);
  assert.deepEqual(
    api.mutations.map(
      ({ method, path }) => `${method} ${path.slice(project.length + 1).replace(/routes\/.*/, "routes")}`,
    ),
    [
      "DELETE global/routes",
      "DELETE global/firewalls/suiro-egress-deny",
      "DELETE global/firewalls/suiro-egress-allow",
      "POST zones/europe-west1-b/instances/suiro-egress/setDeletionProtection",
      "DELETE zones/europe-west1-b/instances/suiro-egress",
    ],
  );
});

test("a healing group of one with the real gcloud", { skip }, async (context) => {
  const api = await projectOnApi();
  context.after(() => api.stop());
  const { code, output } = await runner(api)("up", [...goodFlags, "--ha=mig"]);
  assert.equal(code, 0, output);
  const posted = (end: string) => api.mutations.find(({ path }) => path.endsWith(end))?.body;
  const template = posted("regions/europe-west1/instanceTemplates");
  assert.equal(template?.properties.canIpForward, true);
  assert.deepEqual(template?.properties.serviceAccounts ?? [], []);
  const group = posted("instanceGroupManagers");
  assert.deepEqual([group?.targetSize, group?.baseInstanceName], [0, "suiro-egress"]);
  assert.match(group?.instanceTemplate, /regions\/europe-west1\/instanceTemplates\/suiro-egress-[0-9a-f]{12}$/);
  assert.match(group?.autoHealingPolicies[0].healthCheck, /healthChecks\/suiro-egress-health$/);
  const [member] = posted("createInstances")?.instances ?? [];
  assert.equal(member?.name, "suiro-egress");
  const { externalIPs, internalIPs } = member?.preservedState ?? {};
  assert.match(externalIPs?.nic0.ipAddress.address, /addresses\/suiro-egress-ip$/);
  assert.match(internalIPs?.nic0.ipAddress.address, /addresses\/suiro-egress-internal-ip$/);
  assert.deepEqual([externalIPs?.nic0.autoDelete, internalIPs?.nic0.autoDelete], ["NEVER", "NEVER"]);
});
