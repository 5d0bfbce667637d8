/**
 * The files that are followed: which path leads to which file, and what becomes of a file that loses its name. One
 * tailer per file; of one path, a later file waits until the earlier one is read, so that lines stay in order.
 *
 * | what is seen behind a path  | what is done                                                      |
 * |-----------------------------|-------------------------------------------------------------------|
 * | another inode               | the old file is read to its end, then the new one from its head   |
 * | nothing                     | the old file is read to its end                                   |
 * | fewer bytes than before     | the file was truncated: from its head; what was not read is lost  |
 * | a file that had another name| it is read on, from where it was                                  |
 *
 * Source: fluentd 1.18 in_tail.rb `TailWatcher#on_rotate`, `update_watcher`, `refresh_watchers`; COMPAT 5.4.
 */

import { errorMessage } from "../../errors.ts";
import type { FileReport } from "../../plugin.ts";
import { type FileIdentity, type FileStatus, fileStatus, fileStatusNow, isSameFile } from "./file-identity.ts";
import { FinishedFiles } from "./finished-files.ts";
import type { HeldRanges } from "./held-ranges.ts";
import { inLanes } from "./lanes.ts";
import { LOOKS_OF_TURN, ROTATED_FILES_OF_PATH } from "./limits.ts";
import type { PositionBook, Remainder } from "./position-book.ts";
import type { Position } from "./position-file.ts";
import { type Allowance, bytesPerSecond, type FileGroups } from "./read-allowance.ts";
import { type FoundFile, findFilesBetween } from "./rotated-file.ts";
import type { TagTemplate } from "./tag-template.ts";
import { type FollowedFile, Tailer, type TailWork } from "./tailer.ts";
import type { Target } from "./target-paths.ts";

export interface FollowRules {
  readonly followsInodes: boolean;
  readonly readsFromHead: boolean;
  readonly bytesPerSecond: number;
  readonly tag: TagTemplate;
  readonly groups: FileGroups | undefined;
  /** What buffers hold of the files; undefined where positions are not kept. */
  readonly held: HeldRanges | undefined;
}

/** Gets paths as they begin and end to be followed. */
export interface PathListener {
  added(path: string): void;
  removed(path: string): void;
}

interface FollowedPath {
  readonly path: string;
  readonly group: { readonly lines: Allowance; leave(): void } | undefined;
  /** undefined while there is no file. */
  tailer: Tailer | undefined;
  /** The last one that lost the path's name, though it may be read to its end: files that came after it are found. */
  former: Tailer | undefined;
  checking: Promise<void> | undefined;
  wantsCheck: boolean;
}

export class FollowedFiles {
  readonly #rules: FollowRules;
  readonly #work: TailWork;
  readonly #book: PositionBook;
  readonly #listener: PathListener;
  readonly #paths = new Map<string, FollowedPath>();
  readonly #rotated = new Set<Tailer>();
  /** Of files that were rotated before the start: what was read before them is not known. */
  readonly #resumed = new WeakSet<Tailer>();
  readonly #finished = new FinishedFiles();
  #isFirstRefresh = true;
  #isStopping = false;

  constructor(rules: FollowRules, work: TailWork, book: PositionBook, listener: PathListener) {
    this.#rules = rules;
    this.#work = work;
    this.#book = book;
    this.#listener = listener;
  }

  get pathCount(): number {
    return this.#paths.size;
  }

  /** Goes on with files that were rotated while nobody read them. */
  resume(remainders: readonly Remainder[]): void {
    for (const { formerPath, path, status, position } of remainders) {
      const tailer = this.#tailer(formerPath, status, position, path);
      this.#resumed.add(tailer);
      this.#retire(tailer);
    }
  }

  /** Begins to follow the targets that are new, and lets go of paths that are none any more. */
  refresh(targets: readonly Target[]): void {
    if (this.#isStopping) return;
    const wanted = new Set(targets.map(({ path }) => path));
    for (const followed of [...this.#paths.values()]) {
      if (!wanted.has(followed.path) && !this.#isBetweenFiles(followed)) this.#leave(followed);
    }
    for (const target of targets) this.#follow(target);
    if (this.#rules.followsInodes) this.#book.unwatchOthers(this.#inodes(targets));
    this.#isFirstRefresh = false;
  }

  /** Looks at every path. */
  async checkAll(): Promise<void> {
    const others: string[] = [];
    for (const [index, path] of [...this.#paths.keys()].entries()) {
      if (this.#seeGrowth(path) === undefined) others.push(path);
      if (index % LOOKS_OF_TURN === LOOKS_OF_TURN - 1) await new Promise(setImmediate);
    }
    await inLanes(others, (path) => this.check(path));
    for (const { tailer } of this.#paths.values()) tailer?.tick();
    for (const tailer of [...this.#rotated]) tailer.tick();
  }

  /** Looks at one path, without waiting for a file that has only grown. Whether there was a change. */
  look(path: string): boolean {
    const hasGrown = this.#seeGrowth(path);
    if (hasGrown !== undefined) return hasGrown;
    void this.check(path);
    return this.#paths.get(path)?.tailer !== undefined;
  }

  /**
   * Whether the file of this path has grown; undefined where it is another, was cut, or there is none: then it must be
   * checked. Asks the system on this thread: 8 µs, and 60 by way of the thread pool.
   */
  #seeGrowth(path: string): boolean | undefined {
    const tailer = this.#paths.get(path)?.tailer;
    if (!tailer) return undefined;
    const status = fileStatusNow(path);
    if (!status?.isFile || !isSameFile(tailer.file.identity, status)) return undefined;
    seenNamed(tailer, status.modifiedNs);
    const before = Math.max(tailer.knownBytes, tailer.offset);
    if (status.byteSize <= before) return status.byteSize < before ? undefined : false;
    tailer.grew(status.byteSize);
    tailer.notify();
    return true;
  }

  /** Looks at one path; does nothing for others. Resolves when what was there at the call is seen. */
  async check(path: string): Promise<void> {
    const followed = this.#paths.get(path);
    if (!followed) return;
    followed.wantsCheck = true;
    followed.checking ??= this.#look(followed)
      .catch((error) => {
        this.#work.counters.add("disk_errors", 1, "tail_look");
        this.#work.warnings.warn("cannot look for rotated files; the next look does", {
          path,
          error: errorMessage(error),
        });
      })
      .finally(() => {
        followed.checking = undefined;
      });
    await followed.checking;
  }

  async #look(followed: FollowedPath): Promise<void> {
    const { path } = followed;
    while (followed.wantsCheck && !this.#isStopping) {
      followed.wantsCheck = false;
      const { tailer } = followed;
      // The file has at least so many bytes before the look, unless it was truncated.
      const before = Math.max(tailer?.knownBytes ?? 0, tailer?.offset ?? 0);
      const status = await fileStatus(path);
      const holder = tailer || !status ? undefined : this.#holderOf(status);
      if (holder !== undefined) await this.check(holder);
      const between = await this.#findBetween(followed, status);
      const isCurrent = this.#paths.get(path) === followed && followed.tailer === tailer && !this.#isStopping;
      if (isCurrent) this.#see(followed, status, between, before);
    }
  }

  /** Reads what is there, hands over the last events, and follows nothing any more. */
  flush(): void {
    for (const tailer of this.#tailers()) tailer.flush();
  }

  /** The files that have their names; not those that were rotated and are read to their end. */
  report(): FileReport[] {
    const nowMs = this.#work.clock.monotonic();
    return [...this.#paths.values()].flatMap(({ path, tailer }) => {
      if (!tailer) return [];
      const { file, offset: position, knownBytes, lag } = tailer;
      const { inode } = file.identity;
      return [
        { path, inode, position, byteSize: Math.max(knownBytes, position), lagSeconds: lag.seconds(position, nowMs) },
      ];
    });
  }

  stop(): void {
    this.#isStopping = true;
    for (const tailer of this.#tailers()) tailer.abandon();
  }

  *#tailers(): Iterable<Tailer> {
    yield* [...this.#rotated];
    for (const { tailer } of this.#paths.values()) if (tailer) yield tailer;
  }

  #follow({ path, status }: Target): void {
    if (this.#paths.has(path)) return;
    if (this.#rules.followsInodes && this.#isRead(status)) return;
    const group = this.#rules.groups?.join(path);
    const former = this.#latestRotated(path);
    const followed: FollowedPath = { path, group, tailer: undefined, former, checking: undefined, wantsCheck: false };
    this.#paths.set(path, followed);
    this.#listener.added(path);
    const holder = this.#isFirstRefresh ? undefined : this.#holderOf(status);
    if (holder || former) void this.check(path);
    else this.#appear(followed, status, this.#isFirstRefresh && !this.#rules.readsFromHead);
  }

  /** The path that is known to lead to this file: it was renamed, or has two names. */
  #holderOf(identity: FileIdentity): string | undefined {
    for (const { path, tailer } of this.#paths.values()) {
      if (tailer && isSameFile(tailer.file.identity, identity)) return path;
    }
    return undefined;
  }

  /** Whether a tailer has the file already, under whatever name. */
  #isRead(identity: FileIdentity): boolean {
    for (const tailer of this.#tailers()) if (isSameFile(tailer.file.identity, identity)) return true;
    return false;
  }

  /** Files that had the path's name since the one that is known, and before the one that has it now. */
  async #findBetween({ path, tailer, former }: FollowedPath, status: FileStatus | undefined): Promise<FoundFile[]> {
    const last = tailer ?? former;
    if (!status?.isFile || !last || isSameFile(last.file.identity, status)) return [];
    const older = { ...last.file.identity, namedNs: last.namedNs };
    const found = await findFilesBetween(path, older, status, !this.#resumed.has(last));
    return found.filter((file) => this.#finished.offsetOf(file.status) === undefined && !this.#isRead(file.status));
  }

  #see(followed: FollowedPath, status: FileStatus | undefined, between: readonly FoundFile[], before: number): void {
    const { tailer } = followed;
    const isOther = !status?.isFile || (tailer && !isSameFile(tailer.file.identity, status));
    if (tailer && isOther) this.#loseName(followed, tailer);
    for (const file of between) {
      this.#appear(followed, file.status, false, file.path);
      if (followed.tailer) this.#loseName(followed, followed.tailer);
    }
    if (!status?.isFile) return;
    if (!tailer || isOther) return this.#appear(followed, status, false);
    seenNamed(tailer, status.modifiedNs);
    if (status.byteSize < before) this.#truncate(followed, tailer, status);
    else if (status.byteSize > before) {
      tailer.grew(status.byteSize);
      tailer.notify();
    }
  }

  /** A file stands where none was. */
  #appear(followed: FollowedPath, status: FileStatus, startsAtEnd: boolean, place = followed.path): void {
    const former = [...this.#rotated].find((tailer) => isSameFile(tailer.file.identity, status));
    if (former && former.path !== followed.path) return; // It is read under its former name; then it comes here.
    if (former) return this.#takeBack(followed, former);
    const position = this.#book.of(followed.path, status.inode);
    const rotated = this.#latestRotated(followed.path);
    if (rotated?.file.position === position) {
      const next = this.#book.succeed(followed.path, status.inode);
      return this.#start(followed, status, next, next.inode === status.inode ? next.offset : 0, place);
    }
    if (position.inode === status.inode) {
      return this.#start(followed, status, position, position.offset > status.byteSize ? 0 : position.offset, place);
    }
    const elsewhere = this.#finished.offsetOf(status) ?? this.#book.renamedOffset(status.inode);
    const isNew = position.inode === 0n && startsAtEnd;
    const offset = elsewhere !== undefined && elsewhere <= status.byteSize ? elsewhere : isNew ? status.byteSize : 0;
    this.#start(followed, status, position, offset, place);
  }

  #start(followed: FollowedPath, status: FileStatus, position: Position, offset: number, place: string): void {
    const before = this.#latestRotated(followed.path);
    const source = this.#sourceOf(followed.path, status);
    if (source !== undefined && (position.inode !== status.inode || position.offset !== offset)) {
      this.#rules.held?.forget(source);
    }
    position.restart(status.inode, offset);
    const tailer = this.#tailer(followed.path, status, position, place);
    followed.tailer = tailer;
    this.#listen(followed, tailer);
    this.#work.logger.info(`following tail of ${followed.path}`);
    if (!before || before.isDrained) return tailer.notify();
    tailer.hold();
    before.onDrained = () => tailer.start();
  }

  #loseName(followed: FollowedPath, tailer: Tailer): void {
    const { counters, logger, rotateWaitMs } = this.#work;
    followed.tailer = undefined;
    followed.former = tailer;
    counters.add("files_rotated");
    logger.info(`detected rotation of ${followed.path}; waiting ${rotateWaitMs / 1000} seconds`);
    this.#retire(tailer);
  }

  #truncate(followed: FollowedPath, tailer: Tailer, status: FileStatus): void {
    this.#work.counters.add("files_rotated");
    this.#work.logger.info(`detected rotation of ${followed.path}`);
    tailer.onFinished = () => {};
    tailer.abandon("truncated");
    this.#start(followed, status, tailer.file.position, 0, followed.path);
    if (followed.tailer) seenNamed(followed.tailer, status.modifiedNs + 1n); // A copy of what was there was made before.
  }

  /** The tailer goes on until its file is read. */
  #retire(tailer: Tailer): void {
    const ofPath = [...this.#rotated].filter(({ path }) => path === tailer.path);
    if (ofPath.length >= ROTATED_FILES_OF_PATH) ofPath[0]?.abandon("too_many_rotated");
    this.#rotated.add(tailer);
    tailer.onFinished = () => this.#finish(tailer);
    tailer.rotate();
  }

  #finish(tailer: Tailer): void {
    this.#rotated.delete(tailer);
    if (this.#isStopping) return;
    this.#finished.add(tailer.file.identity, tailer.offset);
    this.#book.finish(tailer.file.position);
    if (!this.#paths.has(tailer.path) && !this.#rules.followsInodes) {
      this.#book.unwatch(tailer.path, tailer.file.identity.inode);
    }
  }

  /** A file that has its name again. */
  #takeBack(followed: FollowedPath, tailer: Tailer): void {
    followed.tailer = tailer;
    this.#listen(followed, tailer);
    tailer.keep();
  }

  /**
   * Whether the path lost its file a moment ago: until that is read to its end the next may come, which must find
   * what is known of the one before it.
   */
  #isBetweenFiles({ path, tailer, former }: FollowedPath): boolean {
    if (!tailer) return former !== undefined && !former.isFinished;
    const status = fileStatusNow(path);
    if (status && isSameFile(tailer.file.identity, status)) return false;
    void this.check(path);
    return true;
  }

  #leave(followed: FollowedPath): void {
    this.#paths.delete(followed.path);
    followed.group?.leave();
    this.#listener.removed(followed.path);
    if (followed.tailer) this.#retire(followed.tailer);
    else if (!this.#rules.followsInodes && !this.#latestRotated(followed.path)) this.#book.unwatch(followed.path, 0n);
  }

  #latestRotated(path: string): Tailer | undefined {
    return [...this.#rotated].findLast((tailer) => tailer.path === path);
  }

  /** A current file may end, too: it was deleted before it was opened. */
  #listen(followed: FollowedPath, tailer: Tailer): void {
    this.#rotated.delete(tailer);
    tailer.onFinished = () => {
      if (followed.tailer === tailer) followed.tailer = undefined;
    };
  }

  #tailer(path: string, status: FileStatus, position: Position, place: string): Tailer {
    const { tag, groups, bytesPerSecond: limit } = this.#rules;
    const lines = this.#paths.get(path)?.group?.lines ?? groups?.join(path).lines;
    const file: FollowedFile = {
      path,
      tag: tag.tagOf(path),
      identity: { device: status.device, inode: status.inode, bornNs: status.bornNs },
      source: this.#sourceOf(path, status),
      position,
      place,
      byteSize: status.byteSize,
      bytes: bytesPerSecond(this.#work.clock, limit),
      lines: lines ?? bytesPerSecond(this.#work.clock, -1),
    };
    return new Tailer(file, this.#work);
  }

  #sourceOf(path: string, identity: FileIdentity): string | undefined {
    return this.#rules.held?.nameOf(this.#rules.followsInodes ? "" : path, identity);
  }

  #inodes(targets: readonly Target[]): Set<bigint> {
    const inodes = new Set(targets.map(({ status }) => status.inode));
    for (const tailer of this.#tailers()) inodes.add(tailer.file.identity.inode);
    return inodes;
  }
}

/** The file had its name when it was modified last. */
function seenNamed(tailer: Tailer, modifiedNs: bigint): void {
  if (modifiedNs > tailer.namedNs) tailer.namedNs = modifiedNs;
}
