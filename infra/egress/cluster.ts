/** What the clusters and the network say: node tags, source ranges, who is private. */

import { EgressError } from "./egress-error.ts";
import type { Gcloud } from "./gcloud.ts";
import { lastPart } from "./resource/resource.ts";
import type { ClusterName, Settings } from "./settings.ts";

export interface NodePool {
  readonly name: string;
  readonly isPrivate: boolean;
}

export interface Cluster {
  readonly name: string;
  readonly location: string;
  readonly network: string;
  readonly subnet: string;
  readonly endpoints: readonly string[];
  readonly isAutopilot: boolean;
  readonly isVpcNative: boolean;
  readonly pools: readonly NodePool[];
}

export interface Subnet {
  readonly name: string;
  readonly region: string;
  readonly ranges: readonly string[];
}

/** Everything that the wanted state depends on besides the settings. */
export interface Surroundings {
  readonly clusters: readonly Cluster[];
  readonly network: string;
  readonly subnet: string;
  readonly nodeTags: readonly string[];
  /** Node subnets and pod ranges: whose packets the NAT VM may carry. */
  readonly sourceRanges: readonly string[];
  readonly podRanges: readonly string[];
  readonly subnets: readonly Subnet[];
}

interface ClusterJson {
  name: string;
  location: string;
  network?: string;
  subnetwork?: string;
  networkConfig?: { network?: string; subnetwork?: string; defaultEnablePrivateNodes?: boolean };
  endpoint?: string;
  privateClusterConfig?: { enablePrivateNodes?: boolean; privateEndpoint?: string; publicEndpoint?: string };
  clusterIpv4Cidr?: string;
  ipAllocationPolicy?: {
    useIpAliases?: boolean;
    clusterIpv4CidrBlock?: string;
    additionalPodRangesConfig?: { podRangeNames?: string[] };
  };
  autopilot?: { enabled?: boolean };
  nodePools?: NodePoolJson[];
}

interface NodePoolJson {
  name: string;
  instanceGroupUrls?: string[];
  networkConfig?: { podIpv4CidrBlock?: string; enablePrivateNodes?: boolean; subnetwork?: string };
}

interface SubnetJson {
  name: string;
  region: string;
  network: string;
  ipCidrRange?: string;
  secondaryIpRanges?: { rangeName: string; ipCidrRange: string }[];
}

/** Reads the clusters, their node tags and the network's subnets. Throws EgressError. */
export async function readSurroundings(gcloud: Gcloud, settings: Settings): Promise<Surroundings> {
  const [all, subnetJson] = await Promise.all([
    gcloud.json<ClusterJson[]>(["container", "clusters", "list"]),
    gcloud.json<SubnetJson[]>(["compute", "networks", "subnets", "list"]),
  ]);
  const found = settings.clusters.map((wanted) => pick(all, wanted));
  const clusters = found.map(clusterOf);
  const network = settings.network ?? clusters[0]?.network ?? "default";
  for (const cluster of clusters) {
    if (cluster.network !== network) {
      throw new EgressError(
        `The cluster ${cluster.name} is in the network ${cluster.network}, not in ${network}: one NAT VM serves one network.`,
      );
    }
  }
  const ofNetwork = subnetJson.filter((subnet) => lastPart(subnet.network) === network);
  const nodeTags =
    settings.nodeTags.length > 0
      ? settings.nodeTags
      : (await Promise.all(found.map((cluster) => nodeTagOf(gcloud, cluster)))).sort();
  const podRanges = unique(found.flatMap((cluster) => podRangesOf(cluster, ofNetwork)));
  return {
    clusters,
    network,
    subnet: settings.subnet ?? subnetIn(ofNetwork, clusters, settings.region),
    nodeTags: unique(nodeTags),
    podRanges,
    sourceRanges: unique([...found.flatMap((cluster) => nodeRangesOf(cluster, ofNetwork)), ...podRanges]),
    subnets: ofNetwork.map((subnet) => ({
      name: subnet.name,
      region: lastPart(subnet.region),
      ranges: [subnet.ipCidrRange ?? [], ...(subnet.secondaryIpRanges ?? []).map((range) => range.ipCidrRange)].flat(),
    })),
  };
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}

function pick(all: readonly ClusterJson[], wanted: ClusterName): ClusterJson {
  const named = all.filter((cluster) => cluster.name === wanted.name);
  const matches = named.filter((cluster) => wanted.location === undefined || cluster.location === wanted.location);
  if (matches.length > 1) {
    const places = matches.map((cluster) => `${wanted.name}@${cluster.location}`).join(" and ");
    throw new EgressError(`There are ${matches.length} clusters named ${wanted.name}; say which: ${places}.`);
  }
  const [match] = matches;
  if (match) return match;
  const known = all.map((cluster) => `${cluster.name}@${cluster.location}`).join(", ") || "none";
  throw new EgressError(
    `There is no cluster ${wanted.name}${wanted.location ? `@${wanted.location}` : ""} in the project; it has: ${known}.`,
  );
}

function clusterOf(json: ClusterJson): Cluster {
  const privateByDefault =
    json.networkConfig?.defaultEnablePrivateNodes ?? json.privateClusterConfig?.enablePrivateNodes ?? false;
  const { privateClusterConfig: priv } = json;
  return {
    name: json.name,
    location: json.location,
    network: lastPart(json.networkConfig?.network ?? json.network ?? "default"),
    subnet: lastPart(json.networkConfig?.subnetwork ?? json.subnetwork ?? "default"),
    endpoints: unique(
      [json.endpoint, priv?.publicEndpoint, priv?.privateEndpoint].filter((text) => text !== undefined),
    ),
    isAutopilot: json.autopilot?.enabled ?? false,
    isVpcNative: json.ipAllocationPolicy?.useIpAliases ?? false,
    pools: (json.nodePools ?? []).map((pool) => ({
      name: pool.name,
      isPrivate: pool.networkConfig?.enablePrivateNodes ?? privateByDefault,
    })),
  };
}

function podRangesOf(json: ClusterJson, subnets: readonly SubnetJson[]): string[] {
  const policy = json.ipAllocationPolicy;
  const named = policy?.additionalPodRangesConfig?.podRangeNames ?? [];
  const secondary = subnets.flatMap((subnet) => subnet.secondaryIpRanges ?? []);
  const missing = named.find((name) => !secondary.some((range) => range.rangeName === name));
  if (missing)
    throw new EgressError(`The pod range ${missing} of the cluster ${json.name} is in no subnet of its network.`);
  return [
    policy?.clusterIpv4CidrBlock ?? json.clusterIpv4Cidr,
    ...(json.nodePools ?? []).map((pool) => pool.networkConfig?.podIpv4CidrBlock),
    ...secondary.filter((range) => named.includes(range.rangeName)).map((range) => range.ipCidrRange),
  ].filter((text): text is string => text !== undefined && text !== "");
}

function nodeRangesOf(json: ClusterJson, subnets: readonly SubnetJson[]): string[] {
  const names = [
    json.networkConfig?.subnetwork ?? json.subnetwork ?? "default",
    ...(json.nodePools ?? []).flatMap((pool) => pool.networkConfig?.subnetwork ?? []),
  ].map(lastPart);
  const region = json.location.replace(/-[a-z]$/, "");
  const ranges = subnets
    .filter((subnet) => names.includes(subnet.name) && lastPart(subnet.region) === region)
    .map((subnet) => subnet.ipCidrRange ?? []);
  if (ranges.length === 0) {
    throw new EgressError(
      `The subnet ${names[0]} of the cluster ${json.name} cannot be read; is it in another (Shared VPC) project?`,
    );
  }
  return ranges.flat();
}

/** Where the VM stands: the cluster's subnet when it is in the VM's region, else any subnet of the network there. */
function subnetIn(subnets: readonly SubnetJson[], clusters: readonly Cluster[], region: string): string {
  const here = subnets.filter((subnet) => lastPart(subnet.region) === region);
  const chosen = here.find((subnet) => clusters.some((cluster) => cluster.subnet === subnet.name)) ?? here[0];
  if (!chosen) throw new EgressError(`The network has no subnet in ${region}; choose a zone in a region that has one.`);
  return chosen.name;
}

/** GKE puts one tag of this form on every node of a cluster; firewall rule and route are limited to it. */
const nodeTagForm = /^gke-.*-[0-9a-f]{8}-node$/;

async function nodeTagOf(gcloud: Gcloud, cluster: ClusterJson): Promise<string> {
  const help = "name it with --node-tags.";
  const group = cluster.nodePools?.flatMap((pool) => pool.instanceGroupUrls ?? [])[0];
  if (!group)
    throw new EgressError(`The cluster ${cluster.name} shows no instance group, so its node tag is unknown; ${help}`);
  const place = /\/(zones|regions)\/([^/]+)\//.exec(group);
  const flag = place?.[1] === "regions" ? `--region=${place[2]}` : `--zone=${place?.[2]}`;
  const { instanceTemplate } = await gcloud.json<{ instanceTemplate: string }>([
    ...["compute", "instance-groups", "managed", "describe", lastPart(group), flag],
  ]);
  const region = /\/regions\/([^/]+)\//.exec(instanceTemplate)?.[1];
  const template = await gcloud.json<{ properties?: { tags?: { items?: string[] } } }>([
    ...[
      "compute",
      "instance-templates",
      "describe",
      lastPart(instanceTemplate),
      ...(region ? [`--region=${region}`] : []),
    ],
  ]);
  const tags = (template.properties?.tags?.items ?? []).filter((tag) => nodeTagForm.test(tag));
  if (tags.length !== 1 || tags[0] === undefined) {
    throw new EgressError(`The nodes of ${cluster.name} bear ${tags.length} tags of the form gke-…-node; ${help}`);
  }
  return tags[0];
}
