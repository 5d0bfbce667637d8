/** The real gcloud, where it is installed, against a fake API: a project with one cluster, and `egress` in it. */

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runProgram } from "../../../infra/egress/gcloud.ts";
import { runEgress } from "../../../infra/egress/program.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { FakeComputeApi } from "./fake-compute-api.ts";
import { goodFlags, nodeTag, projectFolder } from "./fake-project.ts";

/** For node:test's `skip`. */
export const withoutGcloud = spawnSync("gcloud", ["version"]).status !== 0 && "gcloud is not installed here";
export const project = "projects/demo-project";
const zone = `${project}/zones/europe-west1-b`;
const region = `${project}/regions/europe-west1`;

export const startupScript = join(projectFolder, "infra/egress/startup.sh");

export async function projectOnApi(): Promise<FakeComputeApi> {
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
export function runner(api: FakeComputeApi) {
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
