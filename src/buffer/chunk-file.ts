/**
 * The two files of one chunk on disk, in fluentd's layout: data, and `.meta` beside it.
 *
 * Order of writes: a chunk's data file is made, then its meta file; data is appended; the meta file is rewritten in
 * place now and then. Enqueue: meta is rewritten, data is renamed b → q, meta is renamed. Purge: data is unlinked, then
 * meta. Source: fluentd 1.18 buffer/file_chunk.rb; COMPAT 4.4.
 */

import { basename, join } from "node:path";
import { BufferIoError, ChunkBrokenError, errorMessage } from "../errors.ts";
import { BLOCK_BYTES, type BlockMemory } from "./block-memory.ts";
import { metaPath, queuedPath } from "./chunk-path.ts";
import { errorCode, type FileSystem, writeAll } from "./file-system.ts";
import { type ChunkMeta, encodeMeta } from "./meta-file.ts";
import type { OpenFiles } from "./open-files.ts";

/** The system keeps what it has just written in memory: Linux has not even sent it to the disk for 30 s, unless asked. */
const FRESH_MS = 30_000;

export class ChunkFile {
  readonly #fileSystem: FileSystem;
  readonly #openFiles: OpenFiles;
  #path: string;
  /** The length to cut the file to, when bytes behind it may be on disk because cutting them off failed. */
  #looseFrom: number | undefined;
  /** When its data was last written, as the file said when it was queued. */
  #queuedWrittenAtMs: number | undefined;
  /** A sync failed: what was written may be gone from memory, and never have come to the disk. */
  #isDoubtful = false;

  /** For a chunk whose files exist. */
  constructor(fileSystem: FileSystem, openFiles: OpenFiles, path: string) {
    this.#fileSystem = fileSystem;
    this.#openFiles = openFiles;
    this.#path = path;
  }

  /** Makes both files of a new staged chunk, and the folder where it is missing. Throws BufferIoError. */
  static create(fileSystem: FileSystem, openFiles: OpenFiles, path: string, meta: ChunkMeta, mode: number): ChunkFile {
    const file = new ChunkFile(fileSystem, openFiles, path);
    try {
      openFiles.create(path, mode);
      fileSystem.close(fileSystem.open(metaPath(path), "create", mode));
      file.#rewriteMeta(meta);
      return file;
    } catch (error) {
      file.close();
      void file.remove().catch(() => {}); // What is left is an empty chunk; the next start removes it.
      throw ioError(`can't create buffer file for ${path}`, error);
    }
  }

  get path(): string {
    return this.#path;
  }

  /**
   * Writes `views` behind the first `committed` bytes. Throws BufferIoError when not all of it went in; then the file
   * is cut back to `committed` bytes.
   */
  append(views: readonly Buffer[], committed: number): void {
    try {
      const file = this.#openFiles.descriptor(this.#path, committed);
      this.#cutLooseTail(file);
      writeAll(this.#fileSystem, file, views, committed);
    } catch (error) {
      this.rollBack(committed);
      this.#openFiles.close(this.#path);
      throw ioError(`can't write buffer file ${this.#path}`, error);
    }
  }

  /** Takes back what was written behind the first `committed` bytes. */
  rollBack(committed: number): void {
    this.#looseFrom = committed;
    try {
      this.#cutLooseTail(this.#openFiles.descriptor(this.#path, committed));
    } catch {
      // The next append tries again, and writes over the loose bytes; a restart knows that they do not count.
    }
  }

  /** Throws BufferIoError. */
  writeMeta(meta: ChunkMeta): void {
    try {
      this.#rewriteMeta(meta);
    } catch (error) {
      throw ioError(`can't write buffer metadata ${metaPath(this.#path)}`, error);
    }
  }

  /** Renames both files to their queued names, and rewrites meta where given. Throws BufferIoError; the old names stay. */
  enqueue(meta: ChunkMeta | undefined): void {
    const path = queuedPath(this.#path);
    try {
      if (this.#looseFrom !== undefined) {
        this.#cutLooseTail(this.#openFiles.descriptor(this.#path, this.#looseFrom));
      }
      if (meta) this.#rewriteMeta(meta);
      this.close();
      this.#fileSystem.rename(this.#path, path);
    } catch (error) {
      throw ioError(`can't enqueue buffer file: path = ${this.#path}`, error);
    }
    try {
      this.#fileSystem.rename(metaPath(this.#path), metaPath(path));
    } catch (error) {
      this.#undoRename(path);
      throw ioError(`can't enqueue buffer metadata: path = ${metaPath(this.#path)}`, error);
    }
    this.#path = path;
    this.#queuedWrittenAtMs = this.#fileSystem.status(path)?.modifiedAtMs;
  }

  /** Nobody has written to it since it was queued, a moment ago: what is read comes from memory, where no disk changes it. */
  get isFresh(): boolean {
    if (this.#isDoubtful) return false;
    const writtenAtMs = this.#fileSystem.status(this.#path)?.modifiedAtMs;
    if (writtenAtMs === undefined || writtenAtMs !== this.#queuedWrittenAtMs) return false;
    return this.#fileSystem.now() - writtenAtMs < FRESH_MS;
  }

  /** Whether it is there with at least so many bytes. */
  has(byteSize: number): boolean {
    return (this.#fileSystem.status(this.#path)?.byteSize ?? -1) >= byteSize;
  }

  /** Writes both files again, with all that the chunk has. Throws BufferIoError. */
  restore(views: readonly Buffer[], meta: ChunkMeta, mode: number): void {
    try {
      this.#openFiles.close(this.#path);
      if (!this.has(0)) this.#openFiles.create(this.#path, mode);
      const file = this.#openFiles.descriptor(this.#path, 0);
      writeAll(this.#fileSystem, file, views, 0);
      this.#looseFrom = views.reduce((sum, { length }) => sum + length, 0);
      this.#cutLooseTail(file);
      this.#rewriteMeta(meta);
    } catch (error) {
      throw ioError(`can't write buffer file ${this.#path} again`, error);
    }
  }

  /**
   * The bytes [start, end), in blocks out of `memory` where that is given. Throws ChunkBrokenError when the file is gone
   * or shorter, else BufferIoError.
   */
  async *read(end: number, start = 0, memory?: BlockMemory): AsyncGenerator<Buffer> {
    const file = this.#openToRead();
    try {
      for (let position = start; position < end; ) {
        const byteSize = Math.min(BLOCK_BYTES, end - position);
        const block = memory?.take().subarray(0, byteSize) ?? Buffer.allocUnsafeSlow(byteSize);
        const count = await this.#fileSystem.read(file, block, position).catch((error) => {
          throw ioError(`can't read buffer file ${this.#path}`, error);
        });
        if (count === 0) throw new ChunkBrokenError(`${this.#path} ends at byte ${position} of ${end}`);
        position += count;
        yield block.subarray(0, count);
      }
    } finally {
      this.#fileSystem.close(file);
    }
  }

  /** Fills `target` with what was written to it a moment ago, from `start` on. Throws when it is not there. */
  readNow(target: Buffer, start: number): void {
    const file = this.#openFiles.descriptor(this.#path, start + target.length);
    const count = this.#fileSystem.readNow(file, target, start);
    if (count < target.length) throw new ChunkBrokenError(`${this.#path} ends at byte ${start + count}`);
  }

  /** Cuts the data file to `byteSize` bytes: what a resume does with a torn tail. Throws BufferIoError. */
  truncate(byteSize: number): void {
    try {
      const file = this.#fileSystem.open(this.#path, "update");
      try {
        this.#fileSystem.truncate(file, byteSize);
      } finally {
        this.#fileSystem.close(file);
      }
    } catch (error) {
      throw ioError(`can't cut buffer file ${this.#path}`, error);
    }
  }

  /** Makes the data safe from a power loss; a file that is gone needs it no more. */
  async sync(): Promise<void> {
    try {
      await this.#fileSystem.sync(this.#path);
    } catch (error) {
      if (errorCode(error) === "ENOENT") return;
      this.#isDoubtful = true;
      throw error;
    }
  }

  /** Copies both files into `folder`, which exists. */
  async copyTo(folder: string): Promise<void> {
    const name = basename(this.#path);
    await this.#fileSystem.copy(this.#path, join(folder, name));
    await this.#fileSystem.copy(metaPath(this.#path), metaPath(join(folder, name)));
  }

  async remove(): Promise<void> {
    this.close();
    await this.#fileSystem.remove(this.#path);
    await this.#fileSystem.remove(metaPath(this.#path));
  }

  close(): void {
    this.#openFiles.close(this.#path);
  }

  #cutLooseTail(file: number): void {
    if (this.#looseFrom === undefined) return;
    this.#fileSystem.truncate(file, this.#looseFrom);
    this.#looseFrom = undefined;
  }

  #undoRename(path: string): void {
    try {
      this.#fileSystem.rename(path, this.#path);
    } catch {
      this.#path = path; // A resume looks for the meta file under its staged name too.
    }
  }

  #openToRead(): number {
    try {
      return this.#fileSystem.open(this.#path, "read");
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw ioError(`can't read buffer file ${this.#path}`, error);
      throw new ChunkBrokenError(`buffer file ${this.#path} is gone: something else removed it`, { cause: error });
    }
  }

  #openMeta(): number {
    try {
      return this.#fileSystem.open(metaPath(this.#path), "update");
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
      return this.#fileSystem.open(metaPath(this.#path), "create");
    }
  }

  /** In place and without cutting, as fluentd does: there is no moment at which the file is empty. */
  #rewriteMeta(meta: ChunkMeta): void {
    const file = this.#openMeta();
    try {
      writeAll(this.#fileSystem, file, [encodeMeta(meta)], 0);
    } finally {
      this.#fileSystem.close(file);
    }
  }
}

function ioError(what: string, cause: unknown): BufferIoError {
  return new BufferIoError(`${what}, error = '${errorMessage(cause)}'`, { cause });
}
