/** Which web pages may send. Source: fluentd 1.18 in_http.rb `handle_options_request`, `include_cors_allow_origin`. */

export interface CorsRules {
  /** Absent: no page may, and nobody is asked where they come from. */
  readonly origins: readonly string[] | undefined;
  readonly credentials: boolean;
}

export interface CorsRequest {
  readonly origin: string | undefined;
  readonly requestMethod: string | undefined;
  readonly requestHeaders: string | undefined;
}

/** The headers of the answer, names and values in turn; undefined when the origin may not send. */
export function corsHeaders({ origins, credentials }: CorsRules, origin: string | undefined): string[] | undefined {
  if (origins === undefined) return [];
  if (origins.includes("*")) return ["Access-Control-Allow-Origin", "*"];
  if (origin === undefined || !origins.some((pattern) => matches(pattern, origin))) return undefined;
  const allowed = ["Access-Control-Allow-Origin", origin];
  return credentials ? [...allowed, "Access-Control-Allow-Credentials", "true"] : allowed;
}

/** The answer to a browser that asks before it sends; undefined: 403. */
export function preflightHeaders(rules: CorsRules, request: CorsRequest): string[] | undefined {
  if (rules.origins === undefined || request.requestMethod !== "POST") return undefined;
  const allowed = corsHeaders(rules, request.origin);
  const headers = request.requestHeaders ?? "";
  return allowed && ["Access-Control-Allow-Methods", "POST", "Access-Control-Allow-Headers", headers, ...allowed];
}

/** `*` once stands for anything. */
function matches(pattern: string, origin: string): boolean {
  if (pattern === origin) return true;
  const star = pattern.indexOf("*");
  if (pattern === "" || star < 0) return false;
  return origin.startsWith(pattern.slice(0, star)) && origin.endsWith(pattern.slice(star + 1));
}
