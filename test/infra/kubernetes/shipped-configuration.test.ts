/**
 * The configuration of infra/kubernetes as its pods run it, with a container's log, a Kubernetes API over HTTPS and a real
 * fluentd behind TLS; only the paths are others. A rolling update in the middle, while the receiver is away, loses nothing.
 */

import assert from "node:assert/strict";
import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CertificateAuthority } from "../../../src/tls/certificate-authority.ts";
import { ChildProgram } from "../../support/child-program.ts";
import { eventually } from "../../support/eventually.ts";
import { withoutFluentd } from "../../support/fluentd.ts";
import { freePort } from "../../support/free-port.ts";
import { KubernetesApiServer } from "../../support/kubernetes-api-server.ts";
import { startSuiro } from "../../support/suiro.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { projectFolder } from "../egress/fake-project.ts";

const ID = "c".repeat(64);

async function kubernetesApi(folder: string): Promise<KubernetesApiServer> {
  const authority = await CertificateAuthority.create({ commonName: "Cluster CA" });
  const issued = await authority.issue({ commonName: "kubernetes", names: ["127.0.0.1"] });
  mkdirSync(join(folder, "serviceaccount"));
  writeFileSync(join(folder, "serviceaccount/ca.crt"), authority.certificatePem);
  writeFileSync(join(folder, "serviceaccount/token"), "pod-token");
  const tls = { cert: issued.certificatePem, key: issued.privateKeyPem };
  const api = new KubernetesApiServer({ tls, token: () => "pod-token" });
  api.put({ kind: "Namespace", metadata: { name: "shop", uid: "ns-1", creationTimestamp: "2023-01-01T00:00:00Z" } });
  const containerStatuses = [{ name: "app", image: "shop:1", imageID: "", containerID: `containerd://${ID}` }];
  api.put({
    kind: "Pod",
    metadata: { name: "web", namespace: "shop", uid: "uid-1", labels: { app: "web" } },
    spec: { nodeName: "node-1" },
    status: { podIP: "10.0.0.1", containerStatuses },
  });
  return api.listen();
}

/** The shipped files, with places of this test instead of the pod's. */
async function configuration(folder: string) {
  const ports = { 24224: await freePort(), 24229: await freePort(), 24231: await freePort() };
  const config = join(folder, "etc");
  cpSync(join(projectFolder, "infra/kubernetes/base/config"), config, { recursive: true });
  for (const name of readdirSync(config)) {
    const text = readFileSync(join(config, name), "utf8")
      .replaceAll("/fluentd/", `${folder}/`)
      .replaceAll("/var/log/", `${folder}/var/log/`)
      .replace("@type kubernetes_metadata", `@type kubernetes_metadata\n  secret_dir ${folder}/serviceaccount`)
      .replace(
        /\b(port|health_endpoint) (24224|24229|24231)\b/,
        (_, name, port: keyof typeof ports) => `${name} ${ports[port]}`,
      )
      .replace("bind 0.0.0.0", "bind 127.0.0.1");
    writeFileSync(join(config, name), text);
  }
  return { path: join(config, "fluent.conf"), ports };
}

test("a container's lines arrive with the fields of their pod, through an update while the receiver is away", {
  skip: withoutFluentd,
}, async (context) => {
  const folder = temporaryFolder();
  const receiverPort = await freePort();
  const api = await kubernetesApi(folder);
  context.after(() => api.close());
  const startReceiver = async () => {
    const receiver = ChildProgram.start(process.execPath, [join(projectFolder, "infra/receiver/receiver.mjs")], {
      ...process.env,
      RECEIVER_CERTIFICATES: join(folder, "tls"),
      RECEIVER_PORT: String(receiverPort),
    });
    context.after(() => receiver.stop());
    await receiver.waitFor("fluentd worker is now running");
    return receiver;
  };
  const first = await startReceiver();
  const path = join(folder, `var/log/containers/web_shop_app-${ID}.log`);
  mkdirSync(join(folder, "var/log/containers"), { recursive: true });
  const write = (from: number, to: number) => {
    const lines = Array.from(
      { length: to - from },
      (_, index) => `2023-11-14T22:13:20.5Z stdout F line-${from + index}-\n`,
    );
    appendFileSync(path, lines.join(""));
  };
  write(0, 500);

  const { path: config, ports } = await configuration(folder);
  const environment = {
    SUIRO_SHARED_KEY: /KEY=(\w+)/.exec(readFileSync(join(folder, "tls/receiver.env"), "utf8"))?.[1],
    RECEIVER_HOST: "127.0.0.1",
    RECEIVER_PORT: String(receiverPort),
    K8S_NODE_NAME: "node-1",
    NODE_NAME: "node-1",
    KUBERNETES_SERVICE_HOST: "127.0.0.1",
    KUBERNETES_SERVICE_PORT: new URL(api.url).port,
  };
  const old = await startSuiro(config, [], environment);
  context.after(() => old.stop());
  await first.waitFor("line-499-");
  await first.stop();

  write(500, 1000);
  const buffered = () =>
    readdirSync(join(folder, "buffer"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".log"))
      .map((name) => readFileSync(join(folder, "buffer", name), "latin1"))
      .join("");
  await eventually(() => buffered().includes("line-999-"));
  assert.equal(await old.stop(), 0, old.output);

  write(1000, 1500); // while no agent runs on the node
  const second = await startReceiver();
  const next = await startSuiro(config, [], environment);
  context.after(() => next.stop());
  await second.waitFor((output) => new Set(output.match(/line-\d+-/g)).size >= 1000);

  const ask = async (port: number, path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return [response.status, await response.text()] as const;
  };
  assert.deepEqual(await ask(ports[24229], "/healthz"), [200, "ok\n"]);
  assert.deepEqual(await ask(ports[24229], "/readyz"), [200, "ok\n"]);
  assert.match((await ask(ports[24231], "/metrics"))[1], /suiro_delivered_events_total\{plugin_id="out_receiver"/);

  const seen = (output: string) => (output.match(/line-\d+-/g) ?? []).map((line) => Number(line.slice(5, -1)));
  const wanted = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
  assert.deepEqual([...new Set(seen(first.output))], wanted(0, 500));
  const later = seen(second.output).sort((one, other) => one - other);
  assert.deepEqual(later, wanted(500, 1500), "each once");
  const line = second.output.split("\n").find((text) => text.includes("line-1499-")) ?? "";
  assert.match(line, /kubernetes\..*\.var\.log\.containers\.web_shop_app-/);
  const { kubernetes, message } = JSON.parse(line.slice(line.indexOf("{")));
  assert.equal(message, "line-1499-");
  assert.deepEqual([kubernetes.pod_id, kubernetes.host, kubernetes.labels], ["uid-1", "node-1", { app: "web" }]);
  assert.deepEqual([kubernetes.namespace_id, kubernetes.container_image], ["ns-1", "shop:1"]);
});
