/** What an append brings. */

import type { EventStream } from "../event/event-stream.ts";
import type { ChunkMetadata } from "./chunk.ts";

/** Events that go into the chunk of this metadata. */
export interface Batch {
  /** Of the events; the metadata has it only where it is a chunk key. */
  readonly tag: string;
  readonly metadata: ChunkMetadata;
  /** `metadataKey(metadata)`. */
  readonly key: string;
  readonly events: EventStream;
}
