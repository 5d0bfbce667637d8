/**
 * Where chunk files lie and what they are called.
 *
 * | `path` (in this order)                                    | files                          |
 * |-----------------------------------------------------------|--------------------------------|
 * | an existing folder, or nothing yet and no `.*` in the text | `<path>/buffer.b<ID>.log`      |
 * | `…/pre.*.buf`                                             | `pre.b<ID>.buf`                |
 * | `…/pre.*`                                                 | `pre.b<ID>.log` (path_suffix)  |
 * | anything else                                             | `<name>.b<ID>.log` beside it   |
 *
 * `b` is a staged chunk, `q` a queued one, ID the chunk's id in hexadecimal; a `.meta` file lies beside each.
 * Source: fluentd 1.18 buf_file.rb `configure` and buffer/file_chunk.rb; COMPAT 4.4.
 */

import { basename, dirname, join } from "node:path";
import { keptChunkId } from "./chunk-id.ts";
import type { FileSystem } from "./file-system.ts";

/** The text before and behind the state and id of a name: `<prefix>.b<ID>.<suffix>`. */
export interface ChunkPathPattern {
  readonly prefix: string;
  readonly suffix: string;
}

export interface ChunkName {
  readonly state: "staged" | "queued";
  readonly id: Buffer;
}

/** `pathSuffix` starts with a dot. */
export function chunkPathPattern(path: string, pathSuffix: string, fileSystem: FileSystem): ChunkPathPattern {
  const glob = globPattern(path, pathSuffix, fileSystem);
  const middle = glob.lastIndexOf(".*.");
  return { prefix: glob.slice(0, middle), suffix: glob.slice(middle + 3) };
}

function globPattern(path: string, pathSuffix: string, fileSystem: FileSystem): string {
  const status = fileSystem.status(path);
  if (status ? status.isDirectory : !path.includes(".*")) return join(path, `buffer.*${pathSuffix}`);
  if (basename(path).includes(".*.")) return path;
  return basename(path).endsWith(".*") ? `${path}${pathSuffix}` : `${path}.*${pathSuffix}`;
}

export function chunkFolder({ prefix }: ChunkPathPattern): string {
  return dirname(prefix);
}

export function stagedPath({ prefix, suffix }: ChunkPathPattern, id: Buffer): string {
  return `${prefix}.b${id.toString("hex")}.${suffix}`;
}

/** The name of a staged chunk's file once it is queued, whatever id its meta file says: a restart must find it. */
export function queuedPath(path: string): string {
  return path.replace(/\.b([0-9a-f]+\.[^/]*)$/, ".q$1");
}

/** The name that the chunk's file had while it was staged. */
export function formerStagedPath(path: string): string {
  return path.replace(/\.q([0-9a-f]+\.[^/]*)$/, ".b$1");
}

export function metaPath(path: string): string {
  return `${path}.meta`;
}

/** What a file name says, or undefined when it is no chunk of this pattern. */
export function parseChunkName(name: string, { prefix, suffix }: ChunkPathPattern): ChunkName | undefined {
  if (!name.startsWith(`${basename(prefix)}.`) || !name.endsWith(`.${suffix}`)) return undefined;
  const match = /\.([bq])((?:[0-9a-f]{2})+)\.[^/]*$/.exec(name);
  if (!match) return undefined;
  return { state: match[1] === "b" ? "staged" : "queued", id: keptChunkId(Buffer.from(match[2] as string, "hex")) };
}
