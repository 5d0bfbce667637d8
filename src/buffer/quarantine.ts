/**
 * A folder for messages that can never be delivered, those of a sender and those that a receiver refuses: they are kept
 * byte for byte, so that their sender may be told that they are safe, and a person can look at them and send them again
 * (`suiro buffer`).
 *
 * | file           | content                                                   |
 * |----------------|-----------------------------------------------------------|
 * | `<name>.frame` | the message as it came, one msgpack array                 |
 * | `<name>.json`  | when, from whom, why, and what to do                      |
 * | `<name>.part`  | a message that is not whole yet; removed at the next start |
 *
 * Limits: bytes and number of the messages in the folder. Beyond them nothing is taken, and nothing that is there goes:
 * the oldest may be the only copy of something.
 */

import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

export const FRAME_SUFFIX = ".frame";
export const NOTE_SUFFIX = ".json";
const PART_SUFFIX = ".part";

/** The folder of a plugin: no character of its id leads elsewhere. `base` is `/tmp/fluent` where there is none. */
export function quarantineFolder(base = "/tmp/fluent", pluginId: string): string {
  return join(base, "quarantine", pluginId.replaceAll(/[^\w.@-]|^\.+$/g, "_"));
}

export interface QuarantineOptions {
  readonly folder: string;
  readonly sizeLimitBytes: number;
  readonly countLimit: number;
  readonly fileMode: number;
  readonly folderMode: number;
  /** Wall time in milliseconds. */
  readonly now: () => number;
}

/** What is known of a message. Nothing of its content but the tag. */
export interface QuarantineNote {
  readonly reason: string;
  readonly error: string;
  readonly tag?: string | undefined;
  /** Address or name of the sender, or of the receiver that refuses it. */
  readonly host: string;
  /** Id of the chunk that it was, as hexadecimal text: to be sent again under the same. */
  readonly chunk?: string | undefined;
}

export class Quarantine {
  readonly #options: QuarantineOptions;
  #opened: Promise<void> | undefined;
  #bytes = 0;
  #count = 0;

  constructor(options: QuarantineOptions) {
    this.#options = options;
  }

  get folder(): string {
    return this.#options.folder;
  }

  /**
   * Begins a message. Undefined when the folder is full. Rejects with the system's error when the folder cannot be used.
   */
  async begin(): Promise<QuarantinedMessage | undefined> {
    this.#opened ??= this.#open();
    await this.#opened.catch((error) => {
      this.#opened = undefined;
      throw error;
    });
    if (this.#count >= this.#options.countLimit) return undefined;
    this.#count += 1;
    const { folder, fileMode, now } = this.#options;
    const name = `${new Date(now()).toISOString().replaceAll(/[-:]/g, "")}-${randomBytes(6).toString("hex")}`;
    try {
      const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;
      const file = await open(join(folder, name + PART_SUFFIX), flags, fileMode);
      return new QuarantinedMessage(join(folder, name), file, fileMode, {
        reserve: (bytes) => this.#reserve(bytes),
        settle: (bytes, isKept) => {
          if (isKept) return;
          this.#bytes -= bytes;
          this.#count -= 1;
        },
      });
    } catch (error) {
      this.#count -= 1;
      throw error;
    }
  }

  /** Keeps a whole message. Gives its path, or undefined when there is no room. Rejects with the system's error. */
  async keep(bytes: Buffer, note: QuarantineNote): Promise<string | undefined> {
    const message = await this.begin();
    if (!message) return undefined;
    try {
      if (message.reserve(bytes.length)) {
        await message.write(bytes);
        return await message.keep(note);
      }
    } catch (error) {
      await message.discard();
      throw error;
    }
    await message.discard();
    return undefined;
  }

  #reserve(bytes: number): boolean {
    if (this.#bytes + bytes > this.#options.sizeLimitBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  /** Counts what an earlier process left. */
  async #open(): Promise<void> {
    const { folder, folderMode } = this.#options;
    await mkdir(folder, { recursive: true, mode: folderMode });
    let bytes = 0;
    let count = 0;
    for (const name of await readdir(folder)) {
      if (name.endsWith(PART_SUFFIX)) await rm(join(folder, name), { force: true });
      if (!name.endsWith(FRAME_SUFFIX)) continue;
      bytes += (await stat(join(folder, name))).size;
      count += 1;
    }
    this.#bytes = bytes;
    this.#count = count;
  }
}

interface Account {
  reserve(bytes: number): boolean;
  settle(reservedBytes: number, isKept: boolean): void;
}

/** A message on its way into the quarantine: reserve, write, then keep or discard. */
export class QuarantinedMessage {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #fileMode: number;
  readonly #account: Account;
  #reserved = 0;
  #written = 0;
  #isSettled = false;

  constructor(path: string, file: FileHandle, fileMode: number, account: Account) {
    this.#path = path;
    this.#file = file;
    this.#fileMode = fileMode;
    this.#account = account;
  }

  get byteSize(): number {
    return this.#written;
  }

  /** Asks for room for `totalBytes` in all; false when there is none. */
  reserve(totalBytes: number): boolean {
    const missing = totalBytes - this.#reserved;
    if (missing <= 0) return true;
    if (!this.#account.reserve(missing)) return false;
    this.#reserved = totalBytes;
    return true;
  }

  /** Appends bytes, which must be reserved. They may change once this has resolved. */
  async write(bytes: Buffer): Promise<void> {
    await this.#file.appendFile(bytes);
    this.#written += bytes.length;
  }

  /** The message is whole: it survives a lost machine when this resolves, with the path of its file. */
  async keep(note: QuarantineNote): Promise<string> {
    const todo =
      "look at it with `suiro buffer show`, mend what `error` says, send it again with `suiro buffer replay`, delete it";
    const text = JSON.stringify({ ...note, at: new Date().toISOString(), bytes: this.#written, todo }, undefined, 2);
    await this.#file.sync();
    await this.#file.close();
    await writeFile(this.#path + NOTE_SUFFIX, `${text}\n`, { mode: this.#fileMode, flag: "wx" });
    await rename(this.#path + PART_SUFFIX, this.#path + FRAME_SUFFIX);
    await syncFolder(dirname(this.#path)); // Until then a lost machine may have it as a part, which nobody keeps.
    this.#settle(true);
    return this.#path + FRAME_SUFFIX;
  }

  /** Nothing of it is kept. Never rejects; safe to call twice, and after `keep`. */
  async discard(): Promise<void> {
    if (this.#isSettled) return;
    this.#settle(false);
    await this.#file.close().catch(() => {});
    await rm(this.#path + PART_SUFFIX, { force: true }).catch(() => {});
  }

  #settle(isKept: boolean): void {
    this.#isSettled = true;
    this.#account.settle(this.#reserved, isKept);
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
