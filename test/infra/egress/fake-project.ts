/** Runs `egress` against the fake gcloud, with a cloud that a test can look into and spoil. */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runProgram } from "../../../infra/egress/gcloud.ts";
import { runEgress } from "../../../infra/egress/program.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { type Cloud, type Fault, fakeGcloud, Refusal } from "./fake-gcloud.ts";

const here = dirname(fileURLToPath(import.meta.url));
export const projectFolder = join(here, "../../../..");
const startupScript = join(projectFolder, "infra/egress/startup.sh");

export const nodeTag = "gke-shop-0a1b2c3d-node";

/** Settings with which everything works. */
export const goodFlags = [
  ...["--project=demo-project", "--zone=europe-west1-b", "--clusters=shop@europe-west1"],
  ...["--onprem-cidrs=198.51.100.0/24", "--onprem-ports=24224"],
];

export interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

export class FakeProject {
  readonly folder: string;
  /** Whether `run` starts what is on the PATH in place of the fake inside this process. */
  usesPrograms = false;
  readonly #environment: NodeJS.ProcessEnv;

  constructor() {
    this.folder = temporaryFolder();
    mkdirSync(join(this.folder, "bin"));
    this.program("gcloud", `exec '${process.execPath}' '${join(here, "fake-gcloud-program.js")}' "$@"`);
    this.#environment = {
      PATH: `${join(this.folder, "bin")}${delimiter}${process.env.PATH}`,
      FAKE_GCLOUD_FOLDER: this.folder,
    };
    writeFileSync(join(this.folder, "calls.log"), "");
    this.cloud = emptyCloud();
  }

  /** Puts a shell script on the PATH. */
  program(name: string, script: string): void {
    writeFileSync(join(this.folder, "bin", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  get cloud(): Cloud {
    return JSON.parse(readFileSync(join(this.folder, "cloud.json"), "utf8")) as Cloud;
  }

  set cloud(cloud: Cloud) {
    writeFileSync(join(this.folder, "cloud.json"), JSON.stringify(cloud));
  }

  change(change: (cloud: Cloud) => void): void {
    const { cloud } = this;
    change(cloud);
    this.cloud = cloud;
  }

  set fault(fault: Fault | undefined) {
    const path = join(this.folder, "fault.json");
    if (fault) writeFileSync(path, JSON.stringify(fault));
    else rmSync(path, { force: true });
  }

  /** The mutating calls since the last time this was asked. */
  takeCalls(): string[] {
    const path = join(this.folder, "calls.log");
    const calls = readFileSync(path, "utf8").split("\n").slice(0, -1);
    writeFileSync(path, "");
    return calls;
  }

  async run(
    command: string,
    flags: readonly string[] = goodFlags,
    environment: NodeJS.ProcessEnv = {},
  ): Promise<Outcome> {
    const outcome = { output: "", errors: "" };
    const code = await runEgress([command, "--ready-seconds=10", ...flags], {
      environment: { ...this.#environment, ...environment },
      startupScript: { path: startupScript, text: readFileSync(startupScript, "utf8") },
      print: (line) => {
        outcome.output += `${line}\n`;
      },
      complain: (line) => {
        outcome.errors += `${line}\n`;
      },
      sleep: async () => {},
      runProgram: (name, args, variables, input) =>
        name === "gcloud" && !this.usesPrograms ? this.#gcloud(args) : runProgram(name, args, variables, input),
    });
    return { code, ...outcome };
  }

  /** The fake without a process of its own: the same answers, sooner. */
  async #gcloud(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    try {
      return { code: 0, stdout: fakeGcloud(args, this.folder).stdout, stderr: "" };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { code: error.code, stdout: "", stderr: error.message };
    }
  }

  /** In a process of its own, which a fault may kill. */
  async runApart(command: string, flags: readonly string[] = goodFlags): Promise<number> {
    const entry = join(here, "../../../infra/egress/main.js");
    const wrapped = [
      "-c",
      `cd '${projectFolder}' && exec '${process.execPath}' '${entry}' "$@"`,
      "egress",
      command,
      ...flags,
    ];
    return (await runProgram("sh", wrapped, { ...this.#environment })).code;
  }
}

/** A project with one public cluster, and nothing of ours. */
export function emptyCloud(): Cloud {
  const base = "https://www.googleapis.com/compute/v1/projects/demo-project";
  return {
    clusters: [
      {
        name: "shop",
        location: "europe-west1",
        network: "default",
        subnetwork: "default",
        endpoint: "34.76.1.2",
        clusterIpv4Cidr: "10.8.0.0/14",
        ipAllocationPolicy: { useIpAliases: true, clusterIpv4CidrBlock: "10.8.0.0/14" },
        nodePools: [
          {
            name: "main",
            instanceGroupUrls: [`${base}/zones/europe-west1-b/instanceGroupManagers/gke-shop-main-grp`],
            networkConfig: { podIpv4CidrBlock: "10.8.0.0/14", enablePrivateNodes: false },
          },
        ],
      },
    ],
    subnets: [
      {
        name: "default",
        region: `${base}/regions/europe-west1`,
        network: `${base}/global/networks/default`,
        ipCidrRange: "10.132.0.0/20",
        secondaryIpRanges: [{ rangeName: "pods", ipCidrRange: "10.8.0.0/14" }],
      },
    ],
    addresses: [],
    instances: [],
    firewallRules: [],
    routes: [
      { name: "default-route", network: `${base}/global/networks/default`, destRange: "0.0.0.0/0", priority: 1000 },
    ],
    templates: [{ name: "gke-shop-main-template", properties: { tags: { items: [nodeTag] } } }],
    groups: [
      {
        name: "gke-shop-main-grp",
        zone: `${base}/zones/europe-west1-b`,
        instanceTemplate: `${base}/global/instanceTemplates/gke-shop-main-template`,
      },
    ],
    healthChecks: [],
    startup: "boot\nnat-startup: ready interface=ens4 backend=nft\n",
    flows: 0,
    newFlows: 1,
  };
}
