/**
 * The list of receivers in a file: JSON, or the block form of YAML that such lists are written in:
 *
 * ```yaml
 * - host: 10.0.0.1
 *   port: 24224
 *   weight: 60      # a comment
 * - {"host": "10.0.0.2", "port": 24224}
 * ```
 *
 * Of YAML: a list of maps of scalars, plain or quoted; comments; `---`. Anything else is an error that names its line.
 * Source: fluentd 1.18 sd_file.rb.
 */

import { type Service, serviceFromItem } from "./service.ts";

/** Throws Error with the reason and the line. */
export function parseServiceList(text: string): Service[] {
  const isJson = text.trimStart().startsWith("[");
  const items = isJson ? (JSON.parse(text) as unknown[]) : parseBlockList(text);
  return items.map(serviceFromItem);
}

/** `indent`, `- ` or nothing, and the rest of a line. */
const LINE = /^( *)(-(?: +|$))?(.*)$/;
const PAIR = /^(?:"([^"]+)"|'([^']+)'|([A-Za-z_]\w*)) *:(?: +(.*))?$/;

function parseBlockList(text: string): Record<string, unknown>[] {
  const items: Record<string, unknown>[] = [];
  let keyColumn = -1;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line) || /^(---|\.\.\.)\s*$/.test(line)) continue;
    const fail = (reason: string): never => {
      throw new Error(`line ${index + 1}: ${reason}; write a list of maps: "- host: 10.0.0.1", "  port: 24224"`);
    };
    if (line.includes("\t")) fail("a tab, which YAML does not allow to indent with");
    const [, indent = "", dash, rest = ""] = LINE.exec(line) as RegExpExecArray;
    const column = indent.length + (dash?.length ?? 0);
    if (dash !== undefined) {
      items.push(rest.startsWith("{") ? parseFlowMap(rest, fail) : {});
      keyColumn = rest === "" || rest.startsWith("{") ? -1 : column;
      if (keyColumn < 0) continue;
    } else if (items.length === 0) {
      fail("the list begins with no dash");
    } else if (keyColumn < 0) {
      keyColumn = column;
    } else if (column !== keyColumn) {
      fail("a key that is not below the first key of its item");
    }
    const pair = PAIR.exec(rest) ?? fail("no key and value");
    const key = pair[1] ?? pair[2] ?? pair[3] ?? "";
    (items.at(-1) as Record<string, unknown>)[key] = parseScalar(pair[4] ?? "", fail);
  }
  return items;
}

function parseFlowMap(text: string, fail: (reason: string) => never): Record<string, unknown> {
  try {
    return JSON.parse(text.replace(/\s+#.*$/, "")) as Record<string, unknown>;
  } catch {
    return fail("a map in braces that is no JSON");
  }
}

function parseScalar(text: string, fail: (reason: string) => never): unknown {
  const quoted = /^(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)') *(?:#.*)?$/.exec(text);
  if (quoted?.[1] !== undefined) return JSON.parse(`"${quoted[1]}"`);
  if (quoted?.[2] !== undefined) return quoted[2].replaceAll("''", "'");
  const plain = text.replace(/(^|\s+)#.*$/, "").trim();
  if (/^["'[{&*!|>%@`]/.test(plain)) fail(`the value ${plain} is in a form that is not read`);
  if (/^-?\d+$/.test(plain)) return Number(plain);
  if (/^(true|false)$/i.test(plain)) return plain.toLowerCase() === "true";
  return /^(~|null|)$/i.test(plain) ? undefined : plain;
}
