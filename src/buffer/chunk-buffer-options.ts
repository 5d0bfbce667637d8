/** What a buffer needs of its output. */

import type { Clock } from "../clock.ts";
import type { Counters } from "../counters.ts";
import type { Logger } from "../logger.ts";
import type { Chunk } from "./chunk.ts";
import type { ChunkBackup } from "./chunk-backup.ts";
import type { ChunkEncoder } from "./chunk-encoder.ts";
import type { ChunkFolder } from "./chunk-folder.ts";
import type { ChunkLimits } from "./chunk-limits.ts";
import type { FileSystem } from "./file-system.ts";
import type { Expectations } from "./held-sources.ts";

/**
 * Bytes of file chunks that are also kept in memory, over all chunks of one buffer: two common ones. With twice as much
 * an event costs the same CPU, and the process has 12 MB more at full load; the rest comes from the system's page cache.
 */
export const RETAINED_LIMIT_BYTES = 16 * 1024 * 1024;

/**
 * From one round of syncs to the next, at the least: a fast disk would make a round of every few frames. At 600,000
 * events/s this is a round for 1,200.
 */
export const SYNC_PACE_MS = 2;

export interface ChunkBufferOptions extends ChunkLimits {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly encoder: ChunkEncoder;
  readonly backup: ChunkBackup;
  /** Absent for a memory buffer. */
  readonly folder: ChunkFolder | undefined;
  readonly compression: Chunk["compression"];
  readonly decompressionLimitBytes: number;
  readonly totalLimitBytes: number;
  /** Chunks hold msgpack entries, plain: a resumed one can be walked. */
  readonly isWalkable: boolean;
  readonly retainedLimitBytes?: number;
  readonly syncPaceMs?: number;
  readonly segmentBytes?: number;
  readonly redoLogBytes?: number;
  /** What inputs will ask for. */
  readonly expected: () => Expectations;
  readonly fileSystem: FileSystem;
  readonly fileMode: number;
  /** Told after chunks came into the queue. */
  readonly onQueued: () => void;
  /** Told after room was made. */
  readonly onSpace: () => void;
  /** Waited for before the files of chunks that have ended go. */
  readonly beforeRemoval?: (isSynced: boolean) => Promise<void> | void;
}
