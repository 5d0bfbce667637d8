/**
 * Finds a file that lost its name: rotation renames within a folder, often to a name that no configured path has. The
 * inode tells which one it is. The number is given again when a file is gone, so the name must look like the old one,
 * and what a compression wrote is never it.
 */

import { readdir, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type FileIdentity, type FileStatus, fileStatus, isSameFile } from "./file-identity.ts";
import { inLanes } from "./lanes.ts";

export interface FoundFile {
  readonly path: string;
  readonly status: FileStatus;
}

const COMPRESSED = /\.(?:gz|bz2|zst|xz|lz4|zip)$/;

/** A folder is not there, or not ours to read. */
const ABSENT = new Set(["ENOENT", "ENOTDIR", "EACCES", "EPERM"]);

/** Entries of a folder that are looked at. */
const MAX_ENTRIES = 20_000;

/**
 * The file of that inode in the folder of one of `paths`, or in the folder that such a path, a link, leads into.
 * `device` is known for files that were followed already. Throws the system's error where a folder cannot be read now.
 */
export async function findRotatedFile(
  paths: readonly string[],
  inode: bigint,
  device?: bigint,
): Promise<FoundFile | undefined> {
  const searched = new Set<string>();
  for (const path of paths) {
    const real = await realpath(path).catch(() => path);
    for (const place of new Set([path, real])) {
      const isLinked = place !== path;
      const key = `${dirname(place)}\0${stem(place)}`;
      if (searched.has(key)) continue;
      searched.add(key);
      const found = await search(dirname(place), isLinked ? "" : stem(path), inode, device);
      if (found) return found;
    }
  }
  return undefined;
}

async function search(folder: string, start: string, inode: bigint, device?: bigint): Promise<FoundFile | undefined> {
  const names = await namesIn(folder);
  const likely = names.filter((name) => name.startsWith(start) && !COMPRESSED.test(name)).slice(0, MAX_ENTRIES);
  let found: FoundFile | undefined;
  await inLanes(likely, async (name) => {
    if (found) return;
    const path = join(folder, name);
    const status = await fileStatus(path);
    if (status?.isFile && status.inode === inode && (device === undefined || status.device === device)) {
      found = { path, status };
    }
  });
  return found;
}

/**
 * The files that had the name `path` after `older` and before `newer`: a fast writer rotates more than once between two
 * looks. They are named after the path, and were made between the two; in the order in which they were made. What was
 * made while the older one still had the name, as far as that is known by `namedNs`, is a copy. Where the
 * file system does not say when files were made, none is found. Such times have steps of milliseconds: files of the
 * older one's step are among them when the caller knows those that were read before it, and what has the name by now
 * never is: where that is not `newer` any more, it came after it. Throws as findRotatedFile does.
 */
export async function findFilesBetween(
  path: string,
  older: FileIdentity & { readonly namedNs: bigint },
  newer: FileIdentity,
  knowsEarlier: boolean,
): Promise<FoundFile[]> {
  if (older.bornNs === 0n || newer.bornNs === 0n) return [];
  const place = await realpath(path).catch(() => path);
  const folder = dirname(place);
  const current = basename(place);
  const names = await namesIn(folder);
  const likely = names.filter((name) => name.startsWith(current) && name !== current && !COMPRESSED.test(name));
  const found = await inLanes(likely.slice(0, MAX_ENTRIES), async (name) => {
    const status = await fileStatus(join(folder, name));
    if (!status?.isFile || isSameFile(status, older) || isSameFile(status, newer)) return [];
    const isLater = knowsEarlier ? status.bornNs >= older.bornNs : status.bornNs > older.bornNs;
    const isBetween = isLater && status.bornNs >= older.namedNs && status.bornNs <= newer.bornNs;
    return isBetween ? [{ path: join(folder, name), status }] : [];
  });
  return found.flat().sort(({ status: left }, { status: right }) => {
    return Number(left.bornNs - right.bornNs) || Number(left.modifiedNs - right.modifiedNs);
  });
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (ABSENT.has((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}

/** `app` of `app.log`: rotated names are such as `app.log.1`, `app-20231114.log`. */
function stem(path: string): string {
  const name = basename(path);
  const dot = name.indexOf(".", 1);
  return dot < 0 ? name : name.slice(0, dot);
}
