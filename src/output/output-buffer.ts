/** The buffer of an output, made from its settings. */

import type { ChunkBackup } from "../buffer/chunk-backup.ts";
import { ChunkBuffer } from "../buffer/chunk-buffer.ts";
import type { ChunkBufferOptions } from "../buffer/chunk-buffer-options.ts";
import { ChunkEncoder } from "../buffer/chunk-encoder.ts";
import { ChunkFolder } from "../buffer/chunk-folder.ts";
import type { FileSystem } from "../buffer/file-system.ts";
import { FolderLock } from "../buffer/folder-lock.ts";
import type { ChunkWriter, PluginContext } from "../plugin.ts";
import type { BufferSettings } from "./buffer-settings.ts";

export interface OutputBufferParts extends Pick<ChunkBufferOptions, "onQueued" | "onSpace" | "beforeRemoval"> {
  readonly settings: BufferSettings;
  readonly context: PluginContext;
  readonly writer: ChunkWriter;
  readonly requiresTag: boolean;
  readonly fileSystem: FileSystem;
  readonly backup: ChunkBackup;
}

export function createOutputBuffer(parts: OutputBufferParts): ChunkBuffer {
  const { settings, context, writer, fileSystem, backup } = parts;
  const { clock, counters, logger } = context;
  const { chunkLimitRecords, chunkLimitSize, compress } = settings;
  return new ChunkBuffer({
    ...parts,
    clock,
    logger,
    counters,
    encoder: new ChunkEncoder({
      compression: compress,
      format: writer.format?.bind(writer),
      chunkLimitBytes: chunkLimitSize,
      chunkLimitRecords,
      onOversized: (message) => {
        logger.error(message, { error_class: "BufferChunkOverflowError" });
        counters.add("dropped_events", 1, "larger_than_chunk_limit");
      },
    }),
    backup,
    folder: folderOf(parts),
    compression: compress,
    decompressionLimitBytes: settings.decompressionSizeLimit,
    chunkLimitBytes: chunkLimitSize,
    chunkLimitRecords,
    chunkFullThreshold: settings.chunkFullThreshold,
    totalLimitBytes: settings.totalLimitSize,
    isWalkable: !writer.format,
    expected: () => context.holdings.expected,
    fileSystem,
    fileMode: settings.filePermission,
  });
}

function folderOf({ settings, context, requiresTag, fileSystem, backup }: OutputBufferParts): ChunkFolder | undefined {
  const { clock, logger } = context;
  const { path, formerPath, pathSuffix, filePermission, dirPermission } = settings;
  if (path === undefined) return undefined;
  return new ChunkFolder({
    clock,
    fileSystem,
    logger,
    backup,
    path,
    formerPath,
    pathSuffix,
    fileMode: filePermission,
    folderMode: dirPermission,
    requiresTag,
    lock: (prefix) => FolderLock.take(prefix, { clock, logger }),
  });
}
