import { type FileSystem, nodeFileSystem } from "../../src/buffer/file-system.ts";

type Operation = keyof FileSystem;

export function systemError(code: string, text = code): Error {
  return Object.assign(new Error(`${code}: ${text}`), { code });
}

/** The machine's disk, with faults that a test plants: `fail` for one operation, or room that runs out. */
export class BreakingFileSystem {
  /** Bytes that writes still take; then ENOSPC, after a short write where a part still fits. */
  roomBytes = Number.POSITIVE_INFINITY;
  /** A file that takes no bytes, though there is room. */
  brokenPath: string | undefined;
  readonly #paths = new Map<number, string>();
  readonly #failing = new Map<Operation, string>();
  readonly fileSystem: FileSystem;

  constructor() {
    this.fileSystem = new Proxy(nodeFileSystem, {
      get: (target, operation: Operation) => {
        const code = this.#failing.get(operation);
        if (code) return () => this.#fail(operation, code);
        if (operation === "open") return this.#open;
        return operation === "write" ? this.#write : target[operation];
      },
    });
  }

  fail(operation: Operation, code: string): void {
    this.#failing.set(operation, code);
  }

  heal(): void {
    this.#failing.clear();
    this.roomBytes = Number.POSITIVE_INFINITY;
    this.brokenPath = undefined;
  }

  #fail(operation: Operation, code: string): unknown {
    if (operation === "read" || operation === "remove" || operation === "copy" || operation === "sync")
      return Promise.reject(systemError(code));
    throw systemError(code);
  }

  #open: FileSystem["open"] = (path, ...rest) => {
    const file = nodeFileSystem.open(path, ...rest);
    this.#paths.set(file, path);
    return file;
  };

  #write = (file: number, views: readonly Buffer[], position: number): number => {
    if (this.brokenPath !== undefined && this.#paths.get(file) === this.brokenPath) throw systemError("EIO");
    if (this.roomBytes === 0) throw systemError("ENOSPC", "no space left on device");
    const all = Buffer.concat(views);
    const part = all.subarray(0, Math.min(all.length, this.roomBytes));
    this.roomBytes -= part.length;
    return nodeFileSystem.write(file, [part], position);
  };
}
