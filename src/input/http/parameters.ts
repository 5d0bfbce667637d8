/** Parameters of `@type http` as a source. Source: fluentd 1.18 plugin/in_http.rb. */

import { array, bool, integer, size, string, time } from "../../config/literals.ts";
import { type ConfigOf, section, withDefaults } from "../../config/parameters.ts";
import { ConfigError } from "../../errors.ts";
import { parseParameters, parseSections } from "../../parser/parser-list.ts";
import { transportTable } from "../../tls/transport.ts";

export const httpTable = section(
  {
    ...parseParameters,
    port: integer.default("Port to listen on.", 9880),
    bind: string.default("Address to listen on.", "0.0.0.0"),
    body_size_limit: size.default("Larger bodies are refused with 413.", 32 * 1024 * 1024),
    keepalive_timeout: time.default("How long a connection may be idle between requests.", 10),
    backlog: integer.optional("Connections that the system keeps waiting; without it Node's 511."),
    add_http_headers: bool.default("Add the request's headers to records, as `HTTP_NAME`.", false),
    add_remote_addr: bool.default("Add the client's address to records, as `REMOTE_ADDR`.", false),
    blocking_timeout: time.default("Accepted; it is about fluentd's own loop.", 0.5),
    cors_allow_origins: array.optional("Origins whose pages may send; `*` may stand for a part of one, or for all."),
    cors_allow_credentials: bool.default("Let pages send credentials; needs origins by name.", false),
    respond_with_empty_img: bool.default("Answer with a GIF of one pixel.", false),
    use_204_response: bool.default("Answer 204 instead of 200.", false),
    dump_error_log: bool.default("Log requests that fail.", true),
    add_query_params: bool.default("Add the query's parameters to records, as `QUERY_NAME`.", false),
    add_tag_prefix: string.optional("What goes before the tag, with a dot."),
  },
  { ...parseSections, transport: withDefaults(transportTable) },
);

export type HttpConfig = ConfigOf<typeof httpTable>;

/** Throws ConfigError with fluentd's texts. */
export function checkHttp(config: HttpConfig): void {
  const { corsAllowOrigins: origins, element } = config;
  if (config.corsAllowCredentials && (origins === undefined || origins.includes("*"))) {
    throw new ConfigError("Cannot enable cors_allow_credentials without specific origins", element.position);
  }
  if (config.addTagPrefix === "") {
    throw new ConfigError("'add_tag_prefix' parameter must not be empty", element.position);
  }
}
