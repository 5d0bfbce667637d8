/**
 * How far each file is read, on disk in fluentd's own format, so that either can go on where the other stopped:
 *
 * | bytes      | content                                                          |
 * |------------|------------------------------------------------------------------|
 * | n, `\t`    | path                                                             |
 * | 16, `\t`   | offset behind the last line passed on, hexadecimal; all f: unwatched |
 * | 16, `\n`   | inode, hexadecimal                                               |
 *
 * A line is appended once and then overwritten in place. Of a file that was rotated the line stays until it is read to
 * its end, and the new file has a line behind it: fluentd takes the last line of a path. Afterwards the new file's moves
 * into the old one's place, which gives the bytes that fluentd leaves.
 *
 * Writes are synchronous: 16 bytes into the page cache cost 3 µs so, and 46 µs by way of the thread pool.
 * Source: fluentd 1.18 in_tail/position_file.rb; COMPAT 5.3.
 */

import { closeSync, fchmodSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";

export const UNWATCHED = 0xffff_ffff_ffff_ffffn;
const HEX_DIGITS = 16;
const LINE = /^([^\t]+)\t([0-9a-fA-F]+)\t([0-9a-fA-F]+)/;

/** Where a file's position is kept. */
export interface Position {
  readonly inode: bigint;
  readonly offset: number;
  /** The first batch must end exactly here; undefined where it may end anywhere. */
  readonly boundary?: number | undefined;
  /** The file is read up to `offset`. */
  moveTo(offset: number): void;
  /** Another file is meant from now on. */
  restart(inode: bigint, offset: number): void;
}

/** For a source without a pos_file. */
export class MemoryPosition implements Position {
  inode = 0n;
  offset = 0;

  moveTo(offset: number): void {
    this.offset = offset;
  }

  restart(inode: bigint, offset: number): void {
    this.inode = inode;
    this.offset = offset;
  }
}

/** A line as it was found on disk. */
export interface SavedPosition {
  readonly path: string;
  readonly offset: number;
  readonly inode: bigint;
  /** Not on disk: as in Position. */
  readonly boundary?: number | undefined;
}

export class FilePosition implements Position {
  readonly path: string;
  inode: bigint;
  offset: number;
  isUnwatched = false;
  boundary: number | undefined;
  /** Place of the offset's digits in the file. */
  place: number;
  readonly #file: PositionFile;

  constructor(file: PositionFile, { path, inode, offset, boundary }: SavedPosition, place: number) {
    this.path = path;
    this.boundary = boundary;
    this.inode = inode;
    this.offset = offset;
    this.place = place;
    this.#file = file;
  }

  get bytes(): string {
    return `${this.path}\t${this.numbers}\n`;
  }

  get numbers(): string {
    return `${hex(this.isUnwatched ? UNWATCHED : BigInt(this.offset))}\t${hex(this.inode)}`;
  }

  moveTo(offset: number): void {
    if (offset === this.offset) return;
    this.offset = offset;
    this.boundary = undefined;
    this.#file.write(hex(BigInt(offset)), this.place);
  }

  restart(inode: bigint, offset: number): void {
    if (inode === this.inode && offset === this.offset) return;
    this.inode = inode;
    this.offset = offset;
    this.boundary = undefined;
    this.#file.write(this.numbers, this.place);
  }

  /** Nobody reads the file any more; its line is dropped at the next start. */
  unwatch(): void {
    this.isUnwatched = true;
    this.#file.write(hex(UNWATCHED), this.place);
  }
}

export class PositionFile {
  readonly #descriptor: number;
  readonly #onError: (error: unknown) => void;
  readonly #later: (action: () => void) => void;
  /** In the order that the file gets with the next rewrite. */
  #lines: FilePosition[] = [];
  #byteSize = 0;
  #isOpen = true;
  #isRewriteDue = false;

  private constructor(
    descriptor: number,
    onError: (error: unknown) => void,
    later: (action: () => void) => void = (action) => action(),
  ) {
    this.#descriptor = descriptor;
    this.#onError = onError;
    this.#later = later;
  }

  /**
   * Makes the file and its folder where they are missing. Lines that are done leave the file when `later` runs what it
   * is given, many at a time: thousands of files may rotate together. Throws the system's error.
   */
  static open(
    path: string,
    modes: { readonly file: number; readonly folder: number },
    onError: (error: unknown) => void,
    later?: (action: () => void) => void,
  ): PositionFile {
    mkdirSync(dirname(path), { recursive: true, mode: modes.folder });
    let descriptor: number;
    try {
      descriptor = openSync(path, "r+");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      descriptor = openSync(path, "w+", modes.file);
      fchmodSync(descriptor, modes.file);
    }
    return new PositionFile(descriptor, onError, later);
  }

  /** What the file holds, without lines that are unwatched. Lines that are none go to `onUnparsable`. */
  read(onUnparsable: (line: string) => void): SavedPosition[] {
    const saved: SavedPosition[] = [];
    for (const line of readFileSync(this.#descriptor, "utf8").split("\n")) {
      const [, path, offset, inode] = LINE.exec(line) ?? [];
      if (path === undefined) {
        if (line !== "") onUnparsable(line);
      } else if (BigInt(`0x${offset}`) !== UNWATCHED) {
        saved.push({ path, offset: Number(BigInt(`0x${offset}`)), inode: BigInt(`0x${inode}`) });
      }
    }
    return saved;
  }

  /** Makes these the content, and gives the line of each. The new bytes are written before the old ones are cut off. */
  replace(saved: readonly SavedPosition[]): FilePosition[] {
    this.#lines = saved.map((position) => new FilePosition(this, position, 0));
    this.#rewrite();
    return [...this.#lines];
  }

  /** A new line behind the others. */
  append(path: string): FilePosition {
    const position = new FilePosition(
      this,
      { path, inode: 0n, offset: 0 },
      this.#byteSize + Buffer.byteLength(path) + 1,
    );
    this.#lines.push(position);
    this.write(position.bytes, this.#byteSize);
    this.#byteSize += Buffer.byteLength(position.bytes);
    return position;
  }

  /**
   * Takes `line` out of the lines of its path: each later one moves into the place of the one before it. Does nothing,
   * and says so, when no later one is there.
   */
  remove(line: FilePosition): boolean {
    const lines = this.#lines;
    let free = lines.indexOf(line);
    const first = free;
    for (let next = first + 1; next < lines.length; next++) {
      const other = lines[next] as FilePosition;
      if (other.path !== line.path || other.isUnwatched) continue;
      lines[free] = other;
      free = next;
    }
    if (first < 0 || free === first) return false;
    lines.splice(free, 1);
    this.#rewriteLater();
    return true;
  }

  /** Leaves out lines that are unwatched. */
  compact(): void {
    this.#lines = this.#lines.filter((line) => !line.isUnwatched);
    this.#rewrite();
  }

  /** For lines of this file only. */
  write(text: string, place: number): void {
    if (!this.#isOpen) return;
    try {
      writeSync(this.#descriptor, text, place, "utf8");
    } catch (error) {
      this.#onError(error);
    }
  }

  close(): void {
    if (!this.#isOpen) return;
    if (this.#isRewriteDue) this.#rewrite();
    this.#isOpen = false;
    closeSync(this.#descriptor);
  }

  #rewriteLater(): void {
    if (this.#isRewriteDue) return;
    this.#isRewriteDue = true;
    this.#later(() => {
      if (this.#isRewriteDue) this.#rewrite();
    });
  }

  #rewrite(): void {
    this.#isRewriteDue = false;
    let place = 0;
    for (const line of this.#lines) {
      line.place = place + Buffer.byteLength(line.path) + 1;
      place += Buffer.byteLength(line.bytes);
    }
    this.#byteSize = place;
    this.write(this.#lines.map((line) => line.bytes).join(""), 0);
    this.#cut();
  }

  #cut(): void {
    try {
      if (this.#isOpen) ftruncateSync(this.#descriptor, this.#byteSize);
    } catch (error) {
      this.#onError(error);
    }
  }
}

function hex(value: bigint): string {
  return value.toString(16).padStart(HEX_DIGITS, "0");
}
