/** What a segment of a journal begins with: everything that counts, the chunks with their ranges, then the sources. */

import type { BufferChunk } from "./buffer-chunk.ts";
import type { RememberedCommit } from "./held-sources.ts";
import type { GroupRecord, JournalRecord } from "./journal-record.ts";
import { type ChunkMeta, encodeMeta } from "./meta-file.ts";

/** `last` is the last commit, and when that is written. */
export function* journalBase(
  chunks: Iterable<BufferChunk>,
  remembered: Iterable<RememberedCommit>,
  last: Pick<GroupRecord, "sequence" | "synced" | "atSeconds">,
): IterableIterator<JournalRecord> {
  const { synced } = last;
  for (const chunk of chunks) {
    if (!chunk.file || chunk.number === 0) continue;
    yield chunkRecord(chunk.number, chunk.meta, chunk.ranges.base);
    if (chunk.state !== "staged") yield { type: "closed", chunk: chunk.number };
    for (const [size, modifiedAt] of chunk.metas) yield { type: "meta", chunk: chunk.number, size, modifiedAt };
    for (const { start, steps } of chunk.ranges.ranges) {
      for (const { sequence, ...step } of steps) {
        const recorded = [{ chunk: chunk.number, start, ...step }];
        yield { type: "group", sequence, synced, atSeconds: 0, steps: recorded, sources: [] };
      }
    }
  }
  for (const commit of remembered) yield { type: "group", synced, steps: [], ...commit };
  yield { type: "group", ...last, steps: [], sources: [] };
}

/** What is said of a chunk before its first commit. */
export function chunkRecord(chunk: number, meta: ChunkMeta, base: { byteSize: number; size: number }): JournalRecord {
  return { type: "chunk", chunk, id: meta.id, ...base, meta: encodeMeta(meta) };
}
