/**
 * One agent per buffer folder: two would send and delete each other's chunks.
 *
 * The lock is a listening Unix socket in the folder. The kernel ends it together with its process, whatever ended that,
 * so nothing is stale and no process id is trusted; and whoever sees the folder can connect to it, also from another
 * container, with its own process ids and network. fluentd does not look at it.
 *
 * | name in the folder                      | meaning                                                    |
 * |-----------------------------------------|------------------------------------------------------------|
 * | `.buffer.lock.<random>.<pid>.<host>`    | a process that holds the lock, or asks for it              |
 * | `.buffer.asks.<random>`                 | a process that is about to ask, or has made way for others |
 *
 * Taking it: show yourself, then look for others that live. Who sees none holds the lock. As everybody shows itself
 * before it looks, of any two one sees the other. Who sees a name that sorts before its own makes way, so that one of
 * several that start together gets through; the holder never does.
 *
 * Limits: one machine. Two machines that share the folder over a network do not see each other's sockets.
 */

import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, closeSync, existsSync, openSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { type Clock, sleep } from "../clock.ts";
import { BufferIoError, errorMessage } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { errorCode } from "./file-system.ts";

/** How long the second agent waits for the first one to end, as it does while it is replaced. */
const PATIENCE_MS = 2000;
const PAUSE_MS = 20;
/** A process stays no longer than this between its first socket and its name. */
const ASKING_LIMIT_MS = 60_000;
/** The kernel takes 107 bytes as the path of a socket. */
const SOCKET_PATH_LIMIT = 100;
const HOST_LENGTH = 40;
const PREFIX_LENGTH = 20;
/** A folder that is full or knows no sockets shall not keep an agent from sending what is in it. */
const CANNOT_LOCK = ["ENOSPC", "EDQUOT", "EROFS", "EPERM", "ENOTSUP", "EOPNOTSUPP", "EINVAL", "ENAMETOOLONG"];

export interface FolderLockOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly patienceMs?: number;
}

export class FolderLock {
  readonly #folder: string;
  readonly #names: { readonly lock: string; readonly asks: string };
  readonly #own: { readonly shown: string; readonly hidden: string };
  readonly #options: FolderLockOptions;
  #server: Server | undefined;
  #isShown = false;

  private constructor(prefix: string, options: FolderLockOptions) {
    const base = basename(prefix);
    const key = base.length <= PREFIX_LENGTH ? base : createHash("sha256").update(base).digest("hex").slice(0, 16);
    const random = randomBytes(4).toString("hex");
    this.#folder = dirname(prefix);
    this.#names = { lock: `.${key}.lock.`, asks: `.${key}.asks.` };
    this.#own = {
      shown: `${this.#names.lock}${random}.${process.pid}.${hostname().slice(0, HOST_LENGTH)}`,
      hidden: `${this.#names.asks}${random}`,
    };
    this.#options = options;
  }

  /**
   * Takes the lock of the chunks whose paths start with `prefix`; their folder is there. Throws BufferIoError when
   * another agent holds it. Where no lock can be made that is logged, and the lock is none.
   */
  static async take(prefix: string, options: FolderLockOptions): Promise<FolderLock> {
    const lock = new FolderLock(prefix, options);
    try {
      await lock.#take();
      return lock;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Others can see it. */
  get isInPlace(): boolean {
    return existsSync(join(this.#folder, this.#own.shown));
  }

  /** Lets the next agent in. Safe to call twice. */
  release(): void {
    if (this.#server) for (const name of Object.values(this.#own)) this.#remove(name);
    this.#server?.close();
    this.#server = undefined;
  }

  async #take(): Promise<void> {
    const { clock, logger, patienceMs = PATIENCE_MS } = this.#options;
    const deadlineMs = clock.monotonic() + patienceMs;
    await this.#listen();
    do this.#show(true);
    while (!(await this.#prevails(deadlineMs)));
    this.#clean();
    logger.debug("the buffer folder is locked", { path: this.#folder, name: this.#own.shown });
  }

  /** Waits until there is no other; false when it made way for one meanwhile. */
  async #prevails(deadlineMs: number): Promise<boolean> {
    const { clock } = this.#options;
    for (;;) {
      const [first] = await this.#others();
      if (first === undefined) return this.#isShown;
      if (clock.monotonic() >= deadlineMs) throw this.#refusal(first);
      if (first < this.#own.shown) this.#show(false);
      await sleep(clock, PAUSE_MS);
    }
  }

  /** Opens the socket under a name at which nobody looks: between its making and its listening it would seem dead. */
  async #listen(): Promise<void> {
    const server = createServer((socket) => socket.destroy());
    try {
      await this.#atShortPath(this.#own.hidden, async (path) => {
        server.listen({ path, exclusive: true }); // A worker process would give it to its supervisor.
        await once(server, "listening");
      });
      server.unref().on("error", () => {});
      this.#server = server;
      chmodSync(join(this.#folder, this.#own.hidden), 0o666); // Every user's agent may ask whether this one lives.
    } catch (error) {
      server.close();
      const place = `cannot lock the buffer folder ${this.#folder}: ${errorMessage(error)}`;
      if (!CANNOT_LOCK.includes(errorCode(error))) throw new BufferIoError(place, { cause: error });
      this.#options.logger.warn(`${place}; see to it that no other agent uses it`);
    }
  }

  #show(isShown: boolean): void {
    if (this.#isShown === isShown) return;
    this.#isShown = isShown;
    const { hidden, shown } = this.#own;
    const [from, to] = isShown ? [hidden, shown] : [shown, hidden];
    if (this.#server) renameSync(join(this.#folder, from), join(this.#folder, to));
  }

  /** Names of the other agents that live, sorted; what the dead left is removed. */
  async #others(): Promise<string[]> {
    const others: string[] = [];
    for (const name of readdirSync(this.#folder).sort()) {
      if (!name.startsWith(this.#names.lock) || name === this.#own.shown) continue;
      const refusal = await this.#knock(name);
      // Only the kernel's word that nobody listens counts as death: a process that is stopped or busy lives.
      if (refusal === "ECONNREFUSED") this.#remove(name);
      else if (refusal !== "ENOENT") others.push(name);
    }
    return others;
  }

  /** Connects, and gives the code of what came in the way; "" for nothing. */
  #knock(name: string): Promise<string> {
    return this.#atShortPath(name, async (path) => {
      const socket = connect(path);
      try {
        await once(socket, "connect");
        return "";
      } catch (error) {
        return errorCode(error);
      } finally {
        socket.destroy();
      }
    });
  }

  /** Gives a path that is short enough for a socket, however deep the folder lies. */
  async #atShortPath<T>(name: string, action: (path: string) => Promise<T>): Promise<T> {
    const path = join(this.#folder, name);
    if (Buffer.byteLength(path) <= SOCKET_PATH_LIMIT || !existsSync("/proc/self/fd")) return action(path);
    const folder = openSync(this.#folder, "r");
    try {
      return await action(`/proc/self/fd/${folder}/${name}`);
    } finally {
      closeSync(folder);
    }
  }

  /** Removes what processes left that were killed while they asked. */
  #clean(): void {
    const oldestMs = this.#options.clock.now() - ASKING_LIMIT_MS;
    for (const name of readdirSync(this.#folder)) {
      if (!name.startsWith(this.#names.asks)) continue;
      const status = statSync(join(this.#folder, name), { throwIfNoEntry: false });
      if (status && status.mtimeMs < oldestMs) this.#remove(name);
    }
  }

  #remove(name: string): void {
    try {
      rmSync(join(this.#folder, name), { force: true });
    } catch (error) {
      this.#options.logger.debug("a lock of an agent that has ended stays", { name, error });
    }
  }

  #refusal(other: string): BufferIoError {
    const [, pid, ...host] = other.slice(this.#names.lock.length).split(".");
    const who = `process ${pid} on host ${host.join(".")}`;
    const path = join(this.#folder, other);
    return new BufferIoError(
      `the buffer folder ${this.#folder} is in use by another agent, ${who} (${path}): two would send and delete each ` +
        "other's chunks. Stop that one, or give this output another 'path' in <buffer>",
    );
  }
}
