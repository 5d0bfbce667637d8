/** Whether the managed way, private nodes behind Cloud NAT, is open; the NAT VM is for clusters where it is not. */

import type { Surroundings } from "./cluster.ts";
import type { Settings } from "./settings.ts";
import { shellCommand } from "./shell-text.ts";

export interface Advice {
  /** `open`: every node is private already. `mixed`: some. `convertible`: none, but GKE can convert the pools. */
  readonly managedWay: "open" | "mixed" | "convertible" | "closed";
  readonly lines: readonly string[];
  readonly commands: readonly string[];
}

export function advise(settings: Settings, around: Surroundings): Advice {
  const pools = around.clusters.flatMap((cluster) => cluster.pools.map((pool) => ({ ...pool, cluster })));
  const publicPools = pools.filter((pool) => !pool.isPrivate);
  const nat = natCommands(settings, around);
  if (pools.length > 0 && publicPools.length === 0) {
    return {
      managedWay: "open",
      lines: [
        "Every node pool is private: Cloud NAT gives these nodes one fixed address without any VM.",
        "`up` stops here; --force builds the NAT VM all the same.",
      ],
      commands: nat,
    };
  }
  const convertible = publicPools.every((pool) => pool.cluster.isVpcNative);
  const names = publicPools.map((pool) => `${pool.cluster.name}/${pool.name}`).join(", ");
  const convert = publicPools.map((pool) =>
    pool.cluster.isAutopilot
      ? text(settings, [
          "container",
          "clusters",
          "update",
          pool.cluster.name,
          "--enable-private-nodes",
          at(pool.cluster),
        ])
      : text(settings, [
          ...["container", "node-pools", "update", pool.name, `--cluster=${pool.cluster.name}`],
          ...["--enable-private-nodes", at(pool.cluster)],
        ]),
  );
  const mixed = publicPools.length < pools.length;
  return {
    managedWay: !convertible ? "closed" : mixed ? "mixed" : "convertible",
    lines: [
      `Public nodes: ${names}. Cloud NAT never serves a node that has an external address.`,
      convertible
        ? "GKE can convert these pools to private nodes; it recreates the nodes. Before that: Cloud NAT for image pulls, and nothing that relies on the nodes' own external addresses."
        : "A cluster that is not VPC-native cannot have private nodes.",
      "Where that is not wanted, the NAT VM is the way: `plan`, then `up`.",
    ],
    commands: convertible ? [...nat, ...new Set(convert)] : [],
  };
}

function at(cluster: { location: string }): string {
  return `--location=${cluster.location}`;
}

function text(settings: Settings, command: readonly string[]): string {
  return shellCommand(command, settings.project);
}

function natCommands(settings: Settings, around: Surroundings): string[] {
  const { name, region } = settings;
  const subnets = [...new Set(around.clusters.map((cluster) => `${cluster.subnet}:ALL`))].join(",");
  return [
    ["compute", "addresses", "create", `${name}-ip`, `--region=${region}`, "--network-tier=PREMIUM"],
    ["compute", "routers", "create", `${name}-router`, `--network=${around.network}`, `--region=${region}`],
    [
      ...["compute", "routers", "nats", "create", `${name}-nat`, `--router=${name}-router`, `--region=${region}`],
      ...[`--nat-external-ip-pool=${name}-ip`, `--nat-custom-subnet-ip-ranges=${subnets}`],
    ],
  ].map((command) => text(settings, command));
}
