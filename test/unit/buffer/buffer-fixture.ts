import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Batch } from "../../../src/buffer/batch.ts";
import { ChunkBackup } from "../../../src/buffer/chunk-backup.ts";
import { ChunkBuffer } from "../../../src/buffer/chunk-buffer.ts";
import { ChunkEncoder } from "../../../src/buffer/chunk-encoder.ts";
import { ChunkFolder } from "../../../src/buffer/chunk-folder.ts";
import { emptyMetadata, metadataKey } from "../../../src/buffer/chunk-metadata.ts";
import { type FileSystem, nodeFileSystem } from "../../../src/buffer/file-system.ts";
import type { Expectations } from "../../../src/buffer/held-sources.ts";
import type { Clock } from "../../../src/clock.ts";
import { Counters } from "../../../src/counters.ts";
import { EventStream } from "../../../src/event/event-stream.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { type LogFields, type Logger, silentLogger } from "../../../src/logger.ts";
import { ManualClock } from "../../support/manual-clock.ts";

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

/** A logger that keeps what it is told. */
export function keepingLogger(lines: LogLine[]): Logger {
  const at = (level: string) => (message: string, fields?: LogFields) => void lines.push({ level, message, fields });
  const logger: Logger = {
    ...silentLogger,
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: () => logger,
    isEnabled: () => true,
  };
  return logger;
}

export interface BufferFixtureOptions {
  /** Absent for a memory buffer. */
  readonly folder?: string;
  readonly backupFolder?: string;
  readonly fileSystem?: FileSystem;
  readonly clock?: Clock;
  readonly chunkLimitBytes?: number;
  readonly chunkLimitRecords?: number;
  readonly chunkFullThreshold?: number;
  readonly totalLimitBytes?: number;
  readonly retainedLimitBytes?: number;
  readonly segmentBytes?: number;
  readonly redoLogBytes?: number;
  readonly compression?: "text" | "gzip" | "zstd";
  readonly requiresTag?: boolean;
  readonly expected?: Partial<Expectations>;
}

export interface BufferFixture {
  readonly buffer: ChunkBuffer;
  readonly counters: Counters;
  readonly lines: LogLine[];
}

export function createBuffer(options: BufferFixtureOptions): BufferFixture {
  const counters = new Counters();
  const lines: LogLine[] = [];
  const logger = keepingLogger(lines);
  const fileSystem = options.fileSystem ?? nodeFileSystem;
  const chunkLimitBytes = options.chunkLimitBytes ?? 1024 * 1024;
  const compression = options.compression ?? "text";
  const backup = new ChunkBackup({
    fileSystem,
    logger,
    baseFolder: options.backupFolder ?? join(options.folder ?? tmpdir(), "backup-base"),
    pluginId: "out:1",
    isDisabled: false,
    fileMode: 0o644,
    folderMode: 0o755,
  });
  const clock = options.clock ?? new ManualClock();
  const buffer = new ChunkBuffer({
    clock,
    logger,
    counters,
    backup,
    encoder: new ChunkEncoder({
      compression,
      chunkLimitBytes,
      chunkLimitRecords: options.chunkLimitRecords,
      onOversized: (message) => {
        logger.error(message);
        counters.add("dropped_events", 1, "larger_than_chunk_limit");
      },
    }),
    folder: options.folder
      ? new ChunkFolder({
          clock,
          fileSystem,
          logger,
          backup,
          path: options.folder,
          pathSuffix: ".log",
          fileMode: 0o644,
          folderMode: 0o755,
          requiresTag: options.requiresTag ?? false,
        })
      : undefined,
    compression,
    decompressionLimitBytes: 1024 ** 3,
    chunkLimitBytes,
    chunkLimitRecords: options.chunkLimitRecords,
    chunkFullThreshold: options.chunkFullThreshold ?? 0.95,
    totalLimitBytes: options.totalLimitBytes ?? 1024 ** 3,
    isWalkable: true,
    syncPaceMs: 0, // Nobody moves the clock for it.
    ...(options.retainedLimitBytes === undefined ? {} : { retainedLimitBytes: options.retainedLimitBytes }),
    ...(options.segmentBytes === undefined ? {} : { segmentBytes: options.segmentBytes }),
    ...(options.redoLogBytes === undefined ? {} : { redoLogBytes: options.redoLogBytes }),
    expected: () => ({ seconds: 3600, chunks: 1000, isSynced: false, ...options.expected }),
    fileSystem,
    fileMode: 0o644,
    onQueued: () => {},
    onSpace: () => {},
  });
  return { buffer, counters, lines };
}

/** One event per message. */
/** Every other number of messages comes with its checksum, as from an input that has read them for it. */
export function eventsOf(...messages: readonly unknown[]): EventStream {
  const events = EventStream.fromEvents(messages.map((n) => ({ time: new EventTime(1700000000, 1), record: { n } })));
  const { packed, size } = events;
  return size % 2 === 0 ? events : new EventStream(packed, size, { checksum: crc32(packed) });
}

export function batchOf(tag: string, events: EventStream): Batch {
  const metadata = { ...emptyMetadata, tag };
  return { tag, metadata, key: metadataKey(metadata), events };
}

/** The messages in stored plain bytes, as `eventsOf` made them. */
export function messagesIn(bytes: Buffer): unknown[] {
  return [...new EventStream(bytes, 0).events()].map(({ record }) => record.n);
}

export async function bytesOf(blocks: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const block of blocks) parts.push(block);
  return Buffer.concat(parts);
}
