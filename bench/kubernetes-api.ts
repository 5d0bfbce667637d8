/** The pods whose logs the tail rows read, as an API server tells of them. */

import { KubernetesApiServer } from "../test/support/kubernetes-api-server.ts";

export const NAMESPACE = "shop";

export function podName(index: number): string {
  return `checkout-7d9f8b6c5-x2x7${index}`;
}

/** Listens on a free port; the caller closes it. */
export async function startKubernetesApi(pods: number): Promise<KubernetesApiServer> {
  const api = new KubernetesApiServer();
  const uid = (index: number) => `5d0b7c3a-0000-4000-8000-${String(index).padStart(12, "0")}`;
  api.put({ kind: "Namespace", metadata: { name: NAMESPACE, uid: uid(0), labels: { team: "orders" } } });
  for (let index = 0; index < pods; index++) {
    const name = podName(index);
    const labels = { app: "checkout", "pod-template-hash": "7d9f8b6c5", version: "v1.42" };
    const containers = [{ name: "checkout", image: "registry.example/checkout:1.42" }];
    const containerStatuses = containers.map((container) => ({ ...container, imageID: "sha256:42", containerID: "" }));
    api.put({
      kind: "Pod",
      metadata: { name, namespace: NAMESPACE, uid: uid(index + 1), labels },
      spec: { nodeName: "gke-pool-1-4f2a", containers },
      status: { podIP: `10.8.0.${index + 2}`, hostIP: "10.0.0.2", containerStatuses },
    });
  }
  return api.listen();
}
