/** The agents that are measured: how each is started and stopped. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { delimiter, join } from "node:path";
import { type Relay, writeConfiguration } from "./configuration.ts";
import { readUsage } from "./process-usage.ts";
import type { Row } from "./rows.ts";

export interface Subject {
  readonly name: string;
  /** Why it cannot run here. */
  readonly absent?: string;
  readonly takes: (row: Row) => boolean;
  readonly command: (relay: Relay) => { program: string; args: string[]; env?: Record<string, string> };
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;
/** Short beside the time that a start takes. */
const LOOK_MS = 5;

export interface SubjectOptions {
  /** Where CPU profiles of Suiro go; what it costs to make them shows in the figures. */
  readonly profileFolder?: string | undefined;
  /** A folder with another build of Suiro in its dist/, to compare with. */
  readonly beforeFolder?: string | undefined;
  /** Suiro with this `ack_after`, to compare with its default. */
  readonly ackAfter?: string | undefined;
}

/** `root` is the project's folder, where dist/, build/ and .fluentd/ are. */
export function subjects(root: string, { profileFolder, beforeFolder, ackAfter }: SubjectOptions = {}): Subject[] {
  const main = join(root, "dist", "main.js");
  const ownFluentd = join(root, ".fluentd", "bin", "fluentd");
  const nodeArgs = profileFolder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`];
  const fluentd = existsSync(ownFluentd) ? ownFluentd : findProgram("fluentd");
  return [
    {
      name: "suiro",
      ...(!existsSync(main) && { absent: "dist/main.js is not built" }),
      takes: () => true,
      command: (relay) => ({ program: process.execPath, args: [...nodeArgs, main, "-c", writeConfiguration(relay)] }),
    },
    ...(beforeFolder === undefined ? [] : [suiroBefore(beforeFolder)]),
    ...(ackAfter === undefined ? [] : [suiroAcking(main, ackAfter)]),
    {
      name: "fluentd",
      ...(!fluentd && { absent: "not installed; node scripts/fluentd.mjs installs it" }),
      takes: () => true,
      command: (relay) => ({
        program: fluentd as string,
        // One worker does without the supervisor, which would be one more process to pay for.
        args: [...(relay.row.workers === undefined ? ["--no-supervisor"] : []), "-c", writeConfiguration(relay)],
        ...(fluentd === ownFluentd && { env: { GEM_HOME: join(root, ".fluentd"), GEM_PATH: join(root, ".fluentd") } }),
      }),
    },
    {
      name: "floor",
      takes: ({ load, receiverComesLate, workers }) =>
        load.kind === "forward" && !receiverComesLate && workers === undefined,
      command: ({ port, receiverPort, caPath, folder }) => ({
        program: process.execPath,
        args: [join(root, "build", "bench", "floor.js"), `${port}`, `${receiverPort}`, caPath, folder],
      }),
    },
  ];
}

function suiroAcking(main: string, ackAfter: string): Subject {
  return {
    name: `suiro-${ackAfter}`,
    takes: ({ load }) => load.kind === "forward",
    command: (relay) => ({ program: process.execPath, args: [main, "-c", writeConfiguration(relay, ackAfter)] }),
  };
}

function suiroBefore(folder: string): Subject {
  const main = join(folder, "dist", "main.js");
  return {
    name: "before",
    ...(!existsSync(main) && { absent: `${main} is not built` }),
    takes: () => true,
    command: (relay) => ({ program: process.execPath, args: [main, "-c", writeConfiguration(relay)] }),
  };
}

function findProgram(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** A running agent. */
export interface RunningSubject {
  readonly pid: number;
  /** From its start until it listened: wall time, and CPU time of its processes. */
  readonly startMs: number;
  readonly startCpuMs: number;
  /** Rejects when the agent ends by itself. */
  readonly ended: Promise<never>;
  stop(): Promise<void>;
}

/** Starts it and waits until it listens. Throws Error with the end of its log. */
export async function startSubject(subject: Subject, relay: Relay): Promise<RunningSubject> {
  const { program, args, env } = subject.command(relay);
  const logPath = join(relay.folder, "agent.log");
  const log = openSync(logPath, "w");
  const startedAt = performance.now();
  const child = spawn(program, args, { stdio: ["ignore", log, log], env: { ...process.env, ...env } });
  closeSync(log);
  let stopping = false;
  const killWithParent = () => child.kill("SIGKILL");
  process.on("exit", killWithParent);
  const ended = once(child, "exit").then(([code, signal]): never => {
    if (stopping) throw new Error(`${subject.name} was stopped`);
    const tail = readFileSync(logPath, "utf8").trim().split("\n").slice(-5).join("\n");
    throw new Error(`${subject.name} ended by itself (${code ?? signal}) ${tail}`);
  });
  ended.catch(() => {});
  const stop = async () => {
    stopping = true;
    await stopChild(child);
    process.off("exit", killWithParent);
  };
  try {
    await Promise.race([ended, listening(relay.port)]);
  } catch (error) {
    await stop();
    throw error;
  }
  const pid = child.pid as number;
  return { pid, startMs: performance.now() - startedAt, startCpuMs: readUsage(pid).cpuMs, ended, stop };
}

async function listening(port: number): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const socket = createConnection({ port, host: "127.0.0.1" });
    try {
      await once(socket, "connect");
      socket.destroy();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`nobody listens on port ${port}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await exit;
  clearTimeout(timer);
}
