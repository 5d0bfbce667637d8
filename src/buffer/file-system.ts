/**
 * The seam to the disk: everything the buffer asks of it, so that tests can break disks on cue.
 *
 * Short operations are synchronous on purpose. A write of 1.5 kB into the page cache costs 3 µs of CPU that way and
 * 46 µs by way of the thread pool, one of 150 kB 20 µs and 62 µs (Node 20, ext4); and a commit that cannot be
 * interleaved needs no states in between. What may take long (reading, unlinking, copying) is asynchronous.
 * Methods throw the operating system's errors, with `code`.
 */

import fs from "node:fs";
import { uptime } from "node:os";

export interface FileStatus {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly byteSize: number;
  /** Milliseconds since 1970. */
  readonly changedAtMs: number;
  readonly modifiedAtMs: number;
}

export type Standing = "in place" | "elsewhere" | "deleted";

export interface FileSystem {
  /** `create` makes the file anew with exactly this mode; `update` needs it to be there. */
  open(path: string, purpose: "create" | "update" | "read", mode?: number): number;
  /** Writes at `position` and returns how many bytes went in; fewer than given is no error here. */
  write(file: number, views: readonly Buffer[], position: number): number;
  truncate(file: number, byteSize: number): void;
  close(file: number): void;
  /** Where the open file stands now: at `path`, under another name or on a disk that was unmounted, or under none. */
  standing(file: number, path: string): Standing;
  rename(from: string, to: string): void;
  makeDirectory(path: string, mode: number): void;
  /** The whole of a small file. */
  readAll(path: string): Buffer;
  status(path: string): FileStatus | undefined;
  /** Names in a folder, sorted. */
  list(path: string): string[];
  /** Fills `target` from `position` as far as the file goes; 0 at its end. */
  read(file: number, target: Buffer, position: number): Promise<number>;
  /** As `read`, for a few bytes that were just written: they come from memory. */
  readNow(file: number, target: Buffer, position: number): number;
  /** Removes a file; one that is gone already is no error. */
  remove(path: string): Promise<void>;
  copy(from: string, to: string): Promise<void>;
  /** Makes safe from a power loss what was written to a file, or the names in a folder. */
  sync(path: string): Promise<void>;
  /** The time that files get when they are written: milliseconds since 1970. */
  now(): number;
  /** A text that changes when the machine starts, and with it what was not synced may be gone; empty when unknown. */
  machineStart(): string;
  /** When that was, by the clock as it is now: milliseconds since 1970. */
  machineStartedAtMs(): number;
}

const FLAGS = { create: "w+", update: "r+", read: "r" } as const;

export const nodeFileSystem: FileSystem = {
  open(path, purpose, mode = 0o644) {
    const file = fs.openSync(path, FLAGS[purpose], mode);
    if (purpose === "create") fs.fchmodSync(file, mode);
    return file;
  },
  write: (file, views, position) =>
    views.length === 1
      ? fs.writeSync(file, views[0] as Buffer, 0, undefined, position)
      : fs.writevSync(file, views, position),
  truncate: (file, byteSize) => fs.ftruncateSync(file, byteSize),
  close: (file) => fs.closeSync(file),
  standing(file, path) {
    const named = fs.statSync(path, { throwIfNoEntry: false, bigint: true });
    const opened = fs.fstatSync(file, { bigint: true });
    if (named?.ino === opened.ino && named.dev === opened.dev) return "in place";
    return opened.nlink > 0n ? "elsewhere" : "deleted";
  },
  rename: (from, to) => fs.renameSync(from, to),
  makeDirectory: (path, mode) => void fs.mkdirSync(path, { recursive: true, mode }),
  readAll: (path) => fs.readFileSync(path),
  status(path) {
    const stat = fs.statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    return {
      isFile: stat.isFile(),
      isDirectory: stat.isDirectory(),
      byteSize: stat.size,
      changedAtMs: stat.ctimeMs,
      modifiedAtMs: stat.mtimeMs,
    };
  },
  list: (path) => fs.readdirSync(path).sort(),
  read: (file, target, position) =>
    new Promise((resolve, reject) => {
      fs.read(file, target, 0, target.length, position, (error, count) => (error ? reject(error) : resolve(count)));
    }),
  readNow: (file, target, position) => fs.readSync(file, target, 0, target.length, position),
  remove: (path) =>
    new Promise((resolve, reject) => {
      fs.unlink(path, (error) => (error && error.code !== "ENOENT" ? reject(error) : resolve()));
    }),
  copy: (from, to) => fs.promises.copyFile(from, to),
  sync: (path) =>
    new Promise((resolve, reject) => {
      const file = fs.openSync(path, "r");
      fs.fdatasync(file, (error) => {
        fs.closeSync(file);
        if (error) reject(error);
        else resolve();
      });
    }),
  now: () => Date.now(),
  machineStartedAtMs: () => Date.now() - uptime() * 1000,
  machineStart() {
    try {
      return fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    } catch {
      return "";
    }
  },
};

/** Writes on after a short write, until the system says why it does not go on. Throws its errors. */
export function writeAll(fileSystem: FileSystem, file: number, views: readonly Buffer[], position: number): void {
  let rest = views;
  let at = position;
  while (rest.length > 0) {
    const written = fileSystem.write(file, rest, at);
    if (written === 0) throw new Error("the disk took no bytes");
    at += written;
    rest = behind(rest, written);
  }
}

function behind(views: readonly Buffer[], written: number): readonly Buffer[] {
  let skip = written;
  for (const [index, view] of views.entries()) {
    if (skip < view.length) return [view.subarray(skip), ...views.slice(index + 1)];
    skip -= view.length;
  }
  return [];
}

/** `ENOSPC` and its like; "" for anything that the operating system did not say. */
export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}
