/**
 * The descriptors of staged chunk files: at most LIMIT are open, the least recently written is closed first. A
 * thousand staged tags do not cost a thousand descriptors.
 */

import type { FileSystem } from "./file-system.ts";

/** Open staged files of one buffer. */
const LIMIT = 256;

export class OpenFiles {
  readonly #fileSystem: FileSystem;
  /** By path, least recently used first. */
  readonly #open = new Map<string, number>();

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem;
  }

  /** Makes the file and keeps it open. */
  create(path: string, mode: number): void {
    this.#keep(path, this.#fileSystem.open(path, "create", mode));
  }

  /**
   * The descriptor of a file that exists, open for writing. Good until the next call. Throws when the file is shorter
   * than `leastBytes`: a hole would look like data.
   */
  descriptor(path: string, leastBytes: number): number {
    const file = this.#open.get(path) ?? this.#reopen(path, leastBytes);
    this.#open.delete(path);
    this.#keep(path, file);
    return file;
  }

  close(path: string): void {
    const file = this.#open.get(path);
    if (file === undefined) return;
    this.#open.delete(path);
    try {
      this.#fileSystem.close(file);
    } catch {
      // The descriptor is gone either way; what was written was checked when it was written.
    }
  }

  closeAll(): void {
    for (const path of [...this.#open.keys()]) this.close(path);
  }

  #reopen(path: string, leastBytes: number): number {
    const byteSize = this.#fileSystem.status(path)?.byteSize;
    if (byteSize !== undefined && byteSize < leastBytes) {
      throw new Error(`${path} has ${byteSize} bytes of the ${leastBytes} that were written to it`);
    }
    return this.#fileSystem.open(path, "update");
  }

  #keep(path: string, file: number): void {
    this.#open.set(path, file);
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= LIMIT) break;
      this.close(oldest);
    }
  }
}
