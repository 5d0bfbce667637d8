/**
 * What is asked of the Kubernetes API, by its client library: one object, all of a kind, and a watch that goes on. Every
 * wait has an end, every answer a limit.
 * Source: Kubernetes API concepts, "Efficient detection of changes"; kubeclient 4.13 (paths, timeouts).
 */

import { STATUS_CODES } from "node:http";
import type { Clock } from "../../clock.ts";
import { MalformedError, NetworkError, TimeoutError } from "../../errors.ts";
import { failureCode } from "../../tls/handshake-failure.ts";
import { ApiConnection } from "./api-connection.ts";
import type { ApiSettings } from "./api-settings.ts";
import { ApiStatusError } from "./api-status-error.ts";
import {
  ApiException,
  CoreV1Api,
  createConfiguration,
  type HttpMethod,
  type Middleware,
  RequestContext,
  Watch,
} from "./client-library.ts";

/** A list of all pods of a cluster with 5,000 of them has some 50 MB. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024;
/** etcd takes objects up to 1.5 MB. */
const MAX_EVENT_BYTES = 8 * 1024 * 1024;
/** A long list comes slowly, but it comes. */
const MAX_ANSWER_MS = 60_000;
/** How long one watch lasts; then it is made anew, and a connection that died unnoticed with it. */
const WATCH_SECONDS = 290;
/** Lookups at the same time; others wait, within their own time. */
const MAX_CONNECTIONS = 4;

/** One change that a watch tells. */
export interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
}

export type ObjectKind = "pods" | "namespaces";

export interface ListQuery {
  readonly resourceVersion: string;
  readonly fieldSelector?: string;
}

const REMEDIES: Readonly<Record<number, string>> = {
  401: "; the token of bearer_token_file is not taken",
  403: "; the service account needs get, list and watch of pods and namespaces",
};

export class KubernetesApi {
  readonly #settings: ApiSettings;
  readonly #clock: Clock;
  readonly #connection: ApiConnection;

  constructor(settings: ApiSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    const tooMuch = `an answer is larger than ${MAX_ANSWER_BYTES} bytes; set K8S_NODE_NAME to the node's name`;
    const limit = { maxBytes: MAX_ANSWER_BYTES, tooMuch, maxConnections: MAX_CONNECTIONS };
    this.#connection = new ApiConnection(settings, limit, clock);
  }

  /** Rejects, as all here, with ApiStatusError, NetworkError, TimeoutError or MalformedError; within the timeouts. */
  pod(namespace: string, name: string, signal: AbortSignal): Promise<unknown> {
    const path = `/namespaces/${namespace}/pods/${name}`;
    return this.#ask(path, signal, (core) => core.readNamespacedPod({ namespace, name }));
  }

  namespace(name: string, signal: AbortSignal): Promise<unknown> {
    return this.#ask(`/namespaces/${name}`, signal, (core) => core.readNamespace({ name }));
  }

  /** All objects of the kind, as the API's list has them. */
  list(kind: ObjectKind, query: ListQuery, signal: AbortSignal): Promise<unknown> {
    return this.#ask<unknown>(`/${kind}`, signal, (core) =>
      kind === "pods" ? core.listPodForAllNamespaces(query) : core.listNamespace(query),
    );
  }

  /** Tells `onEvent` each change until the server ends the watch. */
  async watch(
    kind: ObjectKind,
    query: ListQuery,
    onEvent: (event: WatchEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const path = `/${kind}`;
    const tooMuch = `a change is larger than ${MAX_EVENT_BYTES} bytes`;
    const limit = { maxBytes: MAX_EVENT_BYTES, tooMuch, maxConnections: 1 };
    const connection = new ApiConnection(this.#settings, limit, this.#clock);
    const { openTimeoutMs, readTimeoutMs } = this.#settings;
    const asked = { ...query, allowWatchBookmarks: true, timeoutSeconds: WATCH_SECONDS };
    let cancel = () => {};
    let stop = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        const endAfter = (limitMs: number) => {
          cancel();
          cancel = this.#clock.after(limitMs, () => reject(this.#tooLate(path, limitMs)));
        };
        const tell = (type: string, object: unknown) => {
          connection.progress();
          try {
            onEvent({ type, object });
          } catch (error) {
            reject(error); // The library would take no notice of it.
          }
        };
        stop = () => reject(signal.reason);
        signal.addEventListener("abort", stop);
        endAfter(openTimeoutMs + readTimeoutMs);
        new Watch(connection)
          .watch(path, asked, tell, (error) => (error ? reject(error) : resolve()))
          .then(() => endAfter(WATCH_SECONDS * 1000 + readTimeoutMs), reject);
      });
    } catch (error) {
      throw this.#explained(error as Error, path);
    } finally {
      cancel();
      signal.removeEventListener("abort", stop);
      connection.close();
    }
  }

  /** Ends what is under way. */
  close(): void {
    this.#connection.close();
  }

  /** The answer must begin within the timeouts, and end within a minute. */
  async #ask<T>(path: string, signal: AbortSignal, ask: (core: CoreV1Api) => Promise<T>): Promise<T> {
    const late = new AbortController();
    const endAfter = (limitMs: number) => this.#clock.after(limitMs, () => late.abort(this.#tooLate(path, limitMs)));
    let cancel = endAfter(this.#settings.openTimeoutMs + this.#settings.readTimeoutMs);
    const middleware: Middleware = {
      pre: async (request) => {
        request.setSignal(AbortSignal.any([signal, late.signal]));
        return request;
      },
      post: async (response) => {
        cancel();
        cancel = endAfter(MAX_ANSWER_MS);
        return response;
      },
    };
    try {
      return await ask(this.#core(middleware));
    } catch (error) {
      throw this.#explained(late.signal.aborted ? late.signal.reason : (error as Error), path);
    } finally {
      cancel();
    }
  }

  #core(middleware: Middleware): CoreV1Api {
    // The address has the version in it, as the library's paths do.
    const urlOf = (path: string) => this.#settings.baseUrl + path.replace(/^\/api\/v1/, "");
    const baseServer = {
      makeRequestContext: (path: string, method: HttpMethod) => new RequestContext(urlOf(path), method),
    };
    const authMethods = { default: this.#connection };
    return new CoreV1Api(createConfiguration({ baseServer, authMethods, promiseMiddleware: [middleware] }));
  }

  #tooLate(path: string, limitMs: number): TimeoutError {
    return new TimeoutError(`Kubernetes API ${this.#settings.baseUrl}${path} does not answer within ${limitMs} ms`);
  }

  #explained(error: Error, path: string): Error {
    const address = `Kubernetes API ${this.#settings.baseUrl}${path}`;
    if (error instanceof TimeoutError || error instanceof ApiStatusError || error instanceof NetworkError) return error;
    if (error.name === "AbortError") return error;
    const status = statusOf(error);
    if (status !== undefined) {
      const reason = saidBy(error) ?? STATUS_CODES[status];
      return new ApiStatusError(status, `${address} answers ${status}: ${reason}${REMEDIES[status] ?? ""}`);
    }
    if (error instanceof SyntaxError || error instanceof TypeError) {
      return new MalformedError(`${address}: the answer is not what an API gives; check kubernetes_url`, {
        cause: error,
      });
    }
    const isDistrust = /CERT|ISSUER|SIGNATURE|ALTNAME/.test(failureCode(error));
    const remedy = isDistrust ? "; set ca_file to the authority that the API's certificate is from" : "";
    return new NetworkError(`${address}: ${reasonOf(error)}${remedy}`, { cause: error });
  }
}

/** The library's requests and its watch name the status each in its own way. */
function statusOf(error: Error): number | undefined {
  if (error instanceof ApiException) return error.code;
  const status = (error as { statusCode?: unknown }).statusCode;
  return typeof status === "number" ? status : undefined;
}

/** The API's own words, where its answer has them: a proxy's page has not. */
function saidBy(error: Error): string | undefined {
  try {
    return (JSON.parse((error as ApiException<string>).body) as { message?: string }).message;
  } catch {
    return undefined;
  }
}

/** Without the words that node-fetch puts before it. */
function reasonOf(error: Error): string {
  return error.message.replace(/^(?:request to \S+ failed, reason|Invalid response body while .* fetch \S+): /, "");
}
