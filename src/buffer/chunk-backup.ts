/**
 * The last resort for chunks that cannot be delivered: they are kept as files for a person to look at.
 *
 * | what                          | where                                              |
 * |-------------------------------|----------------------------------------------------|
 * | a broken or refused chunk     | `<base>/backup/worker<N>/<plugin id>/<chunk id>.log` |
 * | a queue past its retry limit  | `<base>/buffer/<plugin id>/`, data and meta files  |
 *
 * `<base>` is `<system> root_dir`, else FLUENT_BACKUP_DIR, else /tmp/fluent. Source: fluentd 1.18 buffer.rb `backup`,
 * fluentd 1.19 `evacuate_chunk`; COMPAT 4.3.
 */

import { basename, dirname, join } from "node:path";
import { BufferIoError, errorMessage } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { BufferChunk } from "./buffer-chunk.ts";
import { metaPath } from "./chunk-path.ts";
import type { FileSystem } from "./file-system.ts";
import { encodeMeta } from "./meta-file.ts";

export interface ChunkBackupOptions {
  readonly fileSystem: FileSystem;
  readonly logger: Logger;
  readonly baseFolder: string;
  readonly pluginId: string;
  /** 0 unless given. */
  readonly workerId?: number;
  /** `disable_chunk_backup`: chunks are thrown away instead. */
  readonly isDisabled: boolean;
  readonly fileMode: number;
  readonly folderMode: number;
}

export class ChunkBackup {
  readonly #options: ChunkBackupOptions;
  readonly #safeId: string;

  constructor(options: ChunkBackupOptions) {
    this.#options = options;
    this.#safeId = options.pluginId.replaceAll(/[ "/\\:;|*<>?]/g, "_");
  }

  /** Keeps `bytes` as the backup file called `name`. True when kept, false when disabled. Throws BufferIoError. */
  async keep(name: string, bytes: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<boolean> {
    const { logger, isDisabled, baseFolder, workerId = 0 } = this.#options;
    if (isDisabled) {
      logger.warn(`disable_chunk_backup is true. ${name} chunk is thrown away.`);
      return false;
    }
    const path = join(baseFolder, "backup", `worker${workerId}`, this.#safeId, `${name}.log`);
    logger.warn(`bad chunk is moved to ${path}`);
    await this.#write(path, bytes);
    return true;
  }

  /** Keeps data and meta of a chunk whose retries are over; returns as `keep` does. Throws BufferIoError. */
  async evacuate(chunk: BufferChunk): Promise<boolean> {
    const { logger, isDisabled } = this.#options;
    const id = chunk.id.toString("hex");
    if (isDisabled) {
      logger.warn(`disable_chunk_backup is true. ${id} chunk is thrown away.`);
      return false;
    }
    const folder = join(this.#options.baseFolder, "buffer", this.#safeId);
    const name = chunk.file ? basename(chunk.file.path) : `buffer.q${id}.log`;
    await this.#write(join(folder, name), chunk.read());
    await this.#write(metaPath(join(folder, name)), [encodeMeta(chunk.meta)]);
    logger.warn(`chunk files are evacuated to ${folder}.`, { chunk_id: id });
    return true;
  }

  async #write(path: string, bytes: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<void> {
    const { fileSystem, fileMode, folderMode } = this.#options;
    try {
      fileSystem.makeDirectory(dirname(path), folderMode);
      const file = fileSystem.open(path, "create", fileMode);
      try {
        let position = 0;
        for await (const block of bytes) {
          for (let rest = block; rest.length > 0; ) {
            const written = fileSystem.write(file, [rest], position);
            if (written === 0) throw new Error("the disk took no bytes");
            position += written;
            rest = rest.subarray(written);
          }
        }
      } finally {
        fileSystem.close(file);
      }
      // Its chunk goes once this is written, and may have been safe from a power loss.
      await fileSystem.sync(path);
      await fileSystem.sync(dirname(path));
    } catch (error) {
      throw new BufferIoError(`cannot write the backup file ${path}: ${errorMessage(error)}`, { cause: error });
    }
  }
}
