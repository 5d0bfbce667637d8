/** Makes the chunks of a buffer: new ones with their files, and those that were found. */

import type { Clock } from "../clock.ts";
import { BufferChunk } from "./buffer-chunk.ts";
import type { BufferJournal } from "./buffer-journal.ts";
import type { RetainedMemory } from "./byte-blocks.ts";
import type { Chunk, ChunkMetadata } from "./chunk.ts";
import type { ChunkFolder } from "./chunk-folder.ts";
import { createChunkId } from "./chunk-id.ts";
import { metadataKey } from "./chunk-metadata.ts";
import type { RecoveredChunk } from "./chunk-recovery.ts";

export interface ChunkMakerOptions {
  readonly clock: Clock;
  readonly folder: ChunkFolder | undefined;
  readonly compression: Chunk["compression"];
  readonly decompressionLimitBytes: number;
}

export class ChunkMaker {
  readonly #options: ChunkMakerOptions;
  readonly #memory: RetainedMemory;
  readonly #journal: BufferJournal;

  constructor(options: ChunkMakerOptions, memory: RetainedMemory, journal: BufferJournal) {
    this.#options = options;
    this.#memory = memory;
    this.#journal = journal;
  }

  /** A new chunk; the journal knows it before its files are there. Throws BufferIoError. */
  create(metadata: ChunkMetadata, key: string): BufferChunk {
    const { clock, compression, decompressionLimitBytes, folder } = this.#options;
    const createdAtMs = clock.now();
    const id = createChunkId(clock);
    const createdAt = Math.floor(createdAtMs / 1000);
    const meta = { metadata, id, size: 0, createdAt, modifiedAt: createdAt };
    const number = this.#journal.open(meta);
    const file = folder?.create(meta);
    const origin = { id, metadata, key, compression, decompressionLimitBytes, file, createdAtMs };
    const chunk = new BufferChunk(origin, this.#memory);
    chunk.number = number;
    chunk.noteMeta(0, createdAt);
    this.#journal.add(chunk, true);
    return chunk;
  }

  /** A chunk of an earlier process, to be looked through before it is sent. */
  adopt({ file, state, meta, byteSize, hasMeta, journaled }: RecoveredChunk): BufferChunk {
    const { compression, decompressionLimitBytes } = this.#options;
    const { id, metadata, size, modifiedAt } = meta;
    const createdAtMs = meta.createdAt * 1000;
    const key = metadataKey(metadata);
    const origin = { id, metadata, key, compression, decompressionLimitBytes, file, createdAtMs };
    const known = journaled && { ranges: journaled.ranges, number: journaled.number };
    const content = { byteSize, size, modifiedAtMs: modifiedAt * 1000, ...known };
    const chunk = new BufferChunk(origin, this.#memory, content);
    chunk.state = state;
    chunk.isUnverified = true;
    chunk.isMetaStale = !hasMeta;
    chunk.metas.push(...(journaled?.metas ?? [[size, modifiedAt] as const]));
    if (journaled) this.#journal.add(chunk, false);
    return chunk;
  }
}
