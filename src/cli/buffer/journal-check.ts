/** Holds stored chunks against the journal beside them: each range of bytes against its checksum. Reads only. */

import { join } from "node:path";
import { compareRanges } from "../../buffer/chunk-check.ts";
import { ChunkFile } from "../../buffer/chunk-file.ts";
import { nodeFileSystem } from "../../buffer/file-system.ts";
import { JournalFile } from "../../buffer/journal-file.ts";
import type { JournalState } from "../../buffer/journal-state.ts";
import { OpenFiles } from "../../buffer/open-files.ts";
import { createLogger } from "../../logger.ts";
import { folderOf, type StoredChunk } from "./stored-chunks.ts";

export class JournalCheck {
  readonly #openFiles = new OpenFiles(nodeFileSystem);
  readonly #journals = new Map<string, { readonly state: JournalState; readonly faults: string[] }>();

  /** What is wrong with the chunk, by its journal; nothing where it has none, or stands in none. Throws BufferIoError. */
  async faultsOf(chunk: StoredChunk): Promise<string[]> {
    const prefix = prefixOf(chunk);
    if (prefix === undefined) return [];
    const { state, faults } = this.#journal(prefix);
    const found = faults.splice(0); // told once, with the first chunk
    const ranges = state.chunks.get(chunk.id.toString("hex"))?.ranges.ranges ?? [];
    const checks = await compareRanges(new ChunkFile(nodeFileSystem, this.#openFiles, chunk.path), ranges);
    this.#openFiles.close(chunk.path);
    for (const { isGood, good, range, end } of checks) {
      if (!isGood) found.push(`bytes ${good?.end ?? range.start} to ${end} are not what its journal says was written`);
    }
    return found;
  }

  /** Events of the chunk, as its meta file says, or its journal, which is ahead of it while an agent appends. */
  sizeOf(chunk: StoredChunk): number | undefined {
    const prefix = prefixOf(chunk);
    const { state } = (prefix !== undefined && this.#journal(prefix)) || { state: undefined };
    const ranges = state?.isDamaged ? undefined : state?.chunks.get(chunk.id.toString("hex"))?.ranges;
    return ranges?.end === chunk.byteSize ? ranges.size : chunk.size;
  }

  /** Whether the buffer whose files begin with `prefix` has, or had, a chunk of this id. */
  isKnown(prefix: string, id: Buffer): boolean {
    return this.#journal(prefix).state.chunks.has(id.toString("hex"));
  }

  #journal(prefix: string) {
    const known = this.#journals.get(prefix);
    if (known) return known;
    const faults: string[] = [];
    const tap = (_level: string, message: string) => void faults.push(message);
    const logger = createLogger({ level: "warn", format: "text", write: () => {}, tap });
    const state = new JournalFile({ fileSystem: nodeFileSystem, logger, prefix, fileMode: 0o600 }).read();
    const journal = { state, faults };
    this.#journals.set(prefix, journal);
    return journal;
  }
}

/** What the names of all files of its buffer begin with. */
function prefixOf(chunk: StoredChunk): string | undefined {
  const name = /([^/]*)\.[bq][0-9a-f]+\.[^/]+$/.exec(chunk.path)?.[1];
  return name === undefined ? undefined : join(folderOf(chunk), name);
}
