/** Every overlay renders, fits the Kubernetes API, and keeps our rules. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { suiroEntry } from "../../support/suiro.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { projectFolder } from "../egress/fake-project.ts";
import { type Manifest, render } from "./kustomization.ts";

const overlays = ["gke", "gke-egress", "local"] as const;

/** A copy with the files that are kept out of git. */
function copyOf(): string {
  const folder = temporaryFolder();
  cpSync(join(projectFolder, "infra/kubernetes"), folder, { recursive: true });
  for (const [place, names] of [
    ["base/secret", ["shared_key", "ca.pem"]],
    ["overlays/local/secret", ["server.pem", "server-key.pem"]],
  ] as const) {
    rmSync(join(folder, place), { recursive: true, force: true });
    mkdirSync(join(folder, place));
    for (const name of names) writeFileSync(join(folder, place, name), `content of ${name}\n`);
  }
  return folder;
}

/** The types of the Kubernetes API, and from which of its modules. Source: kubernetes-types, made from its OpenAPI. */
const modules: Record<string, string> = {
  "v1/ConfigMap": "core/v1",
  "v1/Secret": "core/v1",
  "v1/Namespace": "core/v1",
  "v1/Service": "core/v1",
  "v1/ServiceAccount": "core/v1",
  "apps/v1/DaemonSet": "apps/v1",
  "apps/v1/Deployment": "apps/v1",
  "networking.k8s.io/v1/NetworkPolicy": "networking/v1",
  "rbac.authorization.k8s.io/v1/ClusterRole": "rbac/v1",
  "rbac.authorization.k8s.io/v1/ClusterRoleBinding": "rbac/v1",
  "scheduling.k8s.io/v1/PriorityClass": "scheduling/v1",
};

/** What TypeScript says of manifests as values of the API's types: unknown fields, missing ones, wrong kinds of value. */
function schemaErrors(manifests: readonly Manifest[]): string {
  const lines = manifests.map((manifest, index) => {
    const module = modules[`${manifest.apiVersion}/${manifest.kind}`];
    assert.ok(module, `${manifest.apiVersion}/${manifest.kind} is no type that is known here`);
    const type = `import("kubernetes-types/${module}").${manifest.kind}`;
    return `export const manifest${index}: ${type} = ${JSON.stringify(manifest, null, 1)};`;
  });
  const folder = join(projectFolder, "build", `manifests-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    writeFileSync(join(folder, "manifests.ts"), lines.join("\n"));
    const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "esnext", "--moduleResolution", "bundler"];
    const compiler = join(projectFolder, "node_modules/typescript/bin/tsc");
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [compiler, "--ignoreConfig", ...options, "--types", "", join(folder, "manifests.ts")],
      { encoding: "utf8", cwd: folder },
    );
    return `${stdout}${stderr}`.trim();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const one = (manifests: readonly Manifest[], kind: string, name = "suiro") => {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  assert.ok(found, `there is no ${kind} ${name}`);
  return found;
};

const noKubectl = spawnSync("kubectl", ["kustomize", "--help"]).status !== 0 && "kubectl is not installed here";

for (const overlay of overlays) {
  test(`${overlay}: fits the Kubernetes API`, () => {
    assert.equal(schemaErrors(render(join(copyOf(), "overlays", overlay))), "");
  });

  test(`${overlay}: kubectl renders the same`, { skip: noKubectl }, () => {
    const folder = join(copyOf(), "overlays", overlay);
    const { status, stdout, stderr } = spawnSync("kubectl", ["kustomize", folder], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    const hashed = /\b(suiro-config|suiro-settings|suiro-forward|receiver-config|receiver-certificate)-[a-z0-9]{10}\b/g;
    const theirs = parseAllDocuments(stdout.replace(hashed, "$1")).map((document) => document.toJS() as Manifest);
    const sorted = (manifests: readonly Manifest[]) =>
      [...manifests].sort((a, b) => `${a.kind}/${a.metadata.name}`.localeCompare(`${b.kind}/${b.metadata.name}`));
    assert.deepEqual(sorted(render(folder)), sorted(theirs));
    assert.match(stdout, /name: suiro-config-[a-z0-9]{10}/, "a changed configuration must roll the pods");
  });

  test(`${overlay}: every container keeps to the restricted profile`, () => {
    const manifests = render(join(copyOf(), "overlays", overlay));
    for (const manifest of manifests.filter((each) => each.spec?.template)) {
      const pod = manifest.spec.template.spec;
      assert.equal(pod.securityContext.seccompProfile.type, "RuntimeDefault");
      for (const key of ["hostNetwork", "hostPID", "hostIPC"]) assert.equal(pod[key], undefined);
      for (const container of pod.containers) {
        const rights = container.securityContext;
        assert.equal(rights.allowPrivilegeEscalation, false);
        assert.equal(rights.readOnlyRootFilesystem, true);
        assert.notEqual(rights.privileged, true);
        assert.deepEqual(rights.capabilities, { drop: ["ALL"] });
        assert.ok(container.resources.requests.memory && container.resources.limits.memory);
        assert.ok(container.readinessProbe);
        assert.doesNotMatch(container.image, /:latest$|^[^:]+$/);
      }
    }
  });

  test(`${overlay}: the agent runs on every node, and a rolling update loses nothing`, (_context) => {
    const daemonSet = one(render(join(copyOf(), "overlays", overlay)), "DaemonSet");
    const { updateStrategy, template } = daemonSet.spec;
    assert.deepEqual(updateStrategy, { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } });
    assert.deepEqual(template.spec.tolerations, [{ operator: "Exists" }]);
    const buffer = template.spec.volumes.find((volume: { name: string }) => volume.name === "buffer");
    assert.deepEqual(buffer.hostPath, { path: "/var/lib/suiro", type: "DirectoryOrCreate" });
    const writable = template.spec.containers[0].volumeMounts.filter(
      (mount: { readOnly?: boolean }) => !mount.readOnly,
    );
    assert.deepEqual(
      writable.map((mount: { mountPath: string }) => mount.mountPath),
      ["/fluentd/buffer", "/tmp"],
    );
    const drainSeconds = Number(/shutdown_timeout (\d+)/.exec(configOf("fluent.conf"))?.[1]);
    assert.ok(drainSeconds > 0 && drainSeconds + 10 <= template.spec.terminationGracePeriodSeconds);
    for (const name of ["startupProbe", "readinessProbe", "livenessProbe"])
      assert.ok(template.spec.containers[0][name]);
    const [{ ports, ...probes }] = template.spec.containers;
    const health = ports.find((port: { name: string }) => port.name === "health").containerPort;
    assert.ok(configOf("fluent.conf").includes(`health_endpoint ${health}\n`));
    assert.deepEqual(probes.startupProbe.httpGet, { path: "/healthz", port: "health" });
    assert.deepEqual(probes.livenessProbe.httpGet, { path: "/healthz", port: "health" });
    assert.deepEqual(probes.readinessProbe.httpGet, { path: "/readyz", port: "health" });
    const metrics = ports.find((port: { name: string }) => port.name === "metrics").containerPort;
    assert.equal(template.metadata.annotations["prometheus.io/port"], String(metrics));
    assert.ok(configOf("metrics.conf").includes(`port ${metrics}\n`));
  });

  test(`${overlay}: names agree, and rights are those that kubernetes_metadata needs`, () => {
    const manifests = render(join(copyOf(), "overlays", overlay));
    const daemonSet = one(manifests, "DaemonSet");
    const pod = daemonSet.spec.template;
    for (const kind of ["Service", "NetworkPolicy"]) {
      const { spec } = one(manifests, kind);
      assert.deepEqual(spec.selector ?? spec.podSelector.matchLabels, pod.metadata.labels);
    }
    assert.equal(one(manifests, "Service").spec.internalTrafficPolicy, "Local");
    one(manifests, "ServiceAccount", pod.spec.serviceAccountName);
    one(manifests, "PriorityClass", pod.spec.priorityClassName);
    assert.deepEqual(one(manifests, "ClusterRole").rules, [
      { apiGroups: [""], resources: ["pods", "namespaces"], verbs: ["get", "list", "watch"] },
    ]);
    for (const volume of pod.spec.volumes) {
      if (volume.configMap) one(manifests, "ConfigMap", volume.configMap.name);
      if (volume.secret) one(manifests, "Secret", volume.secret.secretName);
    }
    const names = manifests.map((manifest) => `${manifest.kind}/${manifest.metadata.name}`);
    assert.equal(new Set(names).size, names.length);
  });
}

test("gke-egress lets the agent send to the on-prem range alone", () => {
  const manifests = render(join(copyOf(), "overlays/gke-egress"));
  const { egress } = one(manifests, "NetworkPolicy").spec;
  const open = egress
    .filter((rule: { to?: unknown }) => !rule.to)
    .flatMap((rule: any) => rule.ports.map((port: any) => port.port));
  assert.deepEqual(open, [53, 53, 443]);
  const [{ to, ports }] = egress.filter((rule: { to?: unknown }) => rule.to);
  assert.deepEqual(to, [{ ipBlock: { cidr: "198.51.100.0/24" } }]);
  assert.deepEqual(ports, [{ port: 24224, protocol: "TCP" }]);
  assert.equal(one(manifests, "ConfigMap", "suiro-settings").data.RECEIVER_HOST, "198.51.100.10");
});

test("a mistyped field is caught", () => {
  const manifests = render(join(copyOf(), "overlays/gke"));
  one(manifests, "DaemonSet").spec.template.spec.containers[0].livenesProbe = {};
  assert.match(schemaErrors(manifests), /livenesProbe/);
});

test("no secret is in the tree", () => {
  const { stdout } = spawnSync("git", ["ls-files", "infra"], { cwd: projectFolder, encoding: "utf8" });
  assert.doesNotMatch(stdout, /secret\/|certificates\/|\.pem$/);
});

function configOf(name: string): string {
  return readFileSync(join(copyOf(), "base/config", name), "utf8");
}

test("the configuration is one that Suiro runs", () => {
  const folder = join(copyOf(), "base/config");
  const output = readFileSync(join(folder, "output.conf"), "utf8");
  const made = spawnSync("bash", [join(projectFolder, "infra/receiver/make-certificate.sh")], {
    env: { ...process.env, RECEIVER_CERTIFICATES: join(folder, "tls") },
  });
  assert.equal(made.status, 0);
  writeFileSync(
    join(folder, "output.conf"),
    output.replaceAll("/fluentd/tls", join(folder, "tls")).replaceAll("/fluentd/buffer", join(folder, "buffer")),
  );
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [suiroEntry, "check", "-c", join(folder, "fluent.conf")],
    {
      env: { ...process.env, SUIRO_SHARED_KEY: "key", RECEIVER_HOST: "198.51.100.10", RECEIVER_PORT: "24224" },
      encoding: "utf8",
    },
  );
  assert.equal(status, 0, stdout + stderr);
});
