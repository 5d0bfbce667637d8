/** Making and comparing chunk metadata. Events whose metadata have the same key go into the same staged chunk. */

import type { ChunkMetadata } from "./chunk.ts";

/** The metadata of events that no chunk key tells apart. */
export const emptyMetadata: ChunkMetadata = { tag: undefined, timekey: undefined, variables: undefined, sequence: 0 };

/** A text that is equal exactly when tag, time key and variables are. The sequence does not count. */
export function metadataKey({ tag, timekey, variables }: ChunkMetadata): string {
  if (timekey === undefined && variables === undefined) return tag === undefined ? "" : `=${tag}`;
  return JSON.stringify([tag ?? null, timekey ?? null, variables === undefined ? null : [...variables].sort(byName)]);
}

const byName = ([left]: [string, unknown], [right]: [string, unknown]) => (left < right ? -1 : 1);
