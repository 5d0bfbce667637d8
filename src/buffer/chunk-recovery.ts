/**
 * Brings together the chunks that were found and what the journal says of them:
 *
 * | found                                     | then                                                              |
 * |-------------------------------------------|-------------------------------------------------------------------|
 * | not in the journal, or changed by fluentd | it is taken as fluentd would: whole entries count                 |
 * | delivered, and not removed                | it is removed                                                     |
 * | more bytes than recorded                  | they are cut off: nobody was told that we have them, unless the   |
 * |                                           | journal lost its end, which cannot be seen. So they are kept apart |
 * | after a power loss, bytes that were not synced and are missing | all that was written since counts no more; nobody was told |
 * | else                                      | it is compared with its checksums before it is sent               |
 */

import type { Logger } from "../logger.ts";
import type { ChunkBackup } from "./chunk-backup.ts";
import { compareRanges } from "./chunk-check.ts";
import type { FoundChunk } from "./chunk-folder.ts";
import { chunkIdSeconds, isOwnChunkId } from "./chunk-id.ts";
import type { JournaledChunk, JournalState } from "./journal-state.ts";

export interface RecoveredChunk extends FoundChunk {
  /** Undefined for a chunk that is taken as fluentd's. */
  readonly journaled: JournaledChunk | undefined;
}

/** What a start found beside the chunks. */
export interface BufferFound {
  /** What the names of its files begin with. */
  readonly prefix: string;
  readonly isMachineLost: boolean;
  /** Inputs waited for syncs. */
  readonly isSynced: boolean;
  /** Events of the chunks that were delivered, and whose files were still there, by id. */
  readonly delivered: ReadonlyMap<string, number>;
}

export interface Recovered extends Pick<BufferFound, "delivered"> {
  readonly chunks: readonly RecoveredChunk[];
}

export interface RecoveryOptions {
  readonly isMachineLost: boolean;
  readonly machineStartedAtMs: number;
  readonly logger: Logger;
  readonly backup: ChunkBackup;
}

/** Gives the chunks that are to be taken over; `state` knows afterwards what it may claim. Throws BufferIoError. */
export async function recoverChunks(
  found: readonly FoundChunk[],
  state: JournalState,
  options: RecoveryOptions,
): Promise<Recovered> {
  const { isMachineLost, machineStartedAtMs, logger } = options;
  const delivered = new Map<string, number>();
  const recovered: RecoveredChunk[] = [];
  for (const chunk of found) {
    const { id } = chunk.meta;
    const journaled = state.chunks.get(id.toString("hex"));
    if (!journaled && isMachineLost && chunk.changedAtMs < machineStartedAtMs && isUntold(id, state)) {
      logger.warn(
        "a buffer chunk was not on the disk when the machine was lost; its senders were not told that we had it",
        {
          path: chunk.file.path,
        },
      );
      await chunk.file.remove();
      continue;
    }
    if (!journaled || state.isDamaged || isForeign(chunk, journaled))
      recovered.push({ ...chunk, state: journaled?.isClosed ? "queued" : chunk.state, journaled: undefined });
    else if (journaled.gone === "delivered") {
      logger.info("a buffer chunk was delivered before, and is removed now", { path: chunk.file.path });
      delivered.set(id.toString("hex"), journaled.ranges.size);
      await chunk.file.remove();
    } else recovered.push({ ...chunk, journaled });
  }
  if (isMachineLost) await cutUnsynced(recovered, state, logger);
  const kept: RecoveredChunk[] = [];
  const keepsTails = !isMachineLost || state.synced < 0;
  for (const chunk of recovered) {
    const { journaled } = chunk;
    if (journaled && keepsTails) await keepTail(chunk, journaled.ranges.end, options);
    const fitted = journaled ? await fit(chunk, journaled, isMachineLost) : chunk;
    if (fitted) kept.push(fitted);
  }
  return { chunks: kept, delivered };
}

/**
 * Made by Suiro behind the last commit that the journal still knows. One that somebody put there since the machine
 * started is not: it may come from another agent, or from a backup folder.
 */
function isUntold(id: Buffer, state: JournalState): boolean {
  if (state.isMissing || state.isDamaged || state.synced < 0) return false;
  return isOwnChunkId(id) && chunkIdSeconds(id) >= state.lastAtSeconds;
}

/** fluentd rewrites the meta file when it appends, and an operator puts chunks back that were moved away. */
function isForeign({ meta, hasMeta }: FoundChunk, { metas, gone }: JournaledChunk): boolean {
  if (gone === "elsewhere") return true;
  const isTold = metas.some(([size]) => size === meta.size) && metas.some(([, at]) => at === meta.modifiedAt);
  return hasMeta && !isTold;
}

/**
 * What was written behind the last sync may be there or not, each piece for itself. Up to the first commit that is not
 * whole it counts. Where nobody waits for syncs nothing is sure: then the claims go, and the bytes are compared later.
 */
async function cutUnsynced(recovered: readonly RecoveredChunk[], state: JournalState, logger: Logger): Promise<void> {
  if (state.synced < 0) {
    state.sources = [];
    return;
  }
  const present = new Set(recovered.map(({ journaled }) => journaled));
  let cutFrom = Number.POSITIVE_INFINITY;
  for (const journaled of state.chunks.values()) {
    if (journaled.gone !== "no" || present.has(journaled)) continue;
    const steps = journaled.ranges.ranges.flatMap((range) => range.steps);
    for (const { sequence } of steps) if (sequence > state.synced) cutFrom = Math.min(cutFrom, sequence);
  }
  for (const { file, journaled } of recovered) {
    if (!journaled) continue;
    const unsynced = journaled.ranges.ranges.filter(({ steps }) =>
      steps.some(({ sequence }) => sequence > state.synced),
    );
    for (const { good, range } of await compareRanges(file, unsynced)) {
      const bad = range.steps.find(({ end }) => end > (good?.end ?? range.start));
      if (bad && bad.sequence > state.synced) cutFrom = Math.min(cutFrom, bad.sequence);
    }
  }
  if (cutFrom === Number.POSITIVE_INFINITY) return;
  logger.warn(
    "the machine was lost before the last events were on the disk; their senders were not told that we had them",
  );
  state.cut(cutFrom);
}

/** Keeps the bytes behind `end` apart, for a person to look at, where that is possible. */
async function keepTail(
  { byteSize, file, meta }: RecoveredChunk,
  end: number,
  { backup, logger }: RecoveryOptions,
): Promise<void> {
  if (byteSize <= end) return;
  const { path } = file;
  const bytes = `${end}-${byteSize}`;
  logger.warn("a buffer chunk has bytes that its journal does not know, as a killed process leaves; they are cut off", {
    path,
    bytes,
  });
  try {
    await backup.keep(`${meta.id.toString("hex")}.${end}`, file.read(byteSize, end));
  } catch (error) {
    // They do not count all the same: after a kill their senders come again, and would make them two.
    logger.error("backup failed. The bytes are given up.", { path, bytes, error });
  }
}

/** Cuts off what does not count; undefined when nothing is left. */
async function fit(
  chunk: RecoveredChunk,
  { isClosed, ranges }: JournaledChunk,
  isMachineLost: boolean,
): Promise<RecoveredChunk | undefined> {
  const { end, size } = ranges;
  if (end === 0) {
    await chunk.file.remove();
    return undefined;
  }
  if (chunk.byteSize > end) chunk.file.truncate(end);
  const takesMore = chunk.byteSize >= end && !isMachineLost && !isClosed;
  const state = takesMore ? chunk.state : "queued";
  const hasMeta = chunk.hasMeta && chunk.meta.size === size; // Else it is written again: fluentd goes by its count.
  return { ...chunk, byteSize: end, state, hasMeta, meta: { ...chunk.meta, size } };
}
