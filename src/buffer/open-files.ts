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

  /** The descriptor of a file that exists, open for writing. Good until the next call. */
  descriptor(path: string): number {
    const file = this.#open.get(path) ?? this.#fileSystem.open(path, "update");
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

  #keep(path: string, file: number): void {
    this.#open.set(path, file);
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= LIMIT) break;
      this.close(oldest);
    }
  }
}
