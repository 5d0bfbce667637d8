/** Finds the running process and asks it over its control socket. */

import { connect, type Socket } from "node:net";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { SuiroError } from "../errors.ts";
import type { AgentStatus } from "../metrics/status.ts";
import { socketFolder, socketPaths } from "./control-socket.ts";

export interface ControlTarget {
  /** Process id of the agent, where several run. */
  readonly pid?: number;
  /** Path of the socket itself. */
  readonly socket?: string;
}

export interface RunningAgent {
  readonly path: string;
  readonly status: AgentStatus;
}

/** This user's agents, or the one that is meant. */
export async function runningAgents({ pid, socket }: ControlTarget): Promise<RunningAgent[]> {
  const paths = socket === undefined ? socketPaths(socketFolder(process.env)) : [socket];
  const wanted = paths.filter((path) => pid === undefined || basename(path).startsWith(`${pid}-`));
  const agents = wanted.map(async (path) => ({ path, status: await agentStatusAt(path) }));
  return (await Promise.all(agents)).filter((agent): agent is RunningAgent => agent.status !== undefined);
}

/** The socket of the one agent that runs, or of the one that is meant. Throws SuiroError with what to do. */
export async function findAgent(target: ControlTarget): Promise<string> {
  if (target.socket !== undefined) return target.socket;
  const running = await runningAgents(target);
  const [first, second] = running;
  if (first && !second) return first.path;
  if (!first) {
    const who = target.pid === undefined ? "no agent of this user runs" : `no agent with process id ${target.pid} runs`;
    const folder = socketFolder(process.env);
    throw new SuiroError("NETWORK", `${who} (looked in ${folder}); run this as the agent's user, on its machine`);
  }
  const pids = running.map(({ status }) => status.pid).join(", ");
  throw new SuiroError("NETWORK", `several agents run; choose one with --pid: ${pids}`);
}

/** Sends one request. The caller ends the socket. Rejects with SuiroError when nobody is there. */
export function sendRequest(path: string, request: object): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.write(`${JSON.stringify(request)}\n`);
      resolve(socket);
    });
    socket.once("error", (cause) =>
      reject(new SuiroError("NETWORK", `cannot reach ${path}: ${cause.message}`, { cause })),
    );
  });
}

/** Undefined when no agent answers there. */
export async function agentStatusAt(path: string): Promise<AgentStatus | undefined> {
  try {
    const socket = await sendRequest(path, { command: "status" });
    for await (const line of linesOf(socket)) return line as unknown as AgentStatus;
    return undefined;
  } catch {
    return undefined;
  }
}

/** The answer's lines, to the end of the connection. */
export async function* linesOf(socket: Socket): AsyncGenerator<Record<string, unknown>> {
  const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY });
  socket.on("error", () => lines.close());
  try {
    for await (const line of lines) if (line !== "") yield JSON.parse(line);
  } finally {
    socket.destroy();
  }
}
