/**
 * The accounts of a buffered output: received = delivered + held + dropped by reason, across restarts.
 *
 * A small file beside the chunks says what was received, delivered and dropped. It is written in place whenever a chunk
 * ends and about once a second, so that after a killed process what was delivered and dropped is exact, and what was
 * received is at least what it says: the chunks on disk are the rest. Where they are fewer, events are missing, and are
 * told and counted as dropped for that reason.
 */

import { basename, dirname, join } from "node:path";
import { errorCode, type FileSystem } from "../buffer/file-system.ts";
import type { CancelTimer, Clock } from "../clock.ts";
import type { Counters } from "../counters.ts";
import { errorMessage } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { AccountReport } from "../plugin.ts";

const VERSION = 1;
const SAVE_MS = 1000;
/** Shorter texts are filled up with blanks, so that none of a longer one is left behind them. */
const FILE_BYTES = 1024;

/** Dropped without ever having been taken: what a killed process had written of an event. */
const NEVER_TAKEN: ReadonlySet<string> = new Set(["torn_tail"]);

/** What the file says. */
export interface SavedAccount {
  readonly version: number;
  readonly received: number;
  readonly delivered: number;
  readonly dropped: Readonly<Record<string, number>>;
  /** Written at the end of a stop: nothing came after it. */
  readonly isClosed: boolean;
}

const NOTHING: SavedAccount = { version: VERSION, received: 0, delivered: 0, dropped: {}, isClosed: true };

export interface AccountsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly fileSystem: FileSystem;
  readonly fileMode: number;
  /** Events in the buffer now. */
  readonly held: () => number;
}

/** Where the accounts of the buffer lie whose chunks begin with `prefix`. */
export function accountsPath(prefix: string): string {
  return join(dirname(prefix), `.${basename(prefix)}.accounts`);
}

/** Undefined when there is no such file, or it cannot be read. */
export function readAccount(fileSystem: Pick<FileSystem, "readAll">, path: string): SavedAccount | undefined {
  try {
    const saved = JSON.parse(fileSystem.readAll(path).toString()) as SavedAccount;
    return saved.version === VERSION ? saved : undefined;
  } catch {
    return undefined;
  }
}

export class Accounts {
  readonly #options: AccountsOptions;
  #before = { received: 0, delivered: 0, dropped: {} as Record<string, number> };
  #path: string | undefined;
  #file: number | undefined;
  #last = "";
  #isDue = false;
  #cancelTimer: CancelTimer | undefined;

  constructor(options: AccountsOptions) {
    this.#options = options;
  }

  /** Goes on from what an earlier process wrote beside the chunks that begin with `prefix`, which the buffer holds by now. */
  start(prefix: string): void {
    const { clock, fileSystem, logger, held } = this.#options;
    const path = accountsPath(prefix);
    const saved = readAccount(fileSystem, path);
    const { received, delivered, dropped } = saved ?? NOTHING;
    const rest = received - delivered - sum(dropped);
    const missing = Math.max(0, rest - held());
    this.#before = {
      received: received + Math.max(0, held() - rest), // Came after the last save, or from another agent.
      delivered,
      dropped: missing > 0 ? { ...dropped, missing: (dropped.missing ?? 0) + missing } : { ...dropped },
    };
    if (missing > 0) logger.error("events that the buffer held are no longer on its disk", { events: missing, path });
    this.#path = path;
    this.#save(false);
    this.#cancelTimer = clock.every(SAVE_MS, () => {
      this.#leaveIfMoved(path);
      this.#save(false);
    });
  }

  /** A chunk has ended: saved once its counts are made. */
  chunkEnded(): void {
    if (this.#isDue || this.#path === undefined) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#save(false);
    });
  }

  report(): AccountReport {
    const { counters, held } = this.#options;
    const repeated = counters.get("repeated_events");
    const received = this.#before.received + counters.get("emitted_events") - repeated;
    const delivered = this.#before.delivered + counters.get("delivered_events");
    const dropped = { ...this.#before.dropped };
    for (const { name, reason, value } of counters.entries()) {
      if (name === "dropped_events" && !NEVER_TAKEN.has(reason)) dropped[reason] = (dropped[reason] ?? 0) + value;
    }
    return { received, delivered, held: held(), dropped };
  }

  /** The buffer takes and delivers nothing more. */
  stop(): void {
    this.#cancelTimer?.();
    this.#save(true);
    this.#close();
    this.#path = undefined;
  }

  #save(isClosed: boolean): void {
    if (this.#path === undefined) return;
    const { received, delivered, dropped } = this.report();
    const saved: SavedAccount = { version: VERSION, received, delivered, dropped, isClosed };
    const text = `${JSON.stringify(saved)}\n`;
    if (text === this.#last) return;
    try {
      this.#options.fileSystem.write(this.#opened(this.#path), [Buffer.from(text.padEnd(FILE_BYTES))], 0);
      this.#last = text;
    } catch (error) {
      this.#failed(error);
    }
  }

  /** What is written to a file that was removed, or moved with its folder, nobody finds. */
  #leaveIfMoved(path: string): void {
    try {
      if (this.#file === undefined || this.#options.fileSystem.standing(this.#file, path) === "in place") return;
    } catch (error) {
      this.#failed(error);
    }
    this.#close();
    this.#last = "";
  }

  #opened(path: string): number {
    const { fileMode, fileSystem } = this.#options;
    this.#file ??= fileSystem.open(path, fileSystem.status(path) ? "update" : "create", fileMode);
    return this.#file;
  }

  #close(): void {
    const file = this.#file;
    this.#file = undefined;
    try {
      if (file !== undefined) this.#options.fileSystem.close(file);
    } catch {
      // The descriptor is gone either way.
    }
  }

  #failed(error: unknown): void {
    this.#close();
    this.#options.counters.add("disk_errors", 1, errorCode(error) || "unknown");
    this.#options.logger.debug("the accounts of the buffer are not written", { error: errorMessage(error) });
  }
}

/** What no account explains; 0 when the sums are right. */
export function unexplained({ received, delivered, held, dropped }: AccountReport): number {
  return received - delivered - held - sum(dropped);
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
