/**
 * Which position belongs to which file, over restarts: by path, or by inode with `follow_inodes`. Says, too, which
 * files were rotated while the agent was down and are not read to their end. Source: fluentd 1.18
 * in_tail/position_file.rb `load`, `compact`; COMPAT 5.3.
 */

import { errorMessage } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { fileStatus } from "./file-identity.ts";
import type { HeldRanges } from "./held-ranges.ts";
import { inLanes } from "./lanes.ts";
import { FilePosition, MemoryPosition, type Position, type PositionFile, type SavedPosition } from "./position-file.ts";
import { type FoundFile, findRotatedFile } from "./rotated-file.ts";
import type { Target } from "./target-paths.ts";

/** A file that lost its configured name, and may not be read to its end. */
export interface Remainder extends FoundFile {
  /** The name that it had. */
  readonly formerPath: string;
  readonly position: Position;
}

export class PositionBook {
  readonly #file: PositionFile | undefined;
  readonly #byInode: boolean;
  readonly #logger: Logger;
  readonly #held: HeldRanges | undefined;
  /** The line that counts for a path, or for an inode. */
  readonly #current = new Map<string | bigint, Position>();
  /** Where files are read up to that were found under a followed name they did not have before. */
  readonly #renamed = new Map<bigint, number>();

  /** `held` corrects what the file says, by what buffers hold. */
  constructor(file: PositionFile | undefined, byInode: boolean, logger: Logger, held?: HeldRanges) {
    this.#file = file;
    this.#byInode = byInode;
    this.#logger = logger;
    this.#held = held;
  }

  /**
   * Reads the file and leaves out what is of no use any more: paths that are not among the targets, unless what they
   * led to is still there, under this name or another. Gives the files that must still be read to their end.
   */
  async load(targets: readonly Target[]): Promise<Remainder[]> {
    if (!this.#file) return [];
    const read = this.#unique(
      this.#file.read((line) => this.#logger.warn("Unparsable line in pos_file", { line: line.slice(0, 256) })),
    );
    const byPath = new Map(targets.map((target) => [target.path, target]));
    const byInode = new Map(targets.map((target) => [target.status.inode, target]));
    const lastOfPath = new Map(read.map(({ path, inode }) => [path, inode]));
    const kept: { saved: SavedPosition; remainder: FoundFile | undefined; isCurrent: boolean }[] = [];
    const lost: string[] = [];
    const places = await inLanes(read, async (position) => {
      const target = this.#byInode ? byInode.get(position.inode) : byPath.get(position.path);
      const renamed = byInode.get(position.inode);
      const isTarget = target?.status.inode === position.inode;
      const found = isTarget || renamed || position.inode === 0n ? undefined : await this.#find(position);
      const saved = await this.#corrected(position, isTarget ? target : (renamed ?? found));
      return { saved, target, found, isRenamed: !isTarget && renamed !== undefined };
    });
    for (const { saved, target, found, isRenamed } of places) {
      const isCurrent = this.#byInode ? target !== undefined : lastOfPath.get(saved.path) === saved.inode;
      if (isRenamed) this.#renamed.set(saved.inode, saved.offset);
      const isSameName = found?.path === saved.path;
      // One that is read to its end counts, too: it tells from when on other files had its name.
      const remainder = found && !isSameName ? found : undefined;
      if (!found && !isRenamed && target?.status.inode !== saved.inode && saved.inode !== 0n) lost.push(saved.path);
      if (remainder) kept.push({ saved, remainder, isCurrent: false });
      else if (isCurrent && (target || isSameName)) kept.push({ saved, remainder: undefined, isCurrent });
    }
    if (lost.length > 0) {
      const message =
        "files were replaced or removed while nobody read them; what they held behind the position may be lost";
      this.#logger.warn(message, { count: lost.length, paths: lost.slice(0, 10) });
    }
    const lines = this.#file.replace(kept.map((entry) => entry.saved));
    return kept.flatMap(({ remainder, isCurrent, saved: { path, inode } }, index) => {
      const position = lines[index] as FilePosition;
      if (isCurrent || remainder) this.#current.set(this.#byInode ? inode : path, position);
      return remainder ? [{ ...remainder, formerPath: path, position }] : [];
    });
  }

  /** The position of a file that is followed from now on, as it was left, or new: then its inode is 0. */
  of(path: string, inode: bigint): Position {
    const key = this.#byInode ? inode : path;
    const known = this.#current.get(key);
    if (known) return known;
    return this.#append(key, path);
  }

  /** How far a file was read under a name that it no longer has. */
  renamedOffset(inode: bigint): number | undefined {
    return this.#renamed.get(inode);
  }

  /** A position for the file that stands in the place of another, which keeps its own until it is read. */
  succeed(path: string, inode: bigint): Position {
    return this.#byInode ? this.of(path, inode) : this.#append(path, path);
  }

  /** The file of this position is read to its end. Its line goes when the path has another one. */
  finish(position: Position): void {
    if (this.#byInode || !(position instanceof FilePosition)) return;
    this.#file?.remove(position);
  }

  /** Nobody follows the path any more. */
  unwatch(path: string, inode: bigint): void {
    const key = this.#byInode ? inode : path;
    const position = this.#current.get(key);
    if (position instanceof FilePosition) position.unwatch();
    this.#current.delete(key);
  }

  /** With `follow_inodes`: unwatches every file that is not among these. */
  unwatchOthers(inodes: ReadonlySet<bigint>): void {
    for (const key of this.#current.keys()) {
      if (typeof key === "bigint" && !inodes.has(key)) this.unwatch("", key);
    }
  }

  compact(): void {
    this.#file?.compact();
  }

  close(): void {
    this.#file?.close();
  }

  #append(key: string | bigint, path: string): Position {
    const position = this.#file?.append(path) ?? new MemoryPosition();
    this.#current.set(key, position);
    return position;
  }

  /** Of equal lines the one that is farther: it was written later. */
  #unique(saved: readonly SavedPosition[]): SavedPosition[] {
    const unique = new Map<string, SavedPosition>();
    for (const position of saved) {
      const key = this.#byInode ? `${position.inode}` : `${position.inode}\t${position.path}`;
      const other = unique.get(key);
      if (!other || position.offset >= other.offset) unique.set(key, position);
    }
    return [...unique.values()];
  }

  async #corrected(position: SavedPosition, file: FoundFile | undefined): Promise<SavedPosition> {
    if (!this.#held || !file || position.inode === 0n) return position;
    const name = this.#held.nameOf(this.#byInode ? "" : position.path, file.status);
    return { ...position, ...(await this.#held.resume(name, file.path, position.offset)) };
  }

  async #find({ path, inode }: SavedPosition): Promise<FoundFile | undefined> {
    const status = await fileStatus(path);
    if (status?.isFile && status.inode === inode) return { path, status };
    return findRotatedFile([path], inode).catch((error) => {
      this.#logger.warn("cannot look for a rotated file", { path, inode, error: errorMessage(error) });
      return undefined;
    });
  }
}
