/**
 * A Kubernetes API server with pods and namespaces: list, get and watch over HTTP or HTTPS, resource versions, 410 Gone,
 * tokens. What plugins of fluentd and Suiro ask, it answers as the real one does.
 * Source: Kubernetes API concepts; what kubeclient 4.13 asks for (`/api`, `/api/v1`, `/api/v1/watch/…`).
 */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";

export interface KubernetesObject {
  readonly kind: "Pod" | "Namespace";
  readonly metadata: Record<string, any> & { name: string; namespace?: string };
  readonly spec?: Record<string, unknown>;
  readonly status?: Record<string, unknown>;
}

export interface ApiServerOptions {
  /** PEM texts; without it plain HTTP. `clientAuthority` makes a client certificate a must. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientAuthority?: string };
  /** What the token must be; without it every one will do, and none. */
  readonly token?: () => string;
}

interface Change {
  readonly type: string;
  readonly object: KubernetesObject;
  readonly version: number;
}

const RESOURCES = [
  { name: "pods", singularName: "pod", namespaced: true, kind: "Pod", verbs: ["get", "list", "watch"] },
  { name: "namespaces", singularName: "namespace", namespaced: false, kind: "Namespace", verbs: ["get", "list", "watch"] },
] as const; // biome-ignore format: a table

export class KubernetesApiServer {
  /** `GET /api/v1/pods?…` of everything that was asked. */
  readonly requests: string[] = [];
  /** How many watches are open now. */
  watches = 0;
  /** Takes connections and never answers. */
  isSilent = false;
  readonly #options: ApiServerOptions;
  readonly #objects = new Map<string, KubernetesObject>();
  readonly #followers = new Set<(change: Change) => void>();
  readonly #sockets = new Set<Socket>();
  #history: Change[] = [];
  /** Versions below it are gone. */
  #oldest = 1;
  #version = 100;
  #server: Server | undefined;
  #port = 0;

  constructor(options: ApiServerOptions = {}) {
    this.#options = options;
  }

  /** `http://127.0.0.1:PORT/api`. */
  get url(): string {
    return `${this.#options.tls ? "https" : "http"}://127.0.0.1:${this.#port}/api`;
  }

  /** Listens; after `close` on the same port again. */
  async listen(port = this.#port): Promise<this> {
    const { tls } = this.#options;
    const answer = (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response);
    const server = tls
      ? createTlsServer({ ...tls, ...(tls.clientAuthority && { ca: tls.clientAuthority, requestCert: true }) }, answer)
      : createServer(answer);
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
    });
    server.on("tlsClientError", () => {});
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    this.#server = server.unref();
    this.#port = (server.address() as AddressInfo).port;
    return this;
  }

  /** Ends every connection and listens no more. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server?.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  /** Puts the object in, or changes it. */
  put(object: KubernetesObject): void {
    const key = keyOf(object.kind, object.metadata.name, object.metadata.namespace);
    const type = this.#objects.has(key) ? "MODIFIED" : "ADDED";
    const metadata = { ...object.metadata, resourceVersion: String(this.#version + 1) };
    const stored = { ...object, metadata };
    this.#objects.set(key, stored);
    this.#tell(type, stored);
  }

  remove(kind: "Pod" | "Namespace", name: string, namespace?: string): void {
    const key = keyOf(kind, name, namespace);
    const object = this.#objects.get(key);
    if (!object) throw new Error(`there is no ${key}`);
    this.#objects.delete(key);
    this.#tell("DELETED", object);
  }

  /** Forgets what happened up to now, as etcd does when it is compacted: watches from before get 410. */
  compact(): void {
    this.#version += 1;
    this.#oldest = this.#version;
    this.#history = [];
  }

  /** Ends every connection, and goes on listening. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #tell(type: string, object: KubernetesObject): void {
    this.#version += 1;
    const change = { type, object, version: this.#version };
    this.#history.push(change);
    for (const follow of this.#followers) follow(change);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.requests.push(`${request.method} ${request.url}`);
    if (this.isSilent) return;
    const { token } = this.#options;
    if (token && request.headers.authorization !== `Bearer ${token()}`) return refuse(response, 401, "Unauthorized");
    const url = new URL(request.url ?? "/", "http://api");
    const path = url.pathname.replace(/\/$/, "");
    if (path === "/api") return send(response, { kind: "APIVersions", versions: ["v1"] });
    if (path === "/api/v1")
      return send(response, { kind: "APIResourceList", groupVersion: "v1", resources: RESOURCES });
    const listed = /^\/api\/v1\/(watch\/)?(pods|namespaces)$/.exec(path);
    if (listed) {
      const isWatch = listed[1] !== undefined || url.searchParams.get("watch") === "true";
      return this.#list(isWatch, listed[2] === "pods" ? "Pod" : "Namespace", url.searchParams, response);
    }
    const [, namespace, pod] = /^\/api\/v1\/namespaces\/([^/]+)(?:\/pods\/([^/]+))?$/.exec(path) ?? [];
    if (namespace === undefined) return refuse(response, 404, "the server could not find the requested resource");
    const key = pod === undefined ? keyOf("Namespace", namespace) : keyOf("Pod", pod, namespace);
    const object = this.#objects.get(key);
    if (!object) return refuse(response, 404, `${key} not found`);
    send(response, object);
  }

  #list(isWatch: boolean, kind: string, query: URLSearchParams, response: ServerResponse): void {
    const node = /^spec\.nodeName=(.*)$/.exec(query.get("fieldSelector") ?? "")?.[1];
    const isMeant = ({ kind: own, spec }: KubernetesObject) =>
      own === kind && (node === undefined || spec?.nodeName === node);
    if (isWatch) return this.#watch(Number(query.get("resourceVersion") ?? 0), isMeant, response);
    const items = [...this.#objects.values()].filter(isMeant);
    send(response, { kind: `${kind}List`, metadata: { resourceVersion: String(this.#version) }, items });
  }

  #watch(from: number, isMeant: (object: KubernetesObject) => boolean, response: ServerResponse): void {
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    const write = (type: string, object: unknown) => response.write(`${JSON.stringify({ type, object })}\n`);
    if (from < this.#oldest) {
      write("ERROR", {
        kind: "Status",
        status: "Failure",
        code: 410,
        reason: "Expired",
        message: "too old resource version",
      });
      response.end();
      return;
    }
    const follow = ({ type, object }: Change) => {
      if (isMeant(object)) write(type, object);
    };
    for (const change of this.#history.filter(({ version }) => version > from)) follow(change);
    this.#followers.add(follow);
    this.watches += 1;
    response.on("close", () => {
      this.#followers.delete(follow);
      this.watches -= 1;
    });
  }
}

function keyOf(kind: string, name: string, namespace = ""): string {
  return `${kind} ${namespace}/${name}`;
}

function send(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function refuse(response: ServerResponse, code: number, message: string): void {
  const body = { kind: "Status", apiVersion: "v1", status: "Failure", code, message };
  response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
}
