/**
 * The parameters of a request, as in_http has them: those of the query and of the body, and the headers.
 * Source: fluentd 1.18 in_http.rb `on_message_complete`, WEBrick's `parse_query` and `parse_form_data`.
 */

/** Values are bytes: what a client sends need not be text. */
export type RequestParams = Map<string, Buffer>;

/** `a=1&b=2`, with `+` for blanks; of a name that stands twice, the first counts. */
export function queryParams(text: string): RequestParams {
  const params: RequestParams = new Map();
  if (text === "") return params;
  for (const pair of text.split(/[&;]/).filter((part) => part !== "")) {
    const equals = pair.indexOf("=");
    const name = unescaped(equals < 0 ? pair : pair.slice(0, equals)).toString();
    if (!params.has(name)) params.set(name, unescaped(equals < 0 ? "" : pair.slice(equals + 1)));
  }
  return params;
}

/** `text` holds a byte in each character. */
function unescaped(text: string): Buffer {
  const spaced = text.replaceAll("+", " ");
  const bytes = spaced.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1");
}

/** The fields of a `multipart/form-data` body. */
export function multipartParams(body: Buffer, boundary: string): RequestParams {
  const params: RequestParams = new Map();
  const mark = Buffer.from(`--${boundary}`, "latin1");
  for (let start = body.indexOf(mark); start >= 0; ) {
    const next = body.indexOf(mark, start + mark.length);
    if (next < 0) break;
    const part = body.subarray(start + mark.length + 2, next - 2);
    const headersEnd = part.indexOf("\r\n\r\n");
    const headers = part.toString("latin1", 0, Math.max(headersEnd, 0));
    const [, quoted, plain] = /content-disposition:.*?\bname=(?:"([^"]*)"|([^;\r\n]*))/i.exec(headers) ?? [];
    const name = quoted ?? plain;
    if (headersEnd >= 0 && name !== undefined && !params.has(name)) {
      params.set(name, Buffer.from(part.subarray(headersEnd + 4)));
    }
    start = next;
  }
  return params;
}

/** `Content-Type` is `HTTP_CONTENT_TYPE`. In the order in which they came. */
export function headerParams(rawHeaders: readonly string[]): RequestParams {
  const params: RequestParams = new Map();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    params.set(envName("HTTP_", rawHeaders[index] as string), Buffer.from(rawHeaders[index + 1] as string, "latin1"));
  }
  return params;
}

export function envName(prefix: string, name: string): string {
  return `${prefix}${name.replaceAll("-", "_").toUpperCase()}`;
}

/** What the body says by its type; nothing for types that in_http does not know. */
export function bodyParams(contentType: string, body: Buffer): RequestParams {
  const [, boundary] = /^multipart\/form-data; boundary=(.+)/.exec(contentType) ?? [];
  if (boundary !== undefined) return multipartParams(body, boundary.replace(/^"(.*)"$/, "$1"));
  if (contentType.startsWith("application/x-www-form-urlencoded")) return queryParams(body.toString("latin1"));
  const name = BODY_TYPES.find(([type]) => contentType.startsWith(type))?.[1];
  return name === undefined ? new Map() : new Map([[name, body]]);
}

const BODY_TYPES: readonly (readonly [string, string])[] = [
  ["application/json", "json"],
  ["application/csp-report", "json"],
  ["application/msgpack", "msgpack"],
  ["application/x-ndjson", "ndjson"],
];
