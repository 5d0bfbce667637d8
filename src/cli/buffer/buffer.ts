/**
 * `suiro buffer ls|show|verify|replay|export`: what lies in buffers, backup folders and quarantines, whoever left it
 * there. All but replay only read, and are safe while an agent works in the folder.
 */

import { once } from "node:events";
import { createWriteStream, openSync } from "node:fs";
import type { Writable } from "node:stream";
import { errorMessage, SuiroError } from "../../errors.ts";
import { JournalCheck } from "./journal-check.ts";
import { type ReplayTarget, replay } from "./replay.ts";
import { findStored, type StoredChunk } from "./stored-chunks.ts";
import { countEvents, jsonLines, plainBytes } from "./stored-events.ts";

export interface BufferStreams {
  readonly output: Writable;
  /** Gets messages for people, each with its newline. */
  readonly report: (line: string) => void;
}

const ownStreams = (): BufferStreams => ({
  output: process.stdout,
  report: (line) => void process.stderr.write(line),
});

/** Lists the chunks at `paths`. Gives the exit code. */
export function list(paths: readonly string[], { json = false } = {}, streams = ownStreams()): Promise<number> {
  return each(paths, streams, async (chunks) => {
    const journals = new JournalCheck();
    const rows = chunks.map((chunk) => ({
      state: chunk.state,
      tag: chunk.tag ?? null,
      events: journals.sizeOf(chunk) ?? null,
      bytes: chunk.byteSize,
      compression: chunk.compression,
      modified: chunk.modifiedAt.toISOString(),
      path: chunk.path,
      note: chunk.problem ?? chunk.reason ?? "",
    }));
    if (json) for (const row of rows) await write(streams.output, `${JSON.stringify(row)}\n`);
    else await write(streams.output, table(rows));
    return 0;
  });
}

/** Prints the events as JSON lines, at most `limit` of each chunk. Gives the exit code. */
export function show(
  paths: readonly string[],
  { limit = Number.POSITIVE_INFINITY } = {},
  streams = ownStreams(),
): Promise<number> {
  return each(paths, streams, async (chunks) => {
    let broken = 0;
    for (const chunk of chunks) {
      let shown = 0;
      try {
        for await (const line of jsonLines(chunk)) {
          if (shown === limit) break;
          shown += 1;
          await write(streams.output, line);
        }
      } catch (error) {
        if (isGone(error)) continue;
        broken += 1;
        streams.report(`${chunk.path}: behind ${shown} events: ${errorMessage(error)}\n`);
      }
    }
    return broken === 0 ? 0 : 1;
  });
}

/** Reads every byte, holds it against the journal where there is one, and tells what is wrong. Gives 1 when something is. */
export function verify(paths: readonly string[], streams = ownStreams()): Promise<number> {
  return each(paths, streams, async (chunks) => {
    let broken = 0;
    const journals = new JournalCheck();
    for (const chunk of chunks) {
      const faults = await faultsOf(chunk, journals);
      if (faults.length > 0) broken += 1;
      await write(streams.output, `${chunk.path}: ${faults.length === 0 ? "ok" : faults.join("; ")}\n`);
    }
    await write(streams.output, `${chunks.length} chunks, ${broken} with faults\n`);
    return broken === 0 ? 0 : 1;
  });
}

/** Writes the events as msgpack, decompressed and one behind the other, to `path` or standard output. */
export function exportEvents(
  paths: readonly string[],
  path: string | undefined,
  streams = ownStreams(),
): Promise<number> {
  return each(paths, streams, async (chunks) => {
    const target = path === undefined ? streams.output : createWriteStream(path, { fd: openSync(path, "wx", 0o600) });
    for (const chunk of chunks) for await (const block of plainBytes(chunk)) await write(target, block);
    if (path !== undefined) await new Promise<void>((resolve) => target.end(resolve));
    return 0;
  });
}

/** Sends the chunks again. Gives 1 when one could not be sent. */
export function replayChunks(paths: readonly string[], target: ReplayTarget, streams = ownStreams()): Promise<number> {
  return each(paths, streams, async (chunks) => {
    const tell = (line: string) => void streams.output.write(line);
    return (await replay(chunks, target, tell)) === 0 ? 0 : 1;
  });
}

async function each(
  paths: readonly string[],
  { report }: BufferStreams,
  action: (chunks: readonly StoredChunk[]) => Promise<number>,
): Promise<number> {
  try {
    return await action(findStored(paths));
  } catch (error) {
    if (!(error instanceof SuiroError || error instanceof Error)) throw error;
    report(`suiro buffer: ${error.message}\n`);
    return 1;
  }
}

async function faultsOf(chunk: StoredChunk, journals: JournalCheck): Promise<string[]> {
  const faults = chunk.problem === undefined ? [] : [chunk.problem];
  try {
    faults.push(...(await journals.faultsOf(chunk)));
    const found = await countEvents(chunk);
    const extra = chunk.byteSize - found.byteSize;
    if (found.tail === "torn" && chunk.state === "staged") {
      faults.push(`it ends within an event (${extra} bytes): it is being written, or was torn; the next start cuts it`);
    } else if (found.tail === "torn")
      faults.push(`it ends within an event: ${extra} bytes behind ${found.size} events`);
    else if (found.tail === "foreign" && found.size > 0) faults.push(`no event at byte ${found.byteSize}`);
    else if (found.tail === "foreign" && chunk.state === "quarantined") faults.push("its body holds no events");
    if (chunk.state === "queued" && chunk.size !== undefined && found.tail === "none" && chunk.size !== found.size) {
      faults.push(`it has ${found.size} events, and its .meta file says ${chunk.size}`);
    }
  } catch (error) {
    if (!isGone(error)) faults.push(errorMessage(error));
    else if (chunk.state !== "quarantined") faults.length = 0; // its agent has sent it meanwhile
  }
  return faults;
}

function isGone(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

async function write(target: Writable, text: string | Buffer): Promise<void> {
  if (!target.write(text)) await once(target, "drain");
}

function table(rows: readonly Record<string, string | number | null>[]): string {
  const names = ["state", "events", "bytes", "modified", "tag", "path", "note"];
  const cells = [names, ...rows.map((row) => names.map((name) => String(row[name] ?? "-")))];
  const widths = names.map((_, column) => Math.max(...cells.map((line) => (line[column] as string).length)));
  const line = (texts: readonly string[]) =>
    texts
      .map((text, column) => text.padEnd(widths[column] as number))
      .join("  ")
      .trimEnd();
  return `${cells.map(line).join("\n")}\n`;
}
