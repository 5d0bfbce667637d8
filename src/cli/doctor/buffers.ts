/** The buffers of a configuration as they lie on disk: permissions, space, chunks, journal, accounts. Only reads. */

import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { Writable } from "node:stream";
import { chunkFolder, chunkPathPattern } from "../../buffer/chunk-path.ts";
import { nodeFileSystem } from "../../buffer/file-system.ts";
import { JournalFile } from "../../buffer/journal-file.ts";
import type { JournalState } from "../../buffer/journal-state.ts";
import { errorMessage } from "../../errors.ts";
import { silentLogger } from "../../logger.ts";
import { accountsPath, readAccount, uncounted, unexplained } from "../../output/accounts.ts";
import { verify } from "../buffer/buffer.ts";
import { findStored } from "../buffer/stored-chunks.ts";
import { type Finding, failed, ok, sizeText, warning } from "./findings.ts";

export interface BufferPlace {
  /** Id of the output. */
  readonly id: string;
  readonly path: string;
  readonly pathSuffix: string;
  readonly limitBytes: number;
  /** An agent has it now: chunks come and go while they are looked at, and it knows its accounts better than their file. */
  readonly isInUse: boolean;
}

/** Less free space than this is little, whatever the limits say. */
const LITTLE_BYTES = 256 * 1024 * 1024;

export async function bufferFindings(place: BufferPlace): Promise<Finding[]> {
  const subject = `buffer of ${place.id}`;
  const { prefix } = chunkPathPattern(place.path, place.pathSuffix, nodeFileSystem);
  const folder = chunkFolder({ prefix, suffix: "" });
  const found = [...folderFindings(subject, folder), ...spaceFindings(subject, folder, place.limitBytes)];
  if (!existsSync(folder)) return found;
  if (!place.isInUse) found.push(...(await chunkFindings(subject, folder)));
  found.push(...journalFindings(subject, prefix));
  if (!place.isInUse) found.push(...accountFindings(subject, prefix, folder));
  return found;
}

/** Whether this user can make files in the folder, or make the folder. */
export function folderFindings(subject: string, folder: string): Finding[] {
  let nearest = folder;
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  try {
    accessSync(nearest, constants.R_OK | constants.W_OK | constants.X_OK);
    return [ok(subject, nearest === folder ? `${folder} can be written` : `${folder} can be made`)];
  } catch (error) {
    const user = process.getuid?.();
    return [
      failed(
        subject,
        `${nearest} cannot be written by user ${user}: ${errorMessage(error)}; grant it or change the path`,
      ),
    ];
  }
}

function spaceFindings(subject: string, folder: string, limitBytes: number): Finding[] {
  let nearest = folder;
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  const { bavail, bsize, ffree, files } = statfsSync(nearest);
  const free = bavail * bsize;
  const space = `${sizeText(free)} free under ${folder}`;
  if (files > 0 && ffree === 0) return [failed(subject, `no inodes are free under ${folder}; remove files`)];
  if (free < LITTLE_BYTES) return [failed(subject, `only ${space}; free some`)];
  if (free < limitBytes) {
    return [
      warning(
        subject,
        `${space}, less than total_limit_size (${sizeText(limitBytes)}): the disk fills before the buffer`,
      ),
    ];
  }
  return [ok(subject, space)];
}

async function chunkFindings(subject: string, folder: string): Promise<Finding[]> {
  let text = "";
  const output = new Writable({
    write(bytes, _encoding, done) {
      text += bytes;
      done();
    },
  });
  const report = (line: string) => {
    text += line;
  };
  const code = await verify([folder], { output, report });
  const lines = text.trimEnd().split("\n");
  const summary = lines.at(-1) ?? "";
  if (code === 0) return [ok(subject, summary)];
  const faults = lines.slice(0, -1).filter((line) => !line.endsWith(": ok"));
  return faults.map((fault) => warning(subject, `${fault}; 'suiro buffer show' reads what is good`));
}

function journalFindings(subject: string, prefix: string): Finding[] {
  try {
    const file = new JournalFile({ fileSystem: nodeFileSystem, logger: silentLogger, prefix, fileMode: 0o600 });
    const state = file.read();
    if (state.isMissing) return [ok(subject, "no journal yet")];
    if (state.isDamaged) {
      return [
        warning(
          subject,
          "the journal is damaged in its midst: resends of before may be stored twice; see the log of the next start",
        ),
      ];
    }
    return [ok(subject, `the journal knows ${state.chunks.size} chunks and ${state.sources.length} sources`)];
  } catch (error) {
    return [failed(subject, `the journal cannot be read: ${errorMessage(error)}`)];
  }
}

/**
 * After a stop the sums are exact; after a killed process more may have come than the file says, never less be there.
 * A lost machine may leave an older file than chunks, or fewer chunks than the file says, of which nobody was told.
 */
function accountFindings(subject: string, prefix: string, folder: string): Finding[] {
  const saved = readAccount(nodeFileSystem, accountsPath(prefix));
  if (!saved && existsSync(accountsPath(prefix)))
    return [warning(subject, "its accounts cannot be read: they begin anew")];
  if (!saved) return [ok(subject, "no accounts yet")];
  const found = eventsOnDisk(prefix, folder);
  const { dropped, isClosed } = saved;
  const sent = uncounted(saved, found.delivered);
  const held = found.held;
  const delivered = saved.delivered + sent;
  const received = Math.max(saved.received, isClosed ? 0 : delivered + held + sumOf(dropped));
  const rest = unexplained({ received, delivered, held, dropped });
  const sums = accountText({ received, delivered, held, dropped });
  if (rest > 0 && isMachineLost(prefix)) {
    return [
      warning(subject, `${rest} events were delivered since, not on the disk yet, or lost with the machine: ${sums}`),
    ];
  }
  if (rest > 0) return [failed(subject, `${rest} events are missing: ${sums}; were chunks removed by hand?`)];
  if (rest < 0 && isClosed)
    return [warning(subject, `${-rest} events more than were received: ${sums}; were chunks put there?`)];
  return [ok(subject, sums)];
}

/** As the next start will find them: a killed process leaves meta files behind what the journal knows. */
function eventsOnDisk(prefix: string, folder: string): { held: number; delivered: Map<string, number> } {
  const journaled = journalOf(prefix)?.chunks;
  const delivered = new Map<string, number>();
  let held = 0;
  for (const { id, size = 0, state } of findStored([folder])) {
    if (state !== "staged" && state !== "queued") continue;
    const known = journaled?.get(id.toString("hex"));
    if (known?.gone === "delivered") delivered.set(id.toString("hex"), known.ranges.size);
    else held += known?.ranges.size ?? size;
  }
  return { held, delivered };
}

/** The machine was started again since the buffer was written. */
function isMachineLost(prefix: string): boolean {
  return journalOf(prefix)?.isMachineLost(nodeFileSystem.machineStart()) ?? false;
}

function journalOf(prefix: string): JournalState | undefined {
  try {
    const file = new JournalFile({ fileSystem: nodeFileSystem, logger: silentLogger, prefix, fileMode: 0o600 });
    const state = file.read();
    return state.isMissing || state.isDamaged ? undefined : state;
  } catch {
    return undefined;
  }
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

export function accountText(account: {
  readonly received: number;
  readonly delivered: number;
  readonly held: number;
  readonly dropped: Readonly<Record<string, number>>;
}): string {
  const dropped = Object.entries(account.dropped).map(([reason, count]) => ` + ${count} dropped (${reason})`);
  return `${account.received} received = ${account.delivered} delivered + ${account.held} held${dropped.join("")}`;
}
