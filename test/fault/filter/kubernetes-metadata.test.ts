/** kubernetes_metadata and an API that is away, silent, behind, forgetful, or not what it seems. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer as createHttpServer, type ServerResponse } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { pipeline, Readable } from "node:stream";
import { after, test } from "node:test";
import { readSectionOrThrow } from "../../../src/config/parameters.ts";
import { ConfigError } from "../../../src/errors.ts";
import { EventStream } from "../../../src/event/event-stream.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { kubernetesMetadataFilter } from "../../../src/filter/kubernetes-metadata.ts";
import type { Filter } from "../../../src/plugin.ts";
import { TestCertificates } from "../../support/certificates.ts";
import { eventually } from "../../support/eventually.ts";
import {
  type ApiServerOptions,
  KubernetesApiServer,
  type KubernetesObject,
} from "../../support/kubernetes-api-server.ts";
import { type ManualClock, settle } from "../../support/manual-clock.ts";
import type { MemoryLog } from "../../support/memory-log.ts";
import { parsedElement } from "../../support/parsed-config.ts";
import { pluginContext } from "../../support/plugin-context.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

process.env.K8S_NODE_NAME = "node-1";

const [A, B] = ["a".repeat(64), "b".repeat(64)] as const;
const tagOf = (pod: string, id: string) => `var.log.containers.${pod}_shop_app-${id}.log`;

function pod(name: string, uid: string, id: string, labels: Record<string, string>): KubernetesObject {
  const containerStatuses = [{ name: "app", image: "shop:1", imageID: "", containerID: `containerd://${id}` }];
  return {
    kind: "Pod",
    metadata: { name, namespace: "shop", uid, labels },
    spec: { nodeName: "node-1" },
    status: { podIP: "10.0.0.1", containerStatuses },
  };
}

const shop: KubernetesObject = {
  kind: "Namespace",
  metadata: { name: "shop", uid: "ns-1", creationTimestamp: "2023-01-01T00:00:00Z" },
};

async function server(options: ApiServerOptions = {}): Promise<KubernetesApiServer> {
  const api = new KubernetesApiServer(options);
  api.put(shop);
  api.put(pod("web", "uid-1", A, { app: "web" }));
  await api.listen();
  after(() => api.close());
  return api;
}

class RunningFilter {
  readonly clock: ManualClock;
  readonly log: MemoryLog;
  readonly #filter: Filter;

  constructor(config: string) {
    const element = parsedElement(`<filter **>\n@type kubernetes_metadata\n${config}\n</filter>\n`);
    const context = pluginContext(element);
    this.clock = context.clock;
    this.log = context.logger;
    this.#filter = kubernetesMetadataFilter.create(
      readSectionOrThrow(kubernetesMetadataFilter.table, element),
      context,
    );
  }

  static async start(config: string): Promise<RunningFilter> {
    const running = new RunningFilter(config);
    await running.#filter.start();
    after(() => running.stop());
    return running;
  }

  /** The field `kubernetes` of an event from this container. */
  async see(name: string, id: string): Promise<Record<string, any>> {
    const events = EventStream.fromEvents([{ time: new EventTime(1_700_000_000, 0), record: { log: "x" } }]);
    const [event] = [...(await this.#filter.filter(tagOf(name, id), events)).events()];
    return event?.record.kubernetes as Record<string, any>;
  }

  /** Lets time pass until `holds`. */
  async until(holds: () => boolean): Promise<void> {
    await eventually(() => {
      if (holds()) return true;
      this.clock.advance(500);
      return false;
    });
  }

  stop = (): Promise<void> => this.#filter.stop(AbortSignal.timeout(60_000));
}

test("an API that is away at the start: events go on without it, and with it once it is there", async () => {
  const api = await server();
  await api.close();
  const filter = await RunningFilter.start(`kubernetes_url ${api.url}`);
  const orphan = {
    container_name: "app",
    namespace_name: ".orphaned",
    pod_name: "web",
    orphaned_namespace: "shop",
    namespace_id: "orphaned",
  };
  assert.deepEqual(await filter.see("web", A), orphan);
  assert.match(filter.log.messages("warn").join(), /the pod watch failed: Kubernetes API .*ECONNREFUSED/);
  await api.listen();
  await filter.until(() => api.watches === 2);
  assert.equal((await filter.see("web", A)).pod_id, "uid-1");
});

test("an API that goes away: known containers keep their fields, others get what is known, and it is asked seldom", async () => {
  const api = await server();
  const filter = await RunningFilter.start(`kubernetes_url ${api.url}`);
  const known = await filter.see("web", A);
  assert.equal(known.namespace_id, "ns-1");
  await api.close();
  assert.deepEqual(await filter.see("web", A), known);
  assert.equal((await filter.see("web", B)).pod_id, "uid-1", "a new container of a pod that is known");
  assert.equal((await filter.see("other", B)).namespace_id, "ns-1");
  for (let count = 0; count < 20; count++) await filter.see(`other-${count}`, `${B}${count}`);
  assert.equal(filter.log.messages("error").length, 1, "one question for all while it is away");
});

test("an API that takes connections and never answers holds events no longer than its timeouts", async () => {
  const api = await server();
  api.isSilent = true;
  const filter = await RunningFilter.start(`kubernetes_url ${api.url}\nopen_timeout 3\nread_timeout 10`);
  const seen = filter.see("web", A);
  await eventually(() => api.requests.length === 2); // the lists
  filter.clock.advance(13_000);
  await eventually(() => api.requests.length === 4); // the pod and its namespace
  filter.clock.advance(13_000);
  assert.equal((await seen).namespace_name, ".orphaned");
  assert.match(filter.log.messages("error").join(), /does not answer within 13000 ms; events go on with what is known/);
});

test("a server that accepts and never speaks TLS is given up after open_timeout", async () => {
  const accepted: Socket[] = [];
  const mute = createServer((socket) => accepted.push(socket)).listen(0, "127.0.0.1");
  await once(mute, "listening");
  after(() => {
    for (const socket of accepted) socket.destroy();
    mute.close();
  });
  const { port } = mute.address() as AddressInfo;
  const filter = await RunningFilter.start(`kubernetes_url https://127.0.0.1:${port}\nwatch false\nopen_timeout 3`);
  const seen = filter.see("web", A);
  await eventually(() => accepted.length === 2);
  filter.clock.advance(3000);
  assert.equal((await seen).namespace_name, ".orphaned");
  assert.match(filter.log.messages("error").join(), /does not answer within 3000 ms/);
});

test("stopping does not wait for an API that never answers", async () => {
  const api = await server();
  api.isSilent = true;
  const filter = await RunningFilter.start(`kubernetes_url ${api.url}`);
  const waiting = filter.see("web", A);
  await eventually(() => api.requests.length === 2);
  await filter.stop();
  assert.equal((await waiting).namespace_name, ".orphaned");
});

test("the watch keeps labels new, without asking for the pod again", async () => {
  const api = await server();
  const filter = await RunningFilter.start(`kubernetes_url ${api.url}`);
  assert.deepEqual((await filter.see("web", A)).labels, { app: "web" });
  await eventually(() => api.watches === 2);
  api.put(pod("web", "uid-1", A, { app: "web", release: "2" }));
  let labels: object | undefined;
  do {
    await settle();
    ({ labels } = await filter.see("web", A));
  } while (!labels || !("release" in labels));
  assert.deepEqual(
    api.requests.filter((request) => request.includes("/pods/")),
    [],
  );
  assert.ok(api.requests.some((request) => request.includes("fieldSelector=spec.nodeName%3Dnode-1")));
});

test("a watch that fell too far behind (410 Gone) lists anew, and misses nothing", async () => {
  const api = await server();
  const filter = await RunningFilter.start(`kubernetes_url ${api.url}`);
  await filter.see("web", A);
  await eventually(() => api.watches === 2);
  const lists = () => api.requests.filter((request) => /\/pods\?(?!.*watch)/.test(request)).length;
  assert.equal(lists(), 1);
  api.compact();
  api.put(pod("next", "uid-2", B, { app: "next" }));
  api.dropConnections();
  await filter.until(() => lists() === 2 && api.watches === 2);
  assert.equal((await filter.see("next", B)).pod_id, "uid-2");
  assert.match(filter.log.messages("info").join(), /the pod watch was too far behind \(410 Gone\)/);
});

test("a pod that is deleted keeps its fields while its last lines are read; cache_ttl ends that", async () => {
  const api = await server();
  const filter = await RunningFilter.start(`kubernetes_url ${api.url}\ncache_ttl 3600\nstats_interval 1`);
  await filter.see("web", A);
  await eventually(() => api.watches === 2);
  api.remove("Pod", "web", "shop");
  await filter.until(() =>
    filter.log.messages("info").some((line) => line.includes("pod_cache_watch_deletes_ignored: 1")),
  );
  assert.equal((await filter.see("web", A)).pod_id, "uid-1");
  filter.clock.advance(3_600_000);
  assert.equal((await filter.see("web", A)).pod_id, A, "as an absent pod in a known namespace");
});

test("a pod of the same name that is made anew is another pod", async () => {
  const api = await server();
  const filter = await RunningFilter.start(`kubernetes_url ${api.url}`);
  assert.equal((await filter.see("web", A)).pod_id, "uid-1");
  api.remove("Pod", "web", "shop");
  api.put(pod("web", "uid-2", B, { app: "web" }));
  assert.equal((await filter.see("web", B)).pod_id, "uid-2");
  assert.equal((await filter.see("web", A)).pod_id, "uid-1", "late lines of the first");
});

test("the token is read anew: one that was renewed is taken", async () => {
  let token = "first";
  const api = await server({ token: () => token });
  const path = join(temporaryFolder(), "token");
  writeFileSync(path, "first\n");
  const filter = await RunningFilter.start(`kubernetes_url ${api.url}\nbearer_token_file ${path}\nwatch false`);
  assert.equal((await filter.see("web", A)).pod_id, "uid-1");
  token = "second";
  assert.equal((await filter.see("web", B)).pod_id, "uid-1", "what is known, while the token is refused");
  assert.match(filter.log.messages("error").join(), /answers 401: Unauthorized; the token of bearer_token_file/);
  writeFileSync(path, "second\n");
  api.put(pod("fresh", "uid-3", B, {}));
  filter.clock.advance(60_000);
  assert.equal((await filter.see("fresh", B)).pod_id, "uid-3");
});

test("the API's certificate is checked against ca_file; a client certificate is shown", async () => {
  const certificates = await TestCertificates.create();
  after(() => certificates.remove());
  const own = await certificates.server();
  const client = await certificates.client();
  const tls = {
    cert: own.certificatePem,
    key: own.privateKeyPem,
    clientAuthority: certificates.authority.certificatePem,
  };
  const api = await server({ tls });
  const base = `kubernetes_url ${api.url}\nwatch false`;
  const shown = `client_cert ${client.certificatePath}\nclient_key ${client.privateKeyPath}`;

  const right = await RunningFilter.start(`${base}\nca_file ${certificates.authorityPath}\n${shown}`);
  assert.equal((await right.see("web", A)).pod_id, "uid-1");

  const distrusting = await RunningFilter.start(`${base}\n${shown}`);
  assert.equal((await distrusting.see("web", A)).namespace_name, ".orphaned");
  assert.match(distrusting.log.messages("error").join(), /set ca_file to the authority/);

  const careless = await RunningFilter.start(`${base}\n${shown}\nverify_ssl false`);
  assert.equal((await careless.see("web", A)).pod_id, "uid-1");

  const withoutClient = await RunningFilter.start(`${base}\nca_file ${certificates.authorityPath}`);
  assert.equal((await withoutClient.see("web", A)).namespace_name, ".orphaned");
});

/** A server that answers every request by `answer`. */
async function rawServer(answer: (url: string, response: ServerResponse) => unknown): Promise<string> {
  const raw = createHttpServer((request, response) => {
    response.setHeader("content-type", "application/json");
    answer(request.url ?? "", response);
  }).listen(0, "127.0.0.1");
  await once(raw, "listening");
  after(() => {
    raw.closeAllConnections();
    raw.close();
  });
  return `http://127.0.0.1:${(raw.address() as AddressInfo).port}`;
}

const emptyList = JSON.stringify({ kind: "List", metadata: { resourceVersion: "7" }, items: [] });

test("an answer without an end, and a change without an end, do not fill the memory", async () => {
  const block = "x".repeat(1024 * 1024);
  let flooded = 0;
  const blocks = function* () {
    for (;;) {
      flooded += block.length;
      yield block;
    }
  };
  const flood = (response: ServerResponse) => pipeline(Readable.from(blocks()), response, () => {});
  const url = await rawServer((path, response) => {
    if (path.includes("watch=true") || path.includes("/pods/")) {
      flooded = 0;
      flood(response);
    } else response.end(emptyList);
  });
  const watching = await RunningFilter.start(`kubernetes_url ${url}\nskip_namespace_metadata true`);
  const told = (filter: RunningFilter, level: "warn" | "error") => filter.log.messages(level).join();
  await watching.until(() => /pods: a change is larger than 8388608 bytes/.test(told(watching, "warn")));
  await watching.stop();

  const asking = await RunningFilter.start(`kubernetes_url ${url}\nwatch false\nskip_namespace_metadata true`);
  const seen = asking.see("web", A);
  await eventually(() => flooded > 150 * 1024 * 1024);
  asking.clock.advance(1000);
  assert.equal((await seen).pod_name, "web");
  assert.match(told(asking, "error"), /pods\/web: an answer is larger than 134217728 bytes; set K8S_NODE_NAME/);
});

test("answers of the wrong shape are told, and harm nothing", async () => {
  const odd = [
    "17",
    "[]",
    "{}",
    '{"items":5}',
    '{"items":[5],"metadata":{"resourceVersion":"1"}}',
    "<html>",
    '{"items":',
  ];
  for (const body of odd) {
    const url = await rawServer((path, response) => {
      if (!path.includes("watch=true")) {
        response.end(body);
        return;
      }
      for (const line of [
        "17",
        "null",
        '{"type":"ADDED"}',
        '{"type":"ADDED","object":null}',
        '{"type":"ADDED","object":{"metadata":null}}',
      ])
        response.write(`${line}\n`);
    });
    const filter = await RunningFilter.start(`kubernetes_url ${url}`);
    assert.equal((await filter.see("web", A)).pod_name, "web", body);
    await filter.stop();
  }
});

test("a service account without the right to watch is told what it needs", async () => {
  const url = await rawServer((path, response) => {
    if (path.includes("watch=true")) response.writeHead(403).end();
    else response.end(emptyList);
  });
  const filter = await RunningFilter.start(`kubernetes_url ${url}`);
  const told = /pods answers 403: Forbidden; the service account needs get, list and watch of pods and namespaces/;
  await filter.until(() => told.test(filter.log.messages("warn").join()));
});

test("no more than four lookups are under way at once", async () => {
  const waiting: ServerResponse[] = [];
  const url = await rawServer((_path, response) => waiting.push(response));
  const filter = await RunningFilter.start(`kubernetes_url ${url}\nwatch false\nskip_namespace_metadata true`);
  const seen = Array.from({ length: 9 }, (_, index) => filter.see(`pod-${index}`, A));
  let answered = 0;
  while (answered < 9) {
    await eventually(() => waiting.length > 0);
    await settle();
    assert.ok(waiting.length <= 4, `${waiting.length} at once`);
    waiting.shift()?.writeHead(404).end("{}");
    answered += 1;
  }
  await Promise.all(seen);
});

test("kubernetes_url may lack /api, and have a path before it, as kubeclient takes it", async () => {
  const asked: string[] = [];
  const url = await rawServer((path, response) => {
    asked.push(path);
    response.writeHead(404).end("{}");
  });
  for (const path of ["", "/", "/cluster/7", "/cluster/7/api", "/api/"]) {
    const filter = await RunningFilter.start(`kubernetes_url ${url}${path}\nwatch false\nskip_namespace_metadata true`);
    await filter.see("web", A);
  }
  const pod = "/api/v1/namespaces/shop/pods/web";
  assert.deepEqual(asked, [pod, pod, `/cluster/7${pod}`, `/cluster/7${pod}`, pod]);
});

test("what cannot work stops the start, and says what to do", () => {
  const errors: readonly (readonly [string, RegExp])[] = [
    ["kubernetes_url nowhere", /kubernetes_url: 'nowhere' is no address; write https:\/\/HOST:PORT\/api/],
    ["kubernetes_url https://h\nca_file /none.pem", /ca_file: \/none\.pem does not exist/],
    ["kubernetes_url https://h\nbearer_token_file /none", /bearer_token_file: \/none does not exist/],
    ["kubernetes_url https://h\nclient_cert /c.pem", /client_cert and client_key go together/],
    [
      "tag_to_kubernetes_name_regexp (?<namespace>a)(?<pod_name>b)",
      /has no group container_name, docker_id or pod_uuid/,
    ],
    ["tag_to_kubernetes_name_regexp (", /tag_to_kubernetes_name_regexp: invalid regexp/],
    ["cache_size 0", /cache_size must be 1 or more/],
  ];
  for (const [config, message] of errors) {
    assert.throws(
      () => new RunningFilter(config),
      (error) => error instanceof ConfigError && message.test(error.message),
      config,
    );
  }
});

test("parameters of versions before 3.0 are named", () => {
  const element = parsedElement(
    "<filter **>\n@type kubernetes_metadata\nmerge_json_log true\nde_dot true\n</filter>\n",
  );
  const { parameters } = kubernetesMetadataFilter.table;
  for (const { key } of element.parameters.slice(1))
    assert.match(String(parameters[key]?.deprecated), /no effect since version 3\.0/);
});
