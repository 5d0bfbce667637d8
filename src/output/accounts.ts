/**
 * The accounts of a buffered output: received = delivered + held + dropped by reason, across restarts.
 *
 * A small file beside the chunks says what was received, delivered and dropped. It is written in place about once a
 * second and before the files of a chunk that has ended are removed; where inputs wait for syncs it is synced by then.
 * At a start the chunks on disk are the rest:
 *
 * | they hold | after                                     | that is                                                      |
 * |-----------|-------------------------------------------|--------------------------------------------------------------|
 * | more      | a killed process                          | received since the last save                                 |
 * | fewer     | a lost machine, and inputs wait for syncs | not on the disk yet: nobody was told that we had them        |
 * | fewer     | a lost machine else                       | delivered since the last save that is left, or lost with it  |
 * | fewer     | else                                      | missing: told, and counted as dropped for that reason        |
 */

import { basename, dirname, join } from "node:path";
import type { BufferFound } from "../buffer/chunk-recovery.ts";
import { errorCode, type FileSystem } from "../buffer/file-system.ts";
import { readSavedText, SavedText } from "../buffer/saved-text.ts";
import type { CancelTimer, Clock } from "../clock.ts";
import type { Counters } from "../counters.ts";
import type { Logger } from "../logger.ts";
import type { AccountReport } from "../plugin.ts";

const VERSION = 1;
const SAVE_MS = 1000;

/** Dropped without ever having been taken: what a killed process had written of an event. */
const NEVER_TAKEN: ReadonlySet<string> = new Set(["torn_tail"]);

/** What the file says. */
export interface SavedAccount {
  readonly version: number;
  readonly received: number;
  readonly delivered: number;
  readonly dropped: Readonly<Record<string, number>>;
  /** Ids of chunks that are counted here and whose files may be there still. */
  readonly leaving?: readonly string[];
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
  /** Events that chunks of an earlier process had more than they said, when they were looked through. */
  readonly recounted: () => number;
  /** Ids of chunks that have ended and whose files may be there still. */
  readonly leaving: () => Iterable<string>;
}

/** Where the accounts of the buffer lie whose chunks begin with `prefix`. */
export function accountsPath(prefix: string): string {
  return join(dirname(prefix), `.${basename(prefix)}.accounts`);
}

/** Undefined when there is no such file, or it is not as it was written. */
export function readAccount(fileSystem: Pick<FileSystem, "readAll">, path: string): SavedAccount | undefined {
  const saved = JSON.parse(readSavedText(fileSystem, path) ?? "{}") as SavedAccount;
  return saved.version === VERSION ? saved : undefined;
}

export class Accounts {
  readonly #options: AccountsOptions;
  #before = { received: 0, delivered: 0, dropped: {} as Record<string, number> };
  #saved: SavedText | undefined;
  #cancelTimer: CancelTimer | undefined;

  constructor(options: AccountsOptions) {
    this.#options = options;
  }

  /** Goes on from what an earlier process wrote beside the chunks, which the buffer holds by now. */
  start(found: BufferFound): void {
    const { clock, counters, fileMode, fileSystem, logger } = this.#options;
    const path = accountsPath(found.prefix);
    const saved = readAccount(fileSystem, path);
    if (!saved && fileSystem.status(path)) logger.warn("accounts cannot be read, and begin anew", { path });
    this.#goOn(saved ?? NOTHING, found, path);
    const onError = (error: unknown) => counters.add("disk_errors", 1, errorCode(error) || "unknown");
    this.#saved = new SavedText({ fileSystem, fileMode, logger, path, onError });
    this.#save(false);
    this.#cancelTimer = clock.every(SAVE_MS, () => {
      this.#saved?.check();
      this.#save(false);
    });
  }

  /** Resolves when it is written, and with `isSynced` safe from a power loss, what became of the chunks that ended. */
  async chunksEnded(isSynced: boolean): Promise<void> {
    await Promise.resolve(); // Who ends a chunk counts its events in the same turn.
    this.#save(false);
    if (isSynced) await this.#saved?.sync();
  }

  report(): AccountReport {
    const { counters, held, recounted } = this.#options;
    const taken = counters.get("emitted_events") - counters.get("repeated_events");
    const received = this.#before.received + taken + recounted();
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
    this.#saved?.close();
    this.#saved = undefined;
  }

  #goOn(saved: SavedAccount, found: BufferFound, path: string): void {
    const { held, logger } = this.#options;
    const { received, dropped } = saved;
    const sent = uncounted(saved, found.delivered);
    const rest = received - saved.delivered - sum(dropped);
    const kept = held() + sent;
    const before = { received: received + Math.max(0, kept - rest), delivered: saved.delivered + sent };
    const gone = Math.max(0, rest - kept);
    this.#before = { ...before, dropped: { ...dropped } };
    if (gone === 0) return;
    if (found.isMachineLost && found.isSynced) {
      this.#before.received -= gone;
      logger.info("events were not on the disk when the machine was lost; their senders come again", { events: gone });
      return;
    }
    const reason = found.isMachineLost ? "machine_lost" : "missing";
    this.#before.dropped[reason] = (dropped[reason] ?? 0) + gone;
    if (found.isMachineLost)
      logger.warn("events were delivered, or lost with the machine: nobody knows", { events: gone });
    else logger.error("events that the buffer held are no longer on its disk", { events: gone, path });
  }

  #save(isClosed: boolean): void {
    const { received, delivered, dropped } = this.report();
    const leaving = [...this.#options.leaving()];
    const saved: SavedAccount = { version: VERSION, received, delivered, dropped, leaving, isClosed };
    this.#saved?.write(JSON.stringify(saved));
  }
}

/** Events of chunks that were delivered, and of which the account did not hear before its process ended. */
export function uncounted({ leaving = [] }: SavedAccount, delivered: ReadonlyMap<string, number>): number {
  return [...delivered].reduce((events, [id, size]) => (leaving.includes(id) ? events : events + size), 0);
}

/** What no account explains; 0 when the sums are right. */
export function unexplained({ received, delivered, held, dropped }: AccountReport): number {
  return received - delivered - held - sum(dropped);
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
