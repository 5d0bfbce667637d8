/**
 * `@type http`: events in the bodies of POST requests, their tag in the path. A request is answered when outputs hold its
 * events. Source: fluentd 1.18 plugin/in_http.rb; COMPAT 6.7.
 */

import { once } from "node:events";
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { promisify } from "node:util";
import { gunzip, inflate, type ZlibOptions } from "node:zlib";
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
const EMPTY_GIF = Buffer.from("4749463839610100010080ff00ffffff0000002c00000000010001000002024401003b", "hex");

const decompressors = new Map([
  ["gzip", promisify<Buffer, ZlibOptions, Buffer>(gunzip)],
  ["deflate", promisify<Buffer, ZlibOptions, Buffer>(inflate)],
]);

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
      (request, response) => this.#serve(request, response),
    );
    this.#http.on("checkContinue", (request, response) => {
      const length = Number(request.headers["content-length"] ?? 0);
      if (length >= config.bodySizeLimit) send(response, TOO_LARGE);
      else {
        response.writeContinue();
        this.#serve(request, response);
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

  /** Too large a body is read and thrown away, so that the answer arrives. */
  #serve(request: IncomingMessage, response: ServerResponse): void {
    const limit = this.#config.bodySizeLimit;
    const parts: Buffer[] = [];
    let byteSize = 0;
    request.on("data", (part: Buffer) => {
      byteSize += part.length;
      if (byteSize <= limit) parts.push(part);
      else parts.length = 0;
    });
    request.on("end", () => {
      this.#context.counters.add("received_bytes", byteSize);
      const body = byteSize > limit ? undefined : parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
      void this.#respond(request, response, body);
    });
    request.on("error", (error) => this.#fail(response, error));
  }

  async #respond(request: IncomingMessage, response: ServerResponse, body: Buffer | undefined): Promise<void> {
    try {
      send(response, body ? await this.#handle(request, body) : TOO_LARGE);
    } catch (error) {
      this.#fail(response, error);
    }
  }

  #fail(response: ServerResponse, error: unknown): void {
    this.#context.logger.debug("connection failed", { error });
    response.destroy();
  }

  async #handle(request: IncomingMessage, body: Buffer): Promise<Answer> {
    const { headers, method } = request;
    if (method === "GET") return EMPTY;
    const cors = { origins: this.#config.corsAllowOrigins, credentials: this.#config.corsAllowCredentials };
    if (method === "OPTIONS") {
      const allowed = preflightHeaders(cors, {
        origin: headers.origin,
        requestMethod: headers["access-control-request-method"],
        requestHeaders: headers["access-control-request-headers"],
      });
      return allowed ? answer(200, "", { more: [...allowed, ...CLOSE] }) : FORBIDDEN;
    }
    const allowed = corsHeaders(cors, headers.origin);
    if (!allowed) return FORBIDDEN;
    const encoding = headers["content-encoding"];
    const plain = encoding === undefined ? body : await this.#decoded(body, encoding);
    if (!plain) return UNREADABLE;
    const delivered = await this.#deliver(request, plain);
    return allowed.length === 0 ? delivered : { ...delivered, headers: [...delivered.headers, ...allowed] };
  }

  async #decoded(body: Buffer, encoding: string): Promise<Buffer | undefined> {
    const decompress = decompressors.get(encoding);
    if (!decompress) return body;
    try {
      return await decompress(body, { maxOutputLength: DECOMPRESSION_LIMIT_BYTES });
    } catch (error) {
      this.#warnings.warn("fails to decode payload", { error });
      return undefined;
    }
  }

  async #deliver(request: IncomingMessage, body: Buffer): Promise<Answer> {
    const { logger, emitter, counters } = this.#context;
    const { url = "" } = request;
    const mark = url.indexOf("?");
    const params = this.#params(request, body, mark < 0 ? "" : url.slice(mark + 1));
    let events: ReturnType<RequestEvents["read"]>;
    try {
      events = this.#events.read(params, body, this.#fields(params), givenTime(params));
    } catch (error) {
      if (this.#config.dumpErrorLog) this.#warnings.warn("failed to process request", { error });
      counters.add("protocol_errors", 1, "bad_request");
      return answer(400, `400 Bad Request\n${errorMessage(error)}\n`);
    }
    const tag = this.#tag(mark < 0 ? url : url.slice(0, mark));
    if (!isSafeTag(tag)) {
      counters.add("protocol_errors", 1, "invalid_tag");
      return NO_TAG;
    }
    counters.add("received_events", events.size);
    try {
      if (events.size > 0) await emitter.emit(tag, events);
      counters.add("emitted_events", events.size);
    } catch (error) {
      if (this.#config.dumpErrorLog) logger.error("failed to emit data", { error });
      return answer(500, `500 Internal Server Error\n${errorMessage(error)}\n`);
    }
    if (this.#config.respondWithEmptyImg) return IMAGE;
    return this.#config.use204Response ? NO_CONTENT : DONE;
  }

  /** Those of the query, the body, and of the request itself where records get them: a later one counts. */
  #params(request: IncomingMessage, body: Buffer, query: string): RequestParams {
    const { addHttpHeaders, addQueryParams, addRemoteAddr } = this.#config;
    const params = queryParams(query);
    const merge = (more: RequestParams) => {
      for (const [name, value] of more) params.set(name, value);
    };
    if (!this.#events.hasOwnParser) merge(bodyParams(request.headers["content-type"] ?? "", body));
    if (addQueryParams) {
      for (const [name, value] of queryParams(query)) params.set(envName("QUERY_", name), value);
    }
    if (addHttpHeaders) merge(headerParams(request.rawHeaders));
    if (addRemoteAddr) {
      const [forwarded] = (request.headers["x-forwarded-for"]?.toString() ?? "").split(",");
      params.set("REMOTE_ADDR", Buffer.from(forwarded || (request.socket.remoteAddress ?? "")));
    }
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
}

interface Answer {
  readonly status: number;
  /** Names and values in turn, as they are sent. */
  readonly headers: string[];
  readonly body: string | Buffer;
}

function answer(
  status: number,
  body: string | Buffer = "",
  { type = "text/plain", more = [] as string[] } = {},
): Answer {
  return { status, headers: ["Content-Type", type, "Content-Length", `${Buffer.byteLength(body)}`, ...more], body };
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, headers);
  response.end(body);
}

const CLOSE = ["Connection", "close"];
const DONE = answer(200);
const NO_CONTENT: Answer = { status: 204, headers: [], body: "" };
const IMAGE = answer(200, EMPTY_GIF, { type: "image/gif; charset=utf-8" });
const EMPTY = answer(200, "", { more: CLOSE });
const FORBIDDEN = answer(403, "", { more: CLOSE });
const UNREADABLE = answer(400, "", { more: CLOSE });
const NO_TAG = answer(400, "400 Bad Request\nthe path makes no valid tag\n");
const TOO_LARGE = answer(413, "Too large", { more: CLOSE });

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
