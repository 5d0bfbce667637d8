/** The agents that are measured: how each is configured, started and stopped. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { delimiter, join } from "node:path";

export interface Relay {
  readonly port: number;
  readonly receiverPort: number;
  /** PEM file of the CA that issued the receiver's certificate for `localhost`. */
  readonly caPath: string;
  /** For buffers, logs and configuration. */
  readonly folder: string;
}

export interface Subject {
  readonly name: string;
  /** Why it cannot run here. */
  readonly absent?: string;
  readonly command: (relay: Relay) => { program: string; args: string[]; env?: Record<string, string> };
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;

/** `root` is the project's folder, where dist/, build/ and .fluentd/ are. */
export function subjects(root: string): Subject[] {
  const main = join(root, "dist", "main.js");
  const ownFluentd = join(root, ".fluentd", "bin", "fluentd");
  const fluentd = existsSync(ownFluentd) ? ownFluentd : findProgram("fluentd");
  return [
    {
      name: "suiro",
      ...(!existsSync(main) && { absent: "dist/main.js is not built" }),
      command: (relay) => ({ program: process.execPath, args: [main, "-c", configFile(relay)] }),
    },
    {
      name: "fluentd",
      ...(!fluentd && { absent: "not installed; node scripts/fluentd.mjs installs it" }),
      command: (relay) => ({
        program: fluentd as string,
        // Without the supervisor, which would be one more process to pay for.
        args: ["--no-supervisor", "-c", configFile(relay)],
        ...(fluentd === ownFluentd && { env: { GEM_HOME: join(root, ".fluentd"), GEM_PATH: join(root, ".fluentd") } }),
      }),
    },
    {
      name: "floor",
      command: ({ port, receiverPort, caPath, folder }) => ({
        program: process.execPath,
        args: [join(root, "build", "bench", "floor.js"), `${port}`, `${receiverPort}`, caPath, folder],
      }),
    },
  ];
}

function findProgram(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** One text for all agents that read fluentd's language: what a user writes, with acks and a file buffer added. */
function configFile({ port, receiverPort, caPath, folder }: Relay): string {
  const path = join(folder, "relay.conf");
  const text = `<system>
  log_level warn
</system>
<source>
  @type forward
  bind 127.0.0.1
  port ${port}
</source>
<match **>
  @type forward
  transport tls
  tls_version TLSv1_3
  tls_cert_path ${caPath}
  require_ack_response true
  heartbeat_type none
  <server>
    host 127.0.0.1
    name localhost
    port ${receiverPort}
  </server>
  <buffer tag>
    @type file
    path ${join(folder, "buffer")}
    chunk_limit_size 8m
    flush_mode interval
    flush_interval 1s
    flush_thread_count 2
    overflow_action block
  </buffer>
</match>
`;
  writeFileSync(path, text);
  return path;
}

/** A running agent. */
export interface RunningSubject {
  readonly pid: number;
  /** Rejects when the agent ends by itself. */
  readonly ended: Promise<never>;
  stop(): Promise<void>;
}

/** Starts it and waits until it listens. Throws Error with the end of its log. */
export async function startSubject(subject: Subject, relay: Relay): Promise<RunningSubject> {
  const { program, args, env } = subject.command(relay);
  const logPath = join(relay.folder, "agent.log");
  const log = openSync(logPath, "w");
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
  return { pid: child.pid as number, ended, stop };
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
      await new Promise((resolve) => setTimeout(resolve, 50));
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
