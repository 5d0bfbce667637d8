/**
 * A small stand-in for the REST APIs of Compute Engine and GKE, for the real gcloud to talk to. It keeps what is
 * posted, answers every operation as done, and remembers each mutating request.
 */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

type Item = Record<string, any>;

export class FakeComputeApi {
  readonly #server: Server;
  /** Items by their path below /compute/v1/. */
  readonly #items = new Map<string, Item>();
  readonly #operations = new Map<string, Item>();
  readonly mutations: { method: string; path: string; body: Item }[] = [];
  readonly clusters: Item[] = [];

  private constructor() {
    this.#server = createServer((request, response) => {
      void this.#answer(request).then(({ status, body }) => {
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      });
    });
  }

  static async start(): Promise<FakeComputeApi> {
    const api = new FakeComputeApi();
    api.#server.listen(0, "127.0.0.1");
    await once(api.#server, "listening");
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  put(path: string, item: Item): void {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const place = /\/(zones|regions)\/([^/]+)\//.exec(path);
    const scope = place
      ? { [(place[1] as string).slice(0, -1)]: this.#link(path.slice(0, path.indexOf(place[2] as string)) + place[2]) }
      : {};
    this.#items.set(path, { name, selfLink: this.#link(path), ...scope, ...item });
  }

  #link(path: string): string {
    return `${this.url}/compute/v1/${path}`;
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const path = decodeURIComponent((request.url ?? "").split("?")[0] as string).replace(/^\/(compute\/)?v1\//, "");
    if (/locations\/-\/clusters$/.test(path)) return { status: 200, body: { clusters: this.clusters } };
    const operation = this.#operations.get(path.replace(/\/wait$/, ""));
    if (operation) return { status: 200, body: operation };
    if (request.method === "GET") return this.#get(path);
    const body = text ? (JSON.parse(text) as Item) : {};
    this.mutations.push({ method: request.method ?? "", path, body });
    return this.#mutate(request.method ?? "", path, body);
  }

  #mutate(method: string, path: string, body: Item): { status: number; body: unknown } {
    let target = path;
    if (method === "DELETE") this.#items.delete(path);
    else if (method === "PATCH" || method === "PUT") this.put(path, { ...this.#items.get(path), ...body });
    else if (body.name) {
      target = `${path}/${body.name}`;
      if (path.endsWith("/addresses"))
        this.put(target, { address: "203.0.113.10", status: "RESERVED", addressType: "EXTERNAL", ...body });
      else if (path.endsWith("/instances")) {
        this.put(target, { status: "RUNNING", ...body, serviceAccounts: body.serviceAccounts ?? [] });
        for (const nic of body.networkInterfaces)
          for (const config of nic.accessConfigs ?? []) this.#use(config.natIP, target);
      } else
        this.put(target, {
          ...body,
          ...(path.endsWith("/instanceGroupManagers") ? { status: { isStable: true } } : {}),
        });
    } else target = path.slice(0, path.lastIndexOf("/"));
    const scope = path.replace(/^(projects\/[^/]+\/(?:global|(?:zones|regions)\/[^/]+)).*/, "$1");
    return { status: 200, body: this.#operation(`${scope}/operations/op-${this.mutations.length}`, target, method) };
  }

  #use(ip: string, user: string): void {
    for (const item of this.#items.values())
      if (item.address === ip) Object.assign(item, { status: "IN_USE", users: [this.#link(user)] });
  }

  #operation(path: string, target: string, method: string): Item {
    const place = /\/(zones|regions)\/([^/]+)\//.exec(path);
    const operation = {
      kind: "compute#operation",
      name: path.slice(path.lastIndexOf("/") + 1),
      selfLink: this.#link(path),
      status: "DONE",
      progress: 100,
      operationType: method === "DELETE" ? "delete" : "insert",
      targetLink: this.#link(target),
      ...(place ? { [(place[1] as string).slice(0, -1)]: this.#link(path.slice(0, path.indexOf("/operations"))) } : {}),
    };
    this.#operations.set(path, operation);
    return operation;
  }

  #get(path: string): { status: number; body: unknown } {
    const serial = /^(.*)\/serialPort$/.exec(path)?.[1];
    if (serial)
      return {
        status: 200,
        body: { contents: "nat-startup: ready interface=ens4\n", start: "0", next: "40", selfLink: this.#link(path) },
      };
    const aggregated = /^(projects\/[^/]+)\/aggregated\/(\w+)$/.exec(path);
    if (aggregated) {
      const kind = aggregated[2] as string;
      const items: Record<string, Item> = {};
      for (const [key, item] of this.#items) {
        const scope = new RegExp(`^projects/[^/]+/((?:zones|regions)/[^/]+|global)/${kind}/`).exec(key)?.[1];
        if (!scope) continue;
        items[scope] ??= { [kind]: [] };
        items[scope][kind].push(item);
      }
      return { status: 200, body: { items } };
    }
    const item = this.#items.get(path);
    if (item) return { status: 200, body: item };
    const children = [...this.#items].filter(([key]) => key.slice(0, key.lastIndexOf("/")) === path);
    if (
      /\/(firewalls|routes|instanceTemplates|healthChecks|zones|regions|subnetworks|instanceGroups|autoscalers)$/.test(
        path,
      )
    ) {
      return { status: 200, body: { items: children.map(([, child]) => child) } };
    }
    const message = `The resource '${path}' was not found`;
    return {
      status: 404,
      body: { error: { code: 404, message, errors: [{ message, domain: "global", reason: "notFound" }] } },
    };
  }
}
