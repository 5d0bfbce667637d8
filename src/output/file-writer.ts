/**
 * Writes chunks into files so that a chunk is there wholly and on the disk, or not at all: what a failed write left is
 * cut off again, since the chunk comes a second time. Chunks of one path go in one after the other.
 */

import { constants } from "node:fs";
import { type FileHandle, mkdir, open, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { BufferIoError, errorMessage, UnrecoverableError } from "../errors.ts";

export interface FileWriterOptions {
  readonly fileMode: number;
  readonly folderMode: number;
  /** Refuse a path whose last part is a symbolic link: for paths that events have a say in. */
  readonly refuseLinks: boolean;
}

/** Gives the path of the file number `index` of a series. */
export type NumberedPath = (index: number) => string;

/** More files of one series than this are a mistake. */
const MAX_INDEX = 1_000_000;

export class FileWriter {
  readonly #options: FileWriterOptions;
  /** Ends of the queues of writers, by path. */
  readonly #queues = new Map<string, Promise<unknown>>();
  /** The series that was written last, and its next number: saves asking for every file that exists. */
  #lastSeries = "";
  #nextIndex = 0;

  constructor(options: FileWriterOptions) {
    this.#options = options;
  }

  /** Appends to `path`, which is made where it is missing. Throws BufferIoError, UnrecoverableError. */
  append(path: string, blocks: AsyncIterable<Buffer>): Promise<string> {
    return this.#inTurn(path, async () => {
      const file = await this.#open(path, constants.O_APPEND | constants.O_CREAT);
      const { size } = await file.stat();
      await this.#fill(file, path, blocks, () => file.truncate(size));
      return path;
    });
  }

  /** Writes the first file of the series that does not exist yet, and returns its path. */
  create(numbered: NumberedPath, blocks: AsyncIterable<Buffer>): Promise<string> {
    const series = numbered(0);
    return this.#inTurn(series, async () => {
      if (series !== this.#lastSeries) this.#nextIndex = 0;
      this.#lastSeries = series;
      for (let index = this.#nextIndex; index < MAX_INDEX; index++) {
        const path = numbered(index);
        const file = await this.#open(path, constants.O_CREAT | constants.O_EXCL).catch((error) => {
          if (error.cause?.code === "EEXIST") return undefined;
          throw error;
        });
        if (!file) continue;
        await this.#fill(file, path, blocks, () => unlink(path));
        if (series === this.#lastSeries) this.#nextIndex = index + 1;
        return path;
      }
      throw new BufferIoError(`${series}: more than ${MAX_INDEX} files of this series; move old ones away`);
    });
  }

  async #open(path: string, flags: number): Promise<FileHandle> {
    const link = this.#options.refuseLinks ? constants.O_NOFOLLOW : 0;
    try {
      await mkdir(dirname(path), { recursive: true, mode: this.#options.folderMode });
      return await open(path, constants.O_WRONLY | flags | link, this.#options.fileMode);
    } catch (cause) {
      throw writeError(path, cause);
    }
  }

  /** Writes and syncs; calls `undo` when that fails. */
  async #fill(file: FileHandle, path: string, blocks: AsyncIterable<Buffer>, undo: () => Promise<void>): Promise<void> {
    try {
      for await (const block of blocks) await file.writeFile(block);
      await file.datasync();
    } catch (cause) {
      await undo().catch(() => {});
      throw writeError(path, cause);
    } finally {
      await file.close();
    }
  }

  async #inTurn<T>(path: string, action: () => Promise<T>): Promise<T> {
    const before = this.#queues.get(path) ?? Promise.resolve();
    const turn = before.then(action, action);
    this.#queues.set(path, turn);
    try {
      return await turn;
    } finally {
      if (this.#queues.get(path) === turn) this.#queues.delete(path);
    }
  }
}

/** A name that the file system will never take cannot be mended by a retry. */
function writeError(path: string, cause: unknown): Error {
  const code = (cause as NodeJS.ErrnoException)?.code;
  if (code === undefined) return cause as Error;
  if (code === "ENAMETOOLONG" || code === "ELOOP") {
    return new UnrecoverableError(`${path} cannot be written: ${errorMessage(cause)}`, { cause });
  }
  return new BufferIoError(`${path} cannot be written: ${errorMessage(cause)}`, { cause });
}
