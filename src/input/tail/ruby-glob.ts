/**
 * Paths that match a pattern, as Ruby's `Dir.glob` finds them: `*` `?` `[a-z]` `[^a]` `{a,b}` `**` + `/`, a backslash takes
 * the meaning of the next sign. A leading dot must be written out. Folders that cannot be read have no files.
 * Source: Ruby 3.1 Dir.glob without flags; results are sorted folder by folder.
 */

import { lstat, readdir } from "node:fs/promises";

/** Folders below each other that a `**` walks into; links to folders are not followed. */
const MAX_DEPTH = 64;

/** Throws nothing: what cannot be read is absent. */
export async function rubyGlob(pattern: string): Promise<string[]> {
  const found: string[] = [];
  for (const plain of expandBraces(pattern)) {
    const isAbsolute = plain.startsWith("/");
    const segments = plain.split("/").filter((segment) => segment !== "");
    await walk(isAbsolute ? "/" : "", segments, 0, found);
  }
  return found;
}

async function walk(folder: string, segments: readonly string[], depth: number, found: string[]): Promise<void> {
  const [segment, ...rest] = segments;
  if (segment === undefined) return;
  if (segment === "**" && rest.length > 0) return walkBelow(folder, rest, depth, found);
  if (!hasMagic(segment)) {
    const path = folder + unescape(segment);
    if (rest.length > 0) return walk(`${path}/`, rest, depth, found);
    if (await exists(path)) found.push(path);
    return;
  }
  const expression = segmentExpression(segment);
  for (const name of await namesIn(folder)) {
    if (!expression.test(name)) continue;
    if (rest.length > 0) await walk(`${folder}${name}/`, rest, depth, found);
    else found.push(folder + name);
  }
}

async function walkBelow(folder: string, rest: readonly string[], depth: number, found: string[]): Promise<void> {
  await walk(folder, rest, depth, found);
  if (depth === MAX_DEPTH) return;
  const entries = await readdir(folder || ".", { withFileTypes: true }).catch(() => []);
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
  for (const name of folders.map((entry) => entry.name).sort(byBytes)) {
    await walkBelow(`${folder}${name}/`, rest, depth + 1, found);
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder || ".").catch(() => [])).sort(byBytes);
}

const byBytes = (left: string, right: string) => (left < right ? -1 : left > right ? 1 : 0);

const exists = (path: string) =>
  lstat(path).then(
    () => true,
    () => false,
  );

const hasMagic = (segment: string) => /(?<!\\)[*?[]/.test(segment);
const unescape = (segment: string) => segment.replace(/\\(.)/g, "$1");

/** The first group of braces, with no braces within it written out, until none is left. */
export function expandBraces(pattern: string): string[] {
  let depth = 0;
  let open = -1;
  const commas: number[] = [];
  for (let index = 0; index < pattern.length; index++) {
    const sign = pattern[index];
    if (sign === "\\") index += 1;
    else if (sign === "{" && depth++ === 0) open = index;
    else if (sign === "," && depth === 1) commas.push(index);
    else if (sign === "}" && depth > 0 && --depth === 0) {
      const bounds = [open, ...commas, index];
      const parts = bounds.slice(1).map((end, part) => pattern.slice((bounds[part] as number) + 1, end));
      return parts.flatMap((part) => expandBraces(pattern.slice(0, open) + part + pattern.slice(index + 1)));
    }
  }
  return [pattern];
}

/** One name between slashes as an expression. */
function segmentExpression(segment: string): RegExp {
  let source = /^[.\\]/.test(segment) ? "" : "(?!\\.)";
  for (let index = 0; index < segment.length; index++) {
    const sign = segment[index] as string;
    if (sign === "*") source += "[^/]*";
    else if (sign === "?") source += "[^/]";
    else if (sign === "\\" && index + 1 < segment.length) source += escape(segment[++index] as string);
    else if (sign === "[") {
      const end = segment.indexOf("]", index + 2);
      if (end < 0) return /(?!)/;
      source += set(segment.slice(index + 1, end));
      index = end;
    } else source += escape(sign);
  }
  return new RegExp(`^${source}$`, "su");
}

function set(members: string): string {
  const isNegated = members.startsWith("^") || members.startsWith("!");
  const body = (isNegated ? members.slice(1) : members).replace(/\\(?=.)/g, "").replace(/[\\\]^[&]/g, "\\$&");
  return `[${isNegated ? "^/" : ""}${body.replace(/^-|-$/g, "\\-")}]`;
}

const escape = (sign: string) => sign.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
