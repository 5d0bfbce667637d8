/**
 * A Unix socket that `suiro tap` and `suiro top` find: in a folder that only this user can enter, so that whoever gets
 * there could as well stop the process. It asks for one line of JSON, `{"command":"status"}` or
 * `{"command":"tap","pattern":"app.**","at":"ID","limit":10}`, and answers with lines of JSON.
 *
 * It is never in the way: where it cannot be made, the agent runs without it.
 */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { lstatSync, mkdirSync, readdirSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { errorMessage } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { AgentStatus } from "../metrics/status.ts";

export interface TapRequest {
  readonly pattern: string;
  /** Id of a filter or an output, or the name of a level; undefined for all outputs. */
  readonly at: string | undefined;
  /** Events a second. */
  readonly limit: number;
}

export interface ControlSocketActions {
  status(): AgentStatus;
  /** Shows events by `write` until the returned function is called. Throws when the pattern is none. */
  tap(request: TapRequest, write: (line: object) => boolean): () => void;
}

const MAX_REQUEST_BYTES = 8192;
const MAX_CONNECTIONS = 16;
const REQUEST_TIMEOUT_MS = 5000;
/** What a slow reader may leave unread; beyond it events are skipped and counted. */
const UNREAD_LIMIT_BYTES = 256 * 1024;

/** Where sockets lie. `XDG_RUNTIME_DIR` is what the system gives a user for just that. */
export function socketFolder(environment: NodeJS.ProcessEnv): string {
  if (environment.SUIRO_RUN_DIR) return environment.SUIRO_RUN_DIR;
  if (environment.XDG_RUNTIME_DIR) return join(environment.XDG_RUNTIME_DIR, "suiro");
  return join(tmpdir(), `suiro-${userInfo().uid}`);
}

export class ControlSocket {
  readonly #actions: ControlSocketActions;
  readonly #logger: Logger;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #path: string | undefined;

  constructor(actions: ControlSocketActions, logger: Logger) {
    this.#actions = actions;
    this.#logger = logger;
  }

  /** Never rejects. */
  async start(folder: string): Promise<void> {
    try {
      openFolder(folder);
      await removeStale(folder);
      const path = join(folder, `${process.pid}-${randomBytes(3).toString("hex")}.sock`);
      const server = createServer((socket) => this.#accept(socket)).listen({ path, exclusive: true });
      server.maxConnections = MAX_CONNECTIONS;
      await once(server, "listening");
      server.on("error", (error) => this.#logger.debug("control socket failed", { error }));
      server.unref();
      this.#server = server;
      this.#path = path;
      this.#logger.debug("listening for suiro tap and suiro top", { path });
    } catch (error) {
      this.#logger.info(`suiro tap and suiro top cannot reach this process: ${errorMessage(error)}`, { folder });
    }
  }

  close(): void {
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
    if (this.#path !== undefined && this.#server) removeFile(this.#path);
    this.#server = undefined;
  }

  #accept(socket: Socket): void {
    let request = "";
    this.#sockets.add(socket);
    socket.setTimeout(REQUEST_TIMEOUT_MS, () => socket.destroy());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
    const onData = (bytes: Buffer) => {
      request += bytes;
      if (!request.includes("\n") && request.length <= MAX_REQUEST_BYTES) return;
      socket.off("data", onData);
      socket.resume();
      this.#answer(socket, request.split("\n", 1)[0] as string);
    };
    socket.on("data", onData);
  }

  #answer(socket: Socket, line: string): void {
    const write = (value: object): boolean => {
      if (socket.destroyed || socket.writableLength > UNREAD_LIMIT_BYTES) return false;
      socket.write(`${JSON.stringify(value)}\n`);
      return true;
    };
    try {
      const { command, pattern = "**", at, limit = 10 } = JSON.parse(line);
      if (command === "status") {
        socket.end(`${JSON.stringify(this.#actions.status())}\n`);
      } else if (command === "tap") {
        socket.setTimeout(0);
        const stop = this.#actions.tap({ pattern: String(pattern), at, limit: Number(limit) }, write);
        socket.on("close", stop);
        write({ tapping: String(pattern) });
      } else throw new Error(`there is no command ${JSON.stringify(command)}`);
    } catch (error) {
      write({ error: errorMessage(error) });
      socket.end();
    }
  }
}

/** Throws unless the folder is there, is this user's own, and nobody else can enter it. */
function openFolder(folder: string): void {
  mkdirSync(folder, { mode: 0o700, recursive: true });
  const status = lstatSync(folder);
  const uid = process.getuid?.();
  if (!status.isDirectory() || (uid !== undefined && status.uid !== uid) || (status.mode & 0o077) !== 0) {
    throw new Error(`${folder} must be a folder of this user with mode 0700`);
  }
}

/** Sockets of processes that were killed. */
async function removeStale(folder: string): Promise<void> {
  for (const path of socketPaths(folder)) if (!(await answers(path))) removeFile(path);
}

export function socketPaths(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(".sock"));
    return names.map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** Whether a process listens there. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody else was faster.
  }
}
