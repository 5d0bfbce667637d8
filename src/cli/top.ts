/** `suiro top`: inputs, outputs, buffers, receivers and rates of a running agent, in the terminal. */

import { setTimeout as wait } from "node:timers/promises";
import { errorMessage } from "../errors.ts";
import type { AgentStatus } from "../metrics/status.ts";
import { agentStatusAt, type ControlTarget, findAgent } from "./control-client.ts";
import { topLines } from "./top-lines.ts";

export interface TopOptions extends ControlTarget {
  /** Seconds between two looks. */
  readonly interval: number;
  /** Print once and end. */
  readonly once?: boolean;
  readonly json?: boolean;
}

const WIDTH = 160;
const HEIGHT = 50;
const ENTER_SCREEN = "\x1b[?1049h\x1b[?25l";
const LEAVE_SCREEN = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_REST = "\x1b[J";
const CLEAR_LINE = "\x1b[K";

/** Runs until q, Ctrl-C, or the end of the agent. Gives the exit code. */
export async function top(options: TopOptions): Promise<number> {
  try {
    const path = await findAgent(options);
    if (options.once || options.json || !process.stdout.isTTY) return await printOnce(path, options);
    return await watch(path, options.interval * 1000);
  } catch (error) {
    console.error(errorMessage(error));
    return 1;
  }
}

/** Two looks, so that there are rates. */
async function printOnce(path: string, { interval, json }: TopOptions): Promise<number> {
  const before = await agentStatusAt(path);
  if (!before) return gone();
  if (json) {
    console.log(JSON.stringify(before));
    return 0;
  }
  await wait(interval * 1000);
  const status = await agentStatusAt(path);
  if (!status) return gone();
  console.log(topLines(status, before, process.stdout.columns || WIDTH).join("\n"));
  return 0;
}

async function watch(path: string, intervalMs: number): Promise<number> {
  const stop = new AbortController();
  const end = () => stop.abort();
  process.once("SIGINT", end).once("SIGTERM", end);
  process.stdin.setRawMode?.(true).on("data", (keys: Buffer) => {
    if (/[q\x03]/.test(keys.toString())) end();
  });
  process.stdout.write(ENTER_SCREEN);
  let before: AgentStatus | undefined;
  try {
    while (!stop.signal.aborted) {
      const status = await agentStatusAt(path);
      if (!status) return gone();
      const { columns, rows } = process.stdout; // 0 on terminals that do not say
      const lines = topLines(status, before, columns || WIDTH).slice(0, (rows || HEIGHT) - 1);
      process.stdout.write(`${HOME}${lines.map((line) => `${line}${CLEAR_LINE}`).join("\n")}${CLEAR_REST}`);
      before = status;
      await wait(intervalMs, undefined, { signal: stop.signal }).catch(() => {});
    }
    return 0;
  } finally {
    process.stdout.write(LEAVE_SCREEN);
    process.stdin.setRawMode?.(false).pause();
  }
}

function gone(): number {
  console.error("the agent has ended");
  return 1;
}
