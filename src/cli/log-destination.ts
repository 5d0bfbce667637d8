/**
 * Where the agent's own log goes: standard output, or a file that rotates and can be opened anew.
 *
 * Writing is synchronous: log lines are few, they must keep their order, and the last one before a crash must not be
 * lost. A disk that refuses log lines never stops the agent; the lines are counted and reported when writing works again.
 * Source: fluentd 1.18 supervisor.rb `setup_global_logger`; names and defaults of Ruby's Logger::LogDevice.
 */

import { closeSync, existsSync, fchownSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../clock.ts";
import { errorMessage } from "../errors.ts";

export interface LogDestination {
  /** Undefined for standard output. */
  readonly path: string | undefined;
  /** Takes whole lines. Never throws. */
  write(line: string): void;
  /** Opens the file anew, for tools that move it away. */
  reopen(): void;
  close(): void;
}

/** When a log file is put aside. Without either value it never is. */
export interface Rotation {
  /** How many files to keep, the current one included, or the period after which a new file is begun. */
  readonly age?: number | "daily" | "weekly" | "monthly" | undefined;
  /** Bytes. */
  readonly size?: number | undefined;
}

/** Ruby's Logger keeps so many files when only a size is given … */
const DEFAULT_AGE = 7;
/** … and rotates at so many bytes when only a number of files is given. */
const DEFAULT_SIZE = 1024 * 1024;

export const standardOutput: LogDestination = {
  path: undefined,
  write: (line) => {
    process.stdout.write(line);
  },
  reopen() {},
  close() {},
};

export class LogFile implements LogDestination {
  readonly path: string;
  readonly #clock: Clock;
  readonly #rotation: Rotation | undefined;
  #descriptor: number;
  #byteSize = 0;
  #period = "";
  #lostLines = 0;

  /** Makes missing folders and opens the file. Throws when the file cannot be opened. */
  constructor(path: string, clock: Clock, rotation: Rotation = {}) {
    this.path = path;
    this.#clock = clock;
    this.#rotation = rotation.age === undefined && rotation.size === undefined ? undefined : rotation;
    mkdirSync(dirname(path), { recursive: true });
    this.#descriptor = this.#open();
  }

  write(line: string): void {
    try {
      if (this.#isDue()) this.#rotate();
      if (this.#lostLines > 0) {
        const notice = `${this.#lostLines} log lines could not be written before this one\n`;
        this.#byteSize += writeSync(this.#descriptor, notice);
        this.#lostLines = 0;
      }
      this.#byteSize += writeSync(this.#descriptor, line);
    } catch {
      this.#lostLines += 1;
    }
  }

  reopen(): void {
    try {
      const descriptor = this.#open();
      closeSync(this.#descriptor);
      this.#descriptor = descriptor;
    } catch (error) {
      this.write(`cannot reopen the log ${this.path}, going on with the old file: ${errorMessage(error)}\n`);
    }
  }

  /** Gives the file to the user that the process is going to become. */
  changeOwner(uid: number, gid: number): void {
    fchownSync(this.#descriptor, uid, gid);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #open(): number {
    const descriptor = openSync(this.path, "a", 0o644);
    const { size, mtimeMs } = fstatSync(descriptor);
    this.#byteSize = size;
    this.#period = this.#periodOf(size > 0 ? mtimeMs : this.#clock.now());
    return descriptor;
  }

  #isDue(): boolean {
    if (!this.#rotation) return false;
    if (typeof this.#rotation.age === "string") return this.#periodOf(this.#clock.now()) !== this.#period;
    return this.#rotation.age !== 0 && this.#byteSize > (this.#rotation.size ?? DEFAULT_SIZE);
  }

  #rotate(): void {
    if (typeof this.#rotation?.age === "string") {
      const target = `${this.path}.${this.#period}`;
      renameSync(this.path, existsSync(target) ? `${target}.${this.#clock.now()}` : target);
    } else {
      this.#shift(this.#rotation?.age ?? DEFAULT_AGE);
    }
    const descriptor = this.#open();
    closeSync(this.#descriptor);
    this.#descriptor = descriptor;
  }

  /** `log.0` becomes `log.1` and so on, the oldest is overwritten, and `log` becomes `log.0`. */
  #shift(age: number): void {
    for (let number = age - 3; number >= 0; number--) {
      const old = `${this.path}.${number}`;
      if (existsSync(old)) renameSync(old, `${this.path}.${number + 1}`);
    }
    renameSync(this.path, `${this.path}.0`);
  }

  /** The day, week or month of a time, as the suffix of the file that holds it: `20261122`. Weeks start on Sunday. */
  #periodOf(time: number): string {
    const date = new Date(time);
    if (this.#rotation?.age === "weekly") date.setDate(date.getDate() - date.getDay());
    if (this.#rotation?.age === "monthly") date.setDate(1);
    const two = (value: number) => String(value).padStart(2, "0");
    return `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  }
}
