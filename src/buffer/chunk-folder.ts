/**
 * The folder of a file buffer: makes the files of new chunks, and finds the chunks that an earlier process left, be it
 * Suiro or fluentd. Source: fluentd 1.18 buf_file.rb `resume`; COMPAT 4.4.
 */

import { basename, dirname, join } from "node:path";
import type { Clock } from "../clock.ts";
import { BufferIoError, errorMessage } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { ChunkBackup } from "./chunk-backup.ts";
import { ChunkFile } from "./chunk-file.ts";
import { createChunkId } from "./chunk-id.ts";
import { emptyMetadata, metadataKey } from "./chunk-metadata.ts";
import {
  type ChunkName,
  type ChunkPathPattern,
  chunkFolder,
  chunkPathPattern,
  formerStagedPath,
  metaPath,
  parseChunkName,
  stagedPath,
} from "./chunk-path.ts";
import { type FileStatus, type FileSystem, writeAll } from "./file-system.ts";
import type { FolderLock } from "./folder-lock.ts";
import { segmentsOf } from "./journal-file.ts";
import type { JournaledChunk, JournalState } from "./journal-state.ts";
import { type ChunkMeta, decodeMeta, type PartialChunkMeta } from "./meta-file.ts";
import { OpenFiles } from "./open-files.ts";
import { machineStartOf, readRedoLog, redoLogPath, segmentId } from "./redo-log.ts";

/** What a disk must take before it counts as well again. */
const PROBE_BYTES = 64 * 1024;

export interface ChunkFolderOptions {
  readonly clock: Clock;
  readonly fileSystem: FileSystem;
  readonly logger: Logger;
  readonly backup: ChunkBackup;
  /** `path` and `path_suffix` as configured. */
  readonly path: string;
  readonly pathSuffix: string;
  /** Another folder whose chunks are to be brought here. */
  readonly formerPath?: string | undefined;
  readonly fileMode: number;
  readonly folderMode: number;
  /** A chunk without a tag is of no use to the output. */
  readonly requiresTag: boolean;
  /** Keeps other agents out of the folder of these chunks; without it the caller sees to that. */
  readonly lock?: (prefix: string) => Promise<FolderLock>;
}

/** A chunk that was found. */
export interface FoundChunk {
  readonly file: ChunkFile;
  readonly state: "staged" | "queued";
  readonly meta: ChunkMeta;
  /** False where the meta file is missing, broken or behind, and the journal had what it should say. */
  readonly hasMeta: boolean;
  readonly byteSize: number;
  /** When its data file was last changed, renamed or put there. */
  readonly changedAtMs: number;
}

export class ChunkFolder {
  readonly #options: ChunkFolderOptions;
  readonly #openFiles: OpenFiles;
  #pattern: ChunkPathPattern | undefined;
  #lock: FolderLock | undefined;

  constructor(options: ChunkFolderOptions) {
    this.#options = options;
    this.#openFiles = new OpenFiles(options.fileSystem);
  }

  /** The folder, once it is open. */
  get location(): string | undefined {
    return this.#pattern && chunkFolder(this.#pattern);
  }

  /** Makes the folder where it is missing, and locks it. Throws BufferIoError. */
  async open(): Promise<void> {
    const { fileSystem, path, pathSuffix, folderMode } = this.#options;
    try {
      this.#pattern = chunkPathPattern(path, pathSuffix, fileSystem);
      fileSystem.makeDirectory(chunkFolder(this.#pattern), folderMode);
    } catch (error) {
      throw new BufferIoError(`cannot use the buffer path ${path}: ${errorMessage(error)}`, { cause: error });
    }
    this.#lock = await this.#options.lock?.(this.#pattern.prefix);
    if (this.#options.formerPath !== undefined) this.#bringChunks(this.#options.formerPath, this.#pattern);
  }

  /** Whether anything stands at its path. */
  get isThere(): boolean {
    return this.#options.fileSystem.status(dirname(this.#opened.prefix))?.isDirectory ?? false;
  }

  /** Whether the disk takes more than a record: a full one has a few bytes left here and there. Throws the system's errors. */
  probe(): void {
    const { fileSystem, fileMode } = this.#options;
    const path = `${this.prefix}.probe`;
    const file = fileSystem.open(path, "create", fileMode);
    try {
      const written = fileSystem.write(file, [Buffer.alloc(PROBE_BYTES)], 0);
      if (written < PROBE_BYTES) throw Object.assign(new Error("ENOSPC: the disk is full"), { code: "ENOSPC" });
    } finally {
      fileSystem.close(file);
      void fileSystem.remove(path).catch(() => {});
    }
  }

  /** Makes the folder where it is gone. Throws BufferIoError. */
  make(): void {
    const path = dirname(this.#opened.prefix);
    try {
      this.#options.fileSystem.makeDirectory(path, this.#options.folderMode);
    } catch (error) {
      throw new BufferIoError(`cannot use the buffer path ${path}: ${errorMessage(error)}`, { cause: error });
    }
  }

  /** Lets go of everything that is open in it; with `isWhole` of the lock, too, so that its disk can be unmounted. */
  letGo(isWhole: boolean): void {
    this.#openFiles.closeAll();
    if (!isWhole) return;
    this.#lock?.release();
    this.#lock = undefined;
  }

  /** Takes the lock again where it went with the folder. Throws BufferIoError when another agent has it now. */
  async relock(): Promise<void> {
    if (this.#lock?.isInPlace) return;
    this.#lock?.release();
    this.#lock = undefined;
    this.#lock = await this.#options.lock?.(this.prefix);
  }

  /** What one process left is the first worker's: a chunk and its meta file keep their names. */
  #bringChunks(from: string, to: ChunkPathPattern): void {
    const { fileSystem, logger } = this.#options;
    for (const name of fileSystem.list(from)) {
      if (!parseChunkName(name.replace(/\.meta$/, ""), to)) continue;
      logger.info("a buffer chunk of a single process is taken over", { path: join(from, name) });
      fileSystem.rename(join(from, name), join(chunkFolder(to), name));
    }
  }

  /** Lets other agents in. */
  close(): void {
    this.#lock?.release();
  }

  /** What the names of its files begin with. */
  get prefix(): string {
    return this.#opened.prefix;
  }

  /** Makes the files of a new staged chunk. Throws BufferIoError. */
  create(meta: ChunkMeta): ChunkFile {
    const { fileSystem, fileMode } = this.#options;
    return ChunkFile.create(fileSystem, this.#openFiles, stagedPath(this.#opened, meta.id), meta, fileMode);
  }

  /**
   * Brings what the redo log of an earlier process says into the files of the journal and the chunks, and to the disk:
   * when the machine was lost only the log may have it.
   */
  async redo(): Promise<void> {
    const { fileSystem, logger } = this.#options;
    const log = redoLogPath(this.prefix);
    if (!fileSystem.status(log)) return;
    const changed = new Set<string>();
    try {
      const paths = this.#pathsById();
      const said = fileSystem.readAll(log);
      const machineStart = fileSystem.machineStart();
      const isMachineLost = machineStart === "" || machineStart !== machineStartOf(said);
      for (const { id, start, bytes } of readRedoLog(said)) {
        const path = paths.get(id.toString("hex"));
        if (path === undefined) continue; // It was delivered.
        changed.add(path);
        if (isMachineLost) this.#writeAgain(path, bytes, start);
      }
      for (const path of changed) await fileSystem.sync(path);
      await fileSystem.remove(log);
    } catch (error) {
      logger.error("the redo log of a buffer cannot be used: what was written last may be missing", {
        path: log,
        error,
      });
    }
    for (const path of changed) this.#openFiles.close(path);
  }

  #writeAgain(path: string, bytes: Buffer, start: number): void {
    const { fileSystem } = this.#options;
    if ((fileSystem.status(path)?.byteSize ?? 0) < start) return; // A hole would look like data.
    writeAll(fileSystem, this.#openFiles.descriptor(path, start), [bytes], start);
  }

  /** Of two files with the same id the queued one, whose name comes later: the other is a copy that somebody put there. */
  #pathsById(): ReadonlyMap<string, string> {
    const folder = chunkFolder(this.#opened);
    const paths = new Map<string, string>();
    for (const [fileName, { id }] of this.#listed(this.#opened)) paths.set(id.toString("hex"), join(folder, fileName));
    for (const { number, path } of segmentsOf(this.prefix, this.#options.fileSystem)) {
      paths.set(segmentId(number).toString("hex"), path);
    }
    return paths;
  }

  /** The files with names of chunks, sorted. */
  #listed(pattern: ChunkPathPattern): [fileName: string, name: ChunkName][] {
    return this.#options.fileSystem.list(chunkFolder(pattern)).flatMap((fileName): [string, ChunkName][] => {
      const name = parseChunkName(fileName, pattern);
      return name ? [[fileName, name]] : [];
    });
  }

  /** Every chunk in the folder, by name. Broken ones are moved to the backup folder; foreign files are left alone. */
  async resume(state: JournalState): Promise<FoundChunk[]> {
    const { fileSystem, logger } = this.#options;
    const pattern = this.#opened;
    const found: FoundChunk[] = [];
    for (const [fileName, name] of this.#chunkNames(pattern)) {
      const path = join(chunkFolder(pattern), fileName);
      logger.debug(`restoring buffer file: path = ${path}`);
      try {
        const status = fileSystem.status(path);
        if (!status?.isFile) continue;
        const chunk = this.#read(path, name, status, state);
        if (typeof chunk === "string") await this.#setAside(path, name, chunk);
        else found.push(chunk);
      } catch (error) {
        logger.error("a buffer chunk cannot be looked at, and stays where it is", { path, error });
      }
    }
    return found;
  }

  /** Queued chunks first. A staged one of the same id, such as a copy that was put back, gets an id of its own. */
  #chunkNames(pattern: ChunkPathPattern): [fileName: string, name: ChunkName][] {
    const { clock, fileSystem, logger } = this.#options;
    const folder = chunkFolder(pattern);
    const names = this.#listed(pattern);
    const queued = names.filter(([, { state }]) => state === "queued");
    const ids = new Set(queued.map(([, { id }]) => id.toString("hex")));
    const staged = names.filter(([, { state }]) => state === "staged");
    return queued.concat(
      staged.map(([fileName, name]) => {
        if (!ids.has(name.id.toString("hex"))) return [fileName, name];
        const id = createChunkId(clock);
        const [from, to] = [join(folder, fileName), stagedPath(pattern, id)];
        logger.warn("two buffer chunks have the same id: the staged one gets another", { path: from, new_path: to });
        if (fileSystem.status(metaPath(from))) fileSystem.rename(metaPath(from), metaPath(to));
        fileSystem.rename(from, to);
        return [basename(to), { state: "staged", id }];
      }),
    );
  }

  get #opened(): ChunkPathPattern {
    if (!this.#pattern) throw new BufferIoError(`the buffer path ${this.#options.path} is not open`);
    return this.#pattern;
  }

  /** The chunk, or what is wrong with it. */
  #read(path: string, name: ChunkName, status: FileStatus, state: JournalState): FoundChunk | string {
    const { fileSystem, requiresTag } = this.#options;
    const kind = name.state === "staged" ? "staged" : "enqueued";
    const { byteSize } = status;
    const journaled = state.chunks.get(name.id.toString("hex"));
    if (byteSize === 0 && !journaled) return `${kind} file chunk is empty`;
    const metaBytes = this.#metaBytes(path);
    const found = metaBytes && this.#sound(decodeMeta(metaBytes), journaled, path);
    const meta = found ?? (journaled ? decodeMeta(journaled.meta) : metaBytes ? undefined : withoutMeta);
    if (!meta) return `${kind} meta file is broken. it is no metadata`;
    if (requiresTag && meta.metadata.tag === undefined) return `${kind} meta file is broken. it has no tag`;
    const modifiedAt = Math.floor(status.modifiedAtMs / 1000);
    return {
      file: new ChunkFile(fileSystem, this.#openFiles, path),
      state: metaBytes || journaled ? name.state : "queued",
      meta: {
        metadata: { ...meta.metadata, sequence: 0 },
        id: chunkIdOf(name, meta),
        size: meta.size,
        createdAt: meta.createdAt ?? modifiedAt,
        modifiedAt: meta.modifiedAt ?? modifiedAt,
      },
      hasMeta: found !== undefined,
      byteSize,
      changedAtMs: status.changedAtMs,
    };
  }

  /** What a meta file says, unless the journal knows another tag or other keys of the chunk: they never change. */
  #sound(
    found: PartialChunkMeta | undefined,
    journaled: JournaledChunk | undefined,
    path: string,
  ): PartialChunkMeta | undefined {
    const told = found && journaled && decodeMeta(journaled.meta);
    if (!found || !told || metadataKey(found.metadata) === metadataKey(told.metadata)) return found;
    this.#options.logger.warn("a meta file is not what was written: what the journal knows counts", {
      path: metaPath(path),
    });
    return undefined;
  }

  /** A kill between the two renames of an enqueue leaves the meta file under the chunk's staged name. */
  #metaBytes(path: string): Buffer | undefined {
    const { fileSystem, logger } = this.#options;
    for (const candidate of [metaPath(path), metaPath(formerStagedPath(path))]) {
      if (!fileSystem.status(candidate)?.isFile) continue;
      if (candidate !== metaPath(path)) fileSystem.rename(candidate, metaPath(path));
      try {
        return fileSystem.readAll(metaPath(path));
      } catch (error) {
        logger.warn("the meta file of a buffer chunk cannot be read", { path: metaPath(path), error });
        return Buffer.alloc(0);
      }
    }
    return undefined;
  }

  async #setAside(path: string, name: ChunkName, reason: string): Promise<void> {
    const { fileSystem, logger, backup } = this.#options;
    logger.error("found broken chunk file during resume.", { path, mode: name.state, err_msg: reason });
    const file = new ChunkFile(fileSystem, this.#openFiles, path);
    try {
      const byteSize = fileSystem.status(path)?.byteSize ?? 0;
      if (byteSize > 0) await backup.keep(name.id.toString("hex"), file.read(byteSize));
      await file.remove();
    } catch (error) {
      logger.error("backup failed. The chunk file stays where it is.", { path, err_msg: errorMessage(error) });
    }
  }
}

/** A chunk file without meta: fluentd takes it as queued, without tag and count. */
const withoutMeta: PartialChunkMeta = {
  metadata: emptyMetadata,
  size: 0,
  id: undefined,
  createdAt: undefined,
  modifiedAt: undefined,
};

/** The name's, under which the journal and a restart know the chunk; a meta file may be that of another one. */
function chunkIdOf({ id }: ChunkName, meta: PartialChunkMeta): Buffer {
  if (id.length === ID_BYTES) return id;
  return meta.id ?? Buffer.concat([id, Buffer.alloc(ID_BYTES)], ID_BYTES);
}

const ID_BYTES = 16;
