/**
 * The descriptors of followed files, each read-only. At most LIMIT are open, or what the system gives without the share
 * of others; the least recently used one is closed first, and opened again when its file is read.
 */

import { close, constants, fstat, open, read } from "node:fs";
import type { Counters } from "../../counters.ts";
import { type FileIdentity, isSameFile, statusOf } from "./file-identity.ts";

export const LIMIT = 2048;

/** Where the system gives no more descriptors, so many are left to connections, buffers and folders. */
const LEFT_TO_OTHERS = 32;

/** A pipe that took the file's name must not keep the open waiting. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

export class OpenFiles {
  readonly #counters: Counters;
  #limit: number;
  /** By their owner, least recently used first. */
  readonly #open = new Map<object, number>();

  constructor(counters: Counters, limit = LIMIT) {
    this.#counters = counters;
    this.#limit = limit;
  }

  /** The owner's descriptor, good until the next turn of the event loop in which it is not read. */
  get(owner: object): number | undefined {
    const descriptor = this.#open.get(owner);
    if (descriptor === undefined) return undefined;
    this.#open.delete(owner);
    this.#open.set(owner, descriptor);
    return descriptor;
  }

  /**
   * Opens `path` for `owner`. undefined when there is no such file, or when it is not the one that is meant. Throws the
   * system's other errors.
   */
  async open(owner: object, path: string, wanted: FileIdentity): Promise<number | undefined> {
    const descriptor = await this.#openOrShed(path);
    if (descriptor === undefined) return undefined;
    const status = await statusOfDescriptor(descriptor);
    if (!status || !isSameFile(status, wanted)) {
      close(descriptor, () => {});
      return undefined;
    }
    this.#counters.add("files_opened");
    this.close(owner);
    this.#open.set(owner, descriptor);
    this.#shed();
    return descriptor;
  }

  /** Whether the owner's file is open. */
  has(owner: object): boolean {
    return this.#open.has(owner);
  }

  close(owner: object): void {
    const descriptor = this.#open.get(owner);
    if (descriptor === undefined) return;
    this.#open.delete(owner);
    this.#counters.add("files_closed");
    close(descriptor, () => {});
  }

  closeAll(): void {
    for (const owner of [...this.#open.keys()]) this.close(owner);
  }

  async #openOrShed(path: string): Promise<number | undefined> {
    for (;;) {
      const result = await new Promise<number | NodeJS.ErrnoException>((resolve) => {
        open(path, FLAGS, (error, descriptor) => resolve(error ?? descriptor));
      });
      if (typeof result === "number") return result;
      if (result.code === "ENOENT" || result.code === "ENOTDIR") return undefined;
      if ((result.code !== "EMFILE" && result.code !== "ENFILE") || this.#open.size === 0) throw result;
      this.#limit = Math.max(1, this.#open.size - LEFT_TO_OTHERS);
      this.#shed();
    }
  }

  #shed(): void {
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= this.#limit) return;
      this.close(oldest);
    }
  }
}

function statusOfDescriptor(descriptor: number): Promise<ReturnType<typeof statusOf> | undefined> {
  return new Promise((resolve) => {
    fstat(descriptor, { bigint: true }, (error, stats) => resolve(error ? undefined : statusOf(stats)));
  });
}

/** Fills `target` from `position` as far as one read goes; 0 at the end of the file. */
export function readAt(descriptor: number, target: Buffer, length: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, target, 0, length, position, (error, count) => (error ? reject(error) : resolve(count)));
  });
}
