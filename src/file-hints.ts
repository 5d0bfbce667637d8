/**
 * Notifications that a file may have changed. Hints only: some file systems give none, the system's number of watches is
 * limited, and a hint may come late or twice. Whoever needs the truth looks by itself, from time to time.
 * The only importer of chokidar, which is loaded when the first file is watched.
 */

import { once } from "node:events";
import type { FSWatcher } from "chokidar";

export class FileHints {
  readonly #watcher: FSWatcher;

  private constructor(watcher: FSWatcher) {
    this.#watcher = watcher;
  }

  /** Watches `paths`. `onHint` gets one of them whose file was changed, made or removed. Resolves when all are watched. */
  static async watch(
    paths: readonly string[],
    onHint: (path: string) => void,
    onError: (error: unknown) => void,
  ): Promise<FileHints> {
    const { watch } = await import("chokidar");
    const watcher = watch([...paths], { ignoreInitial: true, persistent: false });
    watcher.on("all", (_event, path) => onHint(path)).on("error", onError);
    if (paths.length > 0) await once(watcher, "ready").catch(onError);
    return new FileHints(watcher);
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
