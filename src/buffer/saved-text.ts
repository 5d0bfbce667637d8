/**
 * A line of text that is kept beside the chunks, written in place: there is no moment at which it is empty, and a shorter
 * one is filled up with blanks. Behind it stands its CRC-32, a line of 8 hexadecimal digits: torn or changed it is none.
 * The file is opened anew where it was removed, moved away, or could not be written.
 */

import { crc32 } from "node:zlib";
import { errorMessage } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { FileSystem } from "./file-system.ts";

/** Shorter texts are filled up with blanks, so that none of a longer one is left behind them. */
const LEAST_BYTES = 1024;

export interface SavedTextOptions {
  readonly fileSystem: FileSystem;
  readonly fileMode: number;
  readonly logger: Logger;
  readonly path: string;
  readonly onError: (error: unknown) => void;
}

/** The line at `path`; undefined when there is none, or not as it was written. */
export function readSavedText(fileSystem: Pick<FileSystem, "readAll">, path: string): string | undefined {
  try {
    const [line = "", checksum] = fileSystem.readAll(path).toString().split("\n", 2);
    return checksum === checksumOf(line) ? line : undefined;
  } catch {
    return undefined;
  }
}

function checksumOf(line: string): string {
  return crc32(line).toString(16).padStart(8, "0");
}

export class SavedText {
  readonly #options: SavedTextOptions;
  #file: number | undefined;
  #last = "";
  #longestBytes = LEAST_BYTES;

  constructor(options: SavedTextOptions) {
    this.#options = options;
  }

  /** Writes the line, which has no end of its own, unless it is there. Never throws. */
  write(line: string): void {
    if (line === this.#last) return;
    const { fileMode, fileSystem, path } = this.#options;
    const text = `${line}\n${checksumOf(line)}\n`;
    try {
      const status = this.#file === undefined ? fileSystem.status(path) : undefined;
      this.#longestBytes = Math.max(this.#longestBytes, status?.byteSize ?? 0, Buffer.byteLength(text));
      this.#file ??= fileSystem.open(path, status ? "update" : "create", fileMode);
      const bytes = Buffer.alloc(this.#longestBytes, " ");
      bytes.write(text);
      fileSystem.write(this.#file, [bytes], 0);
      this.#last = line;
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Makes it safe from a power loss. Never rejects. */
  async sync(): Promise<void> {
    if (this.#file === undefined) return;
    await this.#options.fileSystem.sync(this.#options.path).catch((error) => this.#failed(error));
  }

  /** To be called now and then: what is written to a file that lost its name nobody finds. */
  check(): void {
    const { fileSystem, path } = this.#options;
    try {
      if (this.#file === undefined || fileSystem.standing(this.#file, path) === "in place") return;
    } catch (error) {
      this.#failed(error);
    }
    this.close();
  }

  /** The next write opens it again. */
  close(): void {
    const file = this.#file;
    this.#file = undefined;
    this.#last = "";
    try {
      if (file !== undefined) this.#options.fileSystem.close(file);
    } catch {
      // The descriptor is gone either way.
    }
  }

  #failed(error: unknown): void {
    const { logger, onError, path } = this.#options;
    this.close();
    onError(error);
    logger.debug("accounts are not written", { path, error: errorMessage(error) });
  }
}
