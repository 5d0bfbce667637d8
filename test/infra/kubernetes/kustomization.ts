/**
 * Renders the part of kustomize that infra/kubernetes uses, so that the manifests are checked where kubectl is missing:
 * resources, namespace, images, generators (without the hash in names), and patches that replace whole lists.
 */

import { readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { parse } from "yaml";

export type Manifest = Record<string, any> & { kind: string; metadata: { name: string; namespace?: string } };

interface Generator {
  name: string;
  behavior?: string;
  files?: string[];
  literals?: string[];
}

const clusterWide = ["Namespace", "ClusterRole", "ClusterRoleBinding", "PriorityClass"];

/** Every manifest of a kustomization folder. Throws on a field that it does not know. */
export function render(folder: string): Manifest[] {
  const { apiVersion, kind, namespace, resources, configMapGenerator, secretGenerator, images, patches, ...unknown } =
    parse(readFileSync(join(folder, "kustomization.yaml"), "utf8"));
  if (apiVersion !== "kustomize.config.k8s.io/v1beta1" || kind !== "Kustomization" || Object.keys(unknown).length > 0) {
    throw new Error(`${folder}: unknown fields ${Object.keys(unknown)}`);
  }
  const manifests: Manifest[] = (resources as string[]).flatMap((path) => {
    const full = join(folder, path);
    return statSync(full).isDirectory() ? render(full) : [parse(readFileSync(full, "utf8")) as Manifest];
  });
  for (const generator of (configMapGenerator ?? []) as Generator[])
    generate(manifests, folder, "ConfigMap", generator);
  for (const generator of (secretGenerator ?? []) as Generator[]) generate(manifests, folder, "Secret", generator);
  for (const { path } of (patches ?? []) as { path: string }[]) {
    const patch = parse(readFileSync(join(folder, path), "utf8")) as Manifest;
    const target = manifests.find((one) => one.kind === patch.kind && one.metadata.name === patch.metadata.name);
    if (!target) throw new Error(`${path}: there is no ${patch.kind} ${patch.metadata.name}`);
    merge(target, patch);
  }
  for (const manifest of manifests) {
    if (!clusterWide.includes(manifest.kind)) manifest.metadata.namespace = namespace;
    for (const container of manifest.spec?.template?.spec?.containers ?? []) {
      const image = (images ?? []).find((one: { name: string }) => container.image.split(":")[0] === one.name);
      if (image) container.image = `${image.newName}:${image.newTag}`;
    }
  }
  return manifests;
}

function generate(manifests: Manifest[], folder: string, kind: string, generator: Generator): void {
  const encode = (text: string) => (kind === "Secret" ? Buffer.from(text).toString("base64") : text);
  const data = Object.fromEntries([
    ...(generator.files ?? []).map((path) => [basename(path), encode(readFileSync(join(folder, path), "utf8"))]),
    ...(generator.literals ?? []).map((pair) => [pair.split("=")[0], encode(pair.slice(pair.indexOf("=") + 1))]),
  ]);
  const there = manifests.find((one) => one.kind === kind && one.metadata.name === generator.name);
  if (generator.behavior === "merge" && there) Object.assign(there.data, data);
  else if (generator.behavior || there)
    throw new Error(`${kind} ${generator.name}: ${generator.behavior ?? "made twice"}`);
  else
    manifests.push({
      apiVersion: "v1",
      kind,
      metadata: { name: generator.name },
      data,
      ...(kind === "Secret" ? { type: "Opaque" } : {}),
    });
}

function merge(target: Record<string, any>, patch: Record<string, any>): void {
  for (const [key, value] of Object.entries(patch)) {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) merge((target[key] ??= {}), value);
    else target[key] = value;
  }
}
