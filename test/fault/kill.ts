import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("killed-writer.js", import.meta.url));

/** Runs the writer on `folder`, kills it without warning after `count` acks, and gives the numbers that were acked. */
export async function killedWriter(folder: string, count: number, compress = "text"): Promise<number[]> {
  const child = spawn(process.execPath, [script, folder, compress], { stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(child, "close");
  const acked: number[] = [];
  for await (const line of createInterface(child.stdout)) {
    acked.push(Number(line));
    if (acked.length === count) child.kill("SIGKILL");
  }
  await closed;
  return acked;
}
