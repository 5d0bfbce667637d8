/**
 * The two things asked of the Kubernetes API: an answer, and a watch that goes on. Every wait has an end, every answer
 * a limit. Token and certificates are read for each connection, since Kubernetes renews them.
 *
 * The official client library is left out on purpose: version 1 takes 72 MB on disk in 73 packages, 72 MB of memory and
 * 0.6 s to load, more than the whole agent; version 2 needs Node 22.19. Two GET requests are all that is used here.
 * Source: Kubernetes API concepts, "Efficient detection of changes"; kubeclient 4.13 (paths, timeouts).
 */

import { readFileSync } from "node:fs";
import { Agent, type ClientRequest, type IncomingMessage, request as requestPlain } from "node:http";
import { request as requestTls, Agent as TlsAgent } from "node:https";
import type { Socket } from "node:net";
import type { Clock } from "../../clock.ts";
import { errorMessage, LimitError, MalformedError, NetworkError, TimeoutError } from "../../errors.ts";
import { failureCode } from "../../tls/handshake-failure.ts";
import { systemCertificates } from "../../tls/trust-store.ts";

/** A list of all pods of a cluster with 5,000 of them has some 50 MB. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024;
/** etcd takes objects up to 1.5 MB. */
const MAX_EVENT_BYTES = 8 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;
/** A long list comes slowly, but it comes. */
const MAX_ANSWER_MS = 60_000;
/** How long one watch lasts; then it is made anew, and a connection that died unnoticed with it. */
const WATCH_SECONDS = 290;
/** Lookups at the same time; others wait, within their own time. */
const MAX_CONNECTIONS = 4;
const KEEP_ALIVE_MS = 30_000;

/** The API answered, and the answer is an error. */
export class ApiStatusError extends NetworkError {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface ApiSettings {
  /** Up to and with the API's version, without a slash at the end: `https://10.0.0.1:443/api/v1`. */
  readonly baseUrl: string;
  readonly openTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly tokenFile: string | undefined;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly verify: boolean;
  readonly partialChain: boolean;
}

/** One change that a watch tells. */
export interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
}

type Query = Readonly<Record<string, string>>;

export class KubernetesApi {
  readonly #settings: ApiSettings;
  readonly #clock: Clock;
  readonly #agent: Agent;

  constructor(settings: ApiSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    const options = { maxSockets: MAX_CONNECTIONS, keepAlive: false };
    this.#agent = settings.baseUrl.startsWith("https:") ? new TlsAgent(options) : new Agent(options);
  }

  /**
   * The JSON answer to GET `path`. Rejects with ApiStatusError, NetworkError, TimeoutError, LimitError or
   * MalformedError; always within the timeouts.
   */
  async get(path: string, query: Query, signal: AbortSignal): Promise<unknown> {
    const { response, request } = await this.#ask(path, query, signal, this.#agent);
    const cancel = this.#clock.after(MAX_ANSWER_MS, () => request.destroy(this.#tooLate(path, MAX_ANSWER_MS)));
    try {
      return parse(await this.#body(response, MAX_ANSWER_BYTES), path);
    } finally {
      cancel();
    }
  }

  /** Tells `onEvent` each change until the server ends the watch; rejects as `get`. */
  async watch(path: string, query: Query, onEvent: (event: WatchEvent) => void, signal: AbortSignal): Promise<void> {
    const asked = { ...query, watch: "true", allowWatchBookmarks: "true", timeoutSeconds: String(WATCH_SECONDS) };
    const { response, request } = await this.#ask(path, asked, signal, false);
    const lifeMs = WATCH_SECONDS * 1000 + this.#settings.readTimeoutMs;
    const cancel = this.#clock.after(lifeMs, () => request.destroy(this.#tooLate(path, lifeMs)));
    let rest: Buffer[] = [];
    let waiting = 0;
    try {
      for await (const bytes of response as AsyncIterable<Buffer>) {
        let start = 0;
        for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
          const line = Buffer.concat([...rest, bytes.subarray(start, end)]);
          rest = [];
          waiting = 0;
          start = end + 1;
          if (line.length > 0) onEvent(parse(line, path) as WatchEvent);
        }
        rest.push(bytes.subarray(start));
        waiting += bytes.length - start;
        if (waiting > MAX_EVENT_BYTES)
          throw new LimitError(`${path}: a change is larger than ${MAX_EVENT_BYTES} bytes`);
      }
    } catch (error) {
      throw this.#explained(error as Error, path);
    } finally {
      cancel();
      request.destroy();
    }
  }

  /** Ends the connections that nobody uses. */
  close(): void {
    this.#agent.destroy();
  }

  /** Resolves when an answer other than an error begins. */
  async #ask(path: string, query: Query, signal: AbortSignal, agent: Agent | false) {
    const request = this.#request(path, query, signal, agent);
    const { openTimeoutMs, readTimeoutMs } = this.#settings;
    const limitMs = openTimeoutMs + readTimeoutMs;
    const cancel = this.#clock.after(limitMs, () => request.destroy(this.#tooLate(path, limitMs)));
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request.on("error", reject); // stays: what comes later must not end the process
        request.on("response", resolve);
        request.on("socket", (socket: Socket) => this.#limitConnect(socket, request, path));
      });
      const status = response.statusCode ?? 0;
      if (status !== 200) throw new ApiStatusError(status, await this.#refusal(path, status, response));
      return { request, response };
    } catch (error) {
      request.destroy();
      throw this.#explained(error as Error, path);
    } finally {
      cancel();
    }
  }

  #request(path: string, query: Query, signal: AbortSignal, agent: Agent | false): ClientRequest {
    const { baseUrl, tokenFile } = this.#settings;
    const url = new URL(baseUrl + path);
    url.search = new URLSearchParams(query).toString();
    const headers: Record<string, string> = { accept: "application/json" };
    if (tokenFile !== undefined) headers.authorization = `Bearer ${readToken(tokenFile)}`;
    const options = { headers, signal, agent };
    const request =
      url.protocol === "https:" ? requestTls(url, { ...options, ...this.#tls() }) : requestPlain(url, options);
    request.end();
    return request;
  }

  #tls() {
    const { caFile, certFile, keyFile, verify, partialChain } = this.#settings;
    return {
      rejectUnauthorized: verify,
      ...(verify && { ca: caFile === undefined ? systemCertificates() : readFileSync(caFile) }),
      ...(partialChain && { allowPartialTrustChain: true }),
      ...(certFile !== undefined && { cert: readFileSync(certFile) }),
      ...(keyFile !== undefined && { key: readFileSync(keyFile) }),
    };
  }

  #limitConnect(socket: Socket, request: ClientRequest, path: string): void {
    const { baseUrl, openTimeoutMs } = this.#settings;
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const cancel = this.#clock.after(openTimeoutMs, () => request.destroy(this.#tooLate(path, openTimeoutMs)));
    socket.once(baseUrl.startsWith("https:") ? "secureConnect" : "connect", cancel);
    socket.once("close", cancel);
  }

  /** The whole answer; the API must not be silent within it for longer than the read timeout. */
  async #body(response: IncomingMessage, limit: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let size = 0;
    const late = () =>
      response.destroy(new TimeoutError(`silent for ${this.#settings.readTimeoutMs} ms within an answer`));
    let cancel = this.#clock.after(this.#settings.readTimeoutMs, late);
    try {
      for await (const bytes of response as AsyncIterable<Buffer>) {
        cancel();
        cancel = this.#clock.after(this.#settings.readTimeoutMs, late);
        size += bytes.length;
        if (size > limit)
          throw new LimitError(`an answer is larger than ${limit} bytes; set K8S_NODE_NAME to the node's name`);
        parts.push(bytes);
      }
    } finally {
      cancel();
    }
    return Buffer.concat(parts, size);
  }

  async #refusal(path: string, status: number, response: IncomingMessage): Promise<string> {
    const body = await this.#body(response, MAX_ERROR_BYTES).catch(() => Buffer.alloc(0));
    let reason = response.statusMessage ?? "";
    try {
      reason = (JSON.parse(body.toString()) as { message?: string }).message ?? reason;
    } catch {
      // A proxy's page: the status says enough.
    }
    const remedy =
      status === 401
        ? "; the token of bearer_token_file is not taken"
        : status === 403
          ? "; the service account needs get, list and watch of pods and namespaces"
          : "";
    return `Kubernetes API ${this.#settings.baseUrl}${path} answers ${status}: ${reason}${remedy}`;
  }

  #tooLate(path: string, limitMs: number): TimeoutError {
    return new TimeoutError(`Kubernetes API ${this.#settings.baseUrl}${path} does not answer within ${limitMs} ms`);
  }

  #explained(error: Error, path: string): Error {
    if (error instanceof TimeoutError || error instanceof ApiStatusError) return error;
    if (error instanceof LimitError || error instanceof MalformedError || error.name === "AbortError") return error;
    const isDistrust = /CERT|ISSUER|SIGNATURE|ALTNAME/.test(failureCode(error));
    const remedy = isDistrust ? "; set ca_file to the authority that the API's certificate is from" : "";
    const message = `Kubernetes API ${this.#settings.baseUrl}${path}: ${error.message}${remedy}`;
    return new NetworkError(message, { cause: error });
  }
}

function readToken(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new NetworkError(`bearer_token_file ${path} cannot be read: ${errorMessage(error)}`, { cause: error });
  }
}

function parse(bytes: Buffer, path: string): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch (error) {
    throw new MalformedError(`Kubernetes API: the answer to ${path} is no JSON`, { cause: error });
  }
}
