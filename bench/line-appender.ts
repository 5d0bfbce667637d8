/**
 * Appends lines of the container runtime to files that the agent follows. It keeps only a little ahead of the positions
 * that the agent writes down, as a container would; it stops behind a whole cycle.
 */

import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { eventId } from "./event-ids.ts";
import { NAMESPACE, podName } from "./kubernetes-api.ts";
import type { Load } from "./load.ts";
import type { TailLoad } from "./rows.ts";

/** Under the folder of a measurement; the agent's configuration has the same names. */
export const LOG_FOLDER = join("var", "log", "containers");
export const POSITION_FILE = "containers.pos";

/** Of all files together, ahead of the agent. */
const LEAD_BYTES = 8 * 1024 * 1024;
const LOOK_MS = 10;
const FIRST_TIME_MS = 1_764_000_000_000;

export function appendLines(load: TailLoad, folder: string): Load {
  mkdirSync(join(folder, LOG_FOLDER), { recursive: true });
  const cycle = Buffer.concat(Array.from({ length: load.lines }, (_, index) => line(index, load.lineBytes)));
  const piece = Math.ceil(cycle.length / 8);
  const lead = LEAD_BYTES / load.files;
  const files = Array.from({ length: load.files }, (_, index) => ({ path: pathOf(folder, index), written: 0 }));
  for (const { path } of files) appendFileSync(path, "");
  const { linesPerSecond } = load;
  if (linesPerSecond !== undefined)
    return (durationMs) => appendSlowly({ ...load, linesPerSecond }, files, cycle, durationMs);
  return async (durationMs) => {
    const deadline = performance.now() + durationMs;
    const before = files.reduce((sum, { written }) => sum + written, 0);
    let open = files;
    while (open.length > 0) {
      const positions = readPositions(join(folder, POSITION_FILE));
      for (const file of open) {
        const at = file.written % cycle.length;
        if (file.written - (positions.get(file.path) ?? 0) >= lead) continue;
        const bytes = cycle.subarray(at, at + piece);
        appendFileSync(file.path, bytes);
        file.written += bytes.length;
      }
      open = open.filter(({ written }) => written % cycle.length > 0 || performance.now() < deadline);
      const isBehind = open.every(({ path, written }) => written - (positions.get(path) ?? 0) >= lead);
      await new Promise((resolve) => (isBehind ? setTimeout(resolve, LOOK_MS) : setImmediate(resolve)));
    }
    const bytes = files.reduce((sum, { written }) => sum + written, 0) - before;
    return { cycles: bytes / cycle.length, acks: [] };
  };
}

interface LogFile {
  readonly path: string;
  written: number;
}

/** One line after the other to the files in turn, at the load's rate; whole cycles, of all files. */
async function appendSlowly(
  { lines, lineBytes, linesPerSecond }: TailLoad & { readonly linesPerSecond: number },
  files: readonly LogFile[],
  cycle: Buffer,
  durationMs: number,
): ReturnType<Load> {
  const startedAt = performance.now();
  const cycles = files.length * Math.ceil((durationMs * linesPerSecond) / 1000 / lines / files.length);
  for (let appended = 0; appended < cycles * lines; ) {
    const due = Math.min(cycles * lines, ((performance.now() - startedAt) * linesPerSecond) / 1000);
    for (; appended < due; appended++) {
      const file = files[appended % files.length] as LogFile;
      const at = file.written % cycle.length;
      appendFileSync(file.path, cycle.subarray(at, at + lineBytes));
      file.written += lineBytes;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return { cycles, acks: [] };
}

function pathOf(folder: string, index: number): string {
  const container = String(index).repeat(64).slice(0, 64);
  return join(folder, LOG_FOLDER, `${podName(index)}_${NAMESPACE}_checkout-${container}.log`);
}

function line(index: number, byteSize: number): Buffer {
  const time = new Date(FIRST_TIME_MS + index).toISOString().replace("Z", `${String(index % 1e6).padStart(6, "0")}Z`);
  const start = `${time} ${index % 8 === 0 ? "stderr" : "stdout"} F ${eventId(index)} `;
  const text = `10.8.${index % 256}.${(index * 31) % 256} "GET /api/v1/orders/${(index * 7919) % 100_000} HTTP/1.1" 200 `;
  return Buffer.from(`${`${start}${text}"okhttp/4.12.0" `.padEnd(byteSize - 1, "checkout ").slice(0, byteSize - 1)}\n`);
}

/** Offsets by path, from a file in fluentd's format; of a path that stands twice the last. */
function readPositions(path: string): Map<string, number> {
  try {
    const lines = readFileSync(path, "latin1").split("\n");
    return new Map(lines.slice(0, -1).map((text) => readPosition(text.split("\t"))));
  } catch {
    return new Map(); // The agent has not made it yet.
  }
}

function readPosition([path = "", offset = ""]: string[]): [string, number] {
  return [path, Number.parseInt(offset, 16)];
}
