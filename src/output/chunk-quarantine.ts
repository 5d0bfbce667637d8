/**
 * Where chunks go that their receiver refuses for good: each becomes the message that the receiver would not take, in
 * the quarantine's form, with its id, tag and compression.
 */

import { join } from "node:path";
import { type Chunk, chunkIdText } from "../buffer/chunk.ts";
import { chunkFolder, chunkPathPattern } from "../buffer/chunk-path.ts";
import { nodeFileSystem } from "../buffer/file-system.ts";
import { Quarantine, quarantineFolder } from "../buffer/quarantine.ts";
import { errorMessage } from "../errors.ts";
import { messageWrites, type OutgoingMessage } from "../forward-protocol/outgoing-message.ts";
import type { PluginContext } from "../plugin.ts";
import type { BufferSettings } from "./buffer-settings.ts";

const COUNT_LIMIT = 1000;

const KEPT =
  "a chunk that its receiver refuses for good, while it takes others, is in quarantine: see todo in the file beside it";
const NOT_KEPT =
  "a chunk that its receiver refuses for good stays in the buffer: there is no room in quarantine (see " +
  "quarantine_size_limit), or its folder cannot be used";

/** What is known of a chunk that is refused for good. */
export interface Refusal {
  readonly receiver: string;
  readonly refusals: number;
  /** The last one. */
  readonly error: unknown;
}

export class ChunkQuarantine {
  readonly #quarantine: Quarantine;
  readonly #context: Pick<PluginContext, "counters" | "logger">;

  constructor(settings: BufferSettings, context: PluginContext) {
    const { clock, system } = context;
    this.#context = context;
    this.#quarantine = new Quarantine({
      folder: folderOf(settings, context),
      sizeLimitBytes: settings.quarantineSizeLimit,
      countLimit: COUNT_LIMIT,
      fileMode: system.filePermission,
      folderMode: system.dirPermission,
      now: clock.now,
    });
  }

  /**
   * Keeps the chunk, safe from a lost machine when this resolves; counts its events and says where it is. False when it
   * cannot be kept, which is logged. Never rejects.
   */
  async keep(chunk: Chunk, refusal: Refusal): Promise<boolean> {
    const { counters, logger } = this.#context;
    const { metadata, byteSize, size } = chunk;
    const known = { chunk_id: chunkIdText(chunk.id), tag: metadata.tag, bytes: byteSize, ...refusal };
    try {
      const path = await this.#keep(chunk, refusal);
      if (path === undefined) {
        logger.error(NOT_KEPT, { ...known, folder: this.#quarantine.folder });
        return false;
      }
      logger.error(KEPT, { ...known, path });
    } catch (cause) {
      logger.error(NOT_KEPT, { ...known, folder: this.#quarantine.folder, error: cause });
      return false;
    }
    counters.add("chunks_quarantined");
    counters.add("dropped_events", size, "quarantined");
    return true;
  }

  /** Undefined when there is no room. */
  async #keep(chunk: Chunk, { receiver, error }: Refusal): Promise<string | undefined> {
    const message = await this.#quarantine.begin();
    if (!message) return undefined;
    try {
      for await (const { parts } of messageWrites(asMessage(chunk))) {
        const bytes = Buffer.concat(parts);
        if (!message.reserve(message.byteSize + bytes.length)) return undefined;
        await message.write(bytes);
      }
      const { tag } = chunk.metadata;
      const note = { reason: "refused", error: errorMessage(error), tag, host: receiver, chunk: chunkIdText(chunk.id) };
      return await message.keep(note);
    } finally {
      await message.discard();
    }
  }
}

/** As given, or in the folder for all such things, or else beside the chunks, on the same disk: /tmp may go at any boot. */
function folderOf({ path, pathSuffix, quarantinePath }: BufferSettings, context: PluginContext): string {
  if (quarantinePath !== undefined) return quarantinePath;
  const base = context.system.rootDir ?? context.backupFolder;
  if (base !== undefined || path === undefined) return quarantineFolder(base, context.id);
  return join(chunkFolder(chunkPathPattern(path, pathSuffix, nodeFileSystem)), "quarantine");
}

function asMessage(chunk: Chunk): OutgoingMessage {
  const { compression, id, metadata, size, byteSize } = chunk;
  const blocks = () => chunk.blocks() ?? chunk.read();
  return { tag: metadata.tag ?? "", size, byteSize, compressed: compression, chunkId: id, blocks };
}
