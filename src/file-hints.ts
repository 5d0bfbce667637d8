/**
 * Notifications that a file may have changed. Hints only: some file systems give none, the system's number of watches is
 * limited, and a hint may come late or twice. Whoever needs the truth looks by itself, from time to time.
 * The only importer of chokidar.
 */

import { once } from "node:events";
import { type FSWatcher, watch } from "chokidar";

export class FileHints {
  readonly #watcher: FSWatcher;
  /** Resolves when the first watches are set. */
  readonly ready: Promise<unknown>;

  /** `onHint` gets the path that was added, of a file that was changed, made or removed. */
  constructor(paths: readonly string[], onHint: (path: string) => void, onError: (error: unknown) => void) {
    this.#watcher = watch([...paths], { ignoreInitial: true, persistent: false });
    this.#watcher.on("all", (_event, path) => onHint(path)).on("error", onError);
    this.ready = once(this.#watcher, "ready").catch(onError);
  }

  add(path: string): void {
    this.#watcher.add(path);
  }

  remove(path: string): void {
    this.#watcher.unwatch(path);
  }

  close(): Promise<void> {
    return this.#watcher.close();
  }
}
