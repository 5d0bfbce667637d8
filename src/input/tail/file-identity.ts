/** What a path leads to at one moment. */

import { type BigIntStats, stat, statSync } from "node:fs";

export interface FileStatus {
  readonly isFile: boolean;
  readonly byteSize: number;
  readonly device: bigint;
  readonly inode: bigint;
  /** When the file was made, in nanoseconds since 1970; 0 where the file system does not say. */
  readonly bornNs: bigint;
  /** In nanoseconds since 1970. */
  readonly modifiedNs: bigint;
}

export type FileIdentity = Pick<FileStatus, "device" | "inode" | "bornNs">;

/** Whether both are the same file now. An inode number is given again when its file is gone. */
export function isSameFile(left: FileIdentity, right: FileIdentity): boolean {
  return left.inode === right.inode && left.device === right.device;
}

/** Tells a file from a later one with the same inode number; undefined where the file system does not say when it was made. */
export function lifelongName({ device, inode, bornNs }: FileIdentity): string | undefined {
  return bornNs === 0n ? undefined : `${device}:${inode}:${bornNs}`;
}

/** Follows links. undefined when there is nothing, or nothing that may be looked at. */
export function fileStatus(path: string): Promise<FileStatus | undefined> {
  return new Promise((resolve) => {
    stat(path, { bigint: true }, (error, stats) => resolve(error ? undefined : statusOf(stats)));
  });
}

/** As `fileStatus`, on this thread. */
export function fileStatusNow(path: string): FileStatus | undefined {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats && statusOf(stats);
  } catch {
    return undefined;
  }
}

export function statusOf(stats: BigIntStats): FileStatus {
  return {
    isFile: stats.isFile(),
    byteSize: Number(stats.size),
    device: stats.dev,
    inode: stats.ino,
    bornNs: stats.birthtimeNs,
    modifiedNs: stats.mtimeNs,
  };
}
