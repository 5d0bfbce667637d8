/**
 * `@type http`: events in the bodies of POST requests, their tag in the path. A request is answered when outputs hold its
 * events. Source: fluentd 1.18 plugin/in_http.rb; COMPAT 6.7.
 */

import { once } from "node:events";
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import { aborted } from "../clock.ts";
import { ConfigElement } from "../config/element.ts";
import { readSectionOrThrow, section } from "../config/parameters.ts";
import { errorMessage } from "../errors.ts";
import { encode } from "../event/msgpack.ts";
import { commonParameters, eventTimeParser } from "../parser/common-parameters.ts";
import { flatParseSection } from "../parser/flat-parameters.ts";
import { createParsers } from "../parser/parser-list.ts";
import type { Input, InputDefinition, PluginContext } from "../plugin.ts";
import { RareWarnings } from "../rare-warnings.ts";
import { listeningSockets } from "../tls/listening-sockets.ts";
import { checkTransport, createTransportServer, listen } from "../tls/transport.ts";
import { CONNECTION_LIMIT, DECOMPRESSION_LIMIT_BYTES } from "./forward/limits.ts";
import { isSafeTag } from "./forward/tag-rule.ts";
import { corsHeaders, preflightHeaders } from "./http/cors.ts";
import { checkHttp, type HttpConfig, httpTable } from "./http/parameters.ts";
import { type Parsing, RequestEvents } from "./http/request-events.ts";
import { bodyParams, envName, headerParams, queryParams, type RequestParams } from "./http/request-params.ts";
import { numericTime } from "./text/extract.ts";

export const httpInput: InputDefinition<HttpConfig> = {
  kind: "input",
  type: "http",
  table: httpTable,
  create(config, context) {
    checkHttp(config);
    checkTransport(config.transport);
    return new HttpInput(config, context);
  },
};

const MAX_HEADER_BYTES = 64 * 1024;
const TEXT = { "Content-Type": "text/plain" };
const EMPTY_GIF = Buffer.from("4749463839610100010080ff00ffffff0000002c00000000010001000002024401003b", "hex");

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly close?: boolean;
}

class HttpInput implements Input {
  readonly #config: HttpConfig;
  readonly #context: PluginContext;
  readonly #warnings: RareWarnings;
  readonly #events: RequestEvents;
  readonly #http: HttpServer;
  #server: Server | undefined;

  constructor(config: HttpConfig, context: PluginContext) {
    this.#config = config;
    this.#context = context;
    this.#warnings = new RareWarnings(context.logger, context.clock);
    this.#events = new RequestEvents(parsing(context), context);
    this.#http = createServer(
      { maxHeaderSize: MAX_HEADER_BYTES, keepAliveTimeout: config.keepaliveTimeout * 1000 },
      (request, response) => void this.#serve(request, response),
    );
    this.#http.on("checkContinue", (request, response) => {
      const length = Number(request.headers["content-length"] ?? 0);
      if (length >= config.bodySizeLimit) this.#answer(response, TOO_LARGE);
      else {
        response.writeContinue();
        void this.#serve(request, response);
      }
    });
  }

  get address(): { host: string; port: number } | undefined {
    const address = this.#server?.address() as AddressInfo | null | undefined;
    return address ? { host: address.address, port: address.port } : undefined;
  }

  async start(): Promise<void> {
    const { transport, port, bind, backlog } = this.#config;
    const { counters, logger } = this.#context;
    logger.debug("listening http", { bind, port });
    const server = await createTransportServer(transport, {
      clock: this.#context.clock,
      logger,
      onConnection: (socket) => {
        counters.add("connections_accepted");
        this.#http.emit("connection", socket);
      },
      onTlsError: (error, peer) => {
        counters.add("connections_refused", 1, "tls");
        this.#warnings.warn("unexpected error before accepting TLS connection by OpenSSL", { peer, error });
      },
      // A client that ends its side still waits for the answer.
      allowHalfOpen: true,
    });
    server.maxConnections = CONNECTION_LIMIT;
    await listen(server, { host: bind, port, backlog });
    server.on("error", (error) => logger.error("unexpected error on accepting connections", { error }));
    this.#server = server;
  }

  /** Requests under way are answered. */
  async stop(deadline: AbortSignal): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = once(server, "close");
    listeningSockets.close(server);
    this.#http.closeIdleConnections();
    await Promise.race([closed, aborted(deadline)]);
    this.#http.closeAllConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = await this.#body(request);
      if (body === undefined) this.#answer(response, TOO_LARGE);
      else this.#answer(response, await this.#handle(request, body));
    } catch (error) {
      this.#context.logger.debug("connection failed", { error });
      response.destroy();
    }
  }

  /** Undefined when it is too large; the rest of it is read and thrown away, so that the answer arrives. */
  async #body(request: IncomingMessage): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    let byteSize = 0;
    for await (const part of request as AsyncIterable<Buffer>) {
      byteSize += part.length;
      if (byteSize <= this.#config.bodySizeLimit) parts.push(part);
      else parts.length = 0;
    }
    this.#context.counters.add("received_bytes", byteSize);
    return byteSize > this.#config.bodySizeLimit ? undefined : Buffer.concat(parts);
  }

  async #handle(request: IncomingMessage, body: Buffer): Promise<Answer> {
    const { headers, method } = request;
    if (method === "GET") return { status: 200, close: true };
    const cors = { origins: this.#config.corsAllowOrigins, credentials: this.#config.corsAllowCredentials };
    if (method === "OPTIONS") {
      const allowed = preflightHeaders(cors, {
        origin: headers.origin,
        requestMethod: headers["access-control-request-method"],
        requestHeaders: headers["access-control-request-headers"],
      });
      return allowed ? { status: 200, headers: allowed, close: true } : { status: 403, close: true };
    }
    const allowed = corsHeaders(cors, headers.origin);
    if (!allowed) return { status: 403, close: true };
    const plain = await this.#decoded(body, headers["content-encoding"]);
    if (!plain) return { status: 400, close: true };
    const answer = await this.#deliver(request, plain);
    return { ...answer, headers: { ...answer.headers, ...allowed } };
  }

  async #decoded(body: Buffer, encoding: string | undefined): Promise<Buffer | undefined> {
    const decompress =
      encoding === "gzip" ? promisify(gunzip) : encoding === "deflate" ? promisify(inflate) : undefined;
    if (!decompress) return body;
    try {
      return (await decompress(body, { maxOutputLength: DECOMPRESSION_LIMIT_BYTES })) as Buffer;
    } catch (error) {
      this.#warnings.warn("fails to decode payload", { error });
      return undefined;
    }
  }

  async #deliver(request: IncomingMessage, body: Buffer): Promise<Answer> {
    const { logger, emitter, counters } = this.#context;
    const [path = "", ...query] = (request.url ?? "").split("?");
    const params = this.#params(request, body, query.join("?"));
    let events: ReturnType<RequestEvents["read"]>;
    try {
      events = this.#events.read(params, body, this.#fields(params), givenTime(params));
    } catch (error) {
      if (this.#config.dumpErrorLog) this.#warnings.warn("failed to process request", { error });
      counters.add("protocol_errors", 1, "bad_request");
      return { status: 400, headers: TEXT, body: `400 Bad Request\n${errorMessage(error)}\n` };
    }
    const tag = this.#tag(path);
    if (!isSafeTag(tag)) {
      counters.add("protocol_errors", 1, "invalid_tag");
      return { status: 400, headers: TEXT, body: "400 Bad Request\nthe path makes no valid tag\n" };
    }
    counters.add("received_events", events.size);
    try {
      if (events.size > 0) await emitter.emit(tag, events);
      counters.add("emitted_events", events.size);
    } catch (error) {
      if (this.#config.dumpErrorLog) logger.error("failed to emit data", { error });
      return { status: 500, headers: TEXT, body: `500 Internal Server Error\n${errorMessage(error)}\n` };
    }
    if (this.#config.respondWithEmptyImg) {
      return { status: 200, headers: { "Content-Type": "image/gif; charset=utf-8" }, body: EMPTY_GIF };
    }
    return this.#config.use204Response ? { status: 204 } : { status: 200, headers: TEXT };
  }

  #params(request: IncomingMessage, body: Buffer, query: string): RequestParams {
    const params = queryParams(query);
    const merge = (more: RequestParams) => {
      for (const [name, value] of more) params.set(name, value);
    };
    if (!this.#events.hasOwnParser) merge(bodyParams(request.headers["content-type"] ?? "", body));
    if (this.#config.addQueryParams) {
      for (const [name, value] of queryParams(query)) params.set(envName("QUERY_", name), value);
    }
    merge(headerParams(request.rawHeaders));
    const [forwarded] = (request.headers["x-forwarded-for"]?.toString() ?? "").split(",");
    params.set("REMOTE_ADDR", Buffer.from(forwarded || (request.socket.remoteAddress ?? "")));
    return params;
  }

  /** What the request itself adds to each record, in fluentd's order. */
  #fields(params: RequestParams): Map<string, Buffer> {
    const { addHttpHeaders, addQueryParams, addRemoteAddr } = this.#config;
    const fields = new Map<string, Buffer>();
    const add = (prefix: string) => {
      for (const [name, value] of params) if (name.startsWith(prefix)) fields.set(name, encode(value));
    };
    if (addHttpHeaders) add("HTTP_");
    if (addQueryParams) add("QUERY_");
    if (addRemoteAddr) fields.set("REMOTE_ADDR", encode(params.get("REMOTE_ADDR")));
    return fields;
  }

  /** `/app/log` is `app.log`. */
  #tag(path: string): string {
    const tag = path.slice(1).replace(/\/+$/, "").replaceAll("/", ".");
    return this.#config.addTagPrefix === undefined ? tag : `${this.#config.addTagPrefix}.${tag}`;
  }

  #answer(response: ServerResponse, { status, headers = {}, body = "", close = false }: Answer): void {
    const type = status === 204 ? {} : { "Content-Type": "text/plain" };
    const length = status === 204 ? {} : { "Content-Length": Buffer.byteLength(body) };
    response.writeHead(status, { ...type, ...length, ...headers, ...(close && { Connection: "close" }) });
    response.end(body);
  }
}

const TOO_LARGE: Answer = { status: 413, body: "Too large", close: true };

/** The `time` parameter: seconds since 1970; 0, and what is no number, mean now. Throws MalformedError. */
function givenTime(params: RequestParams): Buffer | "now" | undefined {
  const text = params.get("time")?.toString();
  if (text === undefined) return undefined;
  const number = Number.parseFloat(text);
  if (Number.isNaN(number) || number === 0) return "now";
  return numericTime(String(number), "float");
}

const timeTable = section(commonParameters({ timeKey: "time" }));

/** With a `@type` in `<parse>` that parser reads the body; otherwise the section says which field has the time, and how. */
function parsing(context: PluginContext): Parsing {
  const { element, clock } = context;
  const parse = element.childrenNamed("parse")[0] ?? flatParseSection(element);
  const type = parse?.text("@type");
  if (type !== undefined && type !== "in_http") return { parsers: createParsers(element, context) };
  const config = readSectionOrThrow(timeTable, parse ?? new ConfigElement("parse", "", element.position));
  const parser = eventTimeParser(config, clock);
  const hasRule = ["time_type", "time_format"].some((key) => config.element.parameter(key));
  return {
    time: {
      key: Buffer.from(config.timeKey ?? "time"),
      keeps: config.keepTimeKey,
      parser: hasRule ? parser : undefined,
    },
  };
}
