/** How far files were read that lost their names and were read to their end: one may come back under another name. */

import { type FileIdentity, lifelongName } from "./file-identity.ts";
import { REMEMBERED_FILES } from "./limits.ts";

export class FinishedFiles {
  /** By lifelong name, oldest first. */
  readonly #offsets = new Map<string, number>();

  /** Does nothing where the file system does not say when files were made. */
  add(identity: FileIdentity, offset: number): void {
    const name = lifelongName(identity);
    if (name === undefined) return;
    this.#offsets.set(name, offset);
    for (const oldest of this.#offsets.keys()) {
      if (this.#offsets.size <= REMEMBERED_FILES) break;
      this.#offsets.delete(oldest);
    }
  }

  offsetOf(identity: FileIdentity): number | undefined {
    const name = lifelongName(identity);
    return name === undefined ? undefined : this.#offsets.get(name);
  }
}
