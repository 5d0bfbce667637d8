import type { PluginContext } from "../plugin.ts";
import type { Batch } from "./text/batches.ts";

/**
 * Emits batches in their order, and resolves when outputs hold all of them; none waits for the one before, so that they
 * are written together. For inputs that cannot tell a sender of a refusal, such as those of plain texts: what an output
 * refuses is counted as dropped, with a warning. Never rejects.
 */
export async function emitBatches(batches: readonly Batch[], context: PluginContext): Promise<void> {
  await Promise.all(batches.map((batch) => emitBatch(batch, context)));
}

async function emitBatch({ tag, events }: Batch, { emitter, counters, logger }: PluginContext): Promise<void> {
  counters.add("received_events", events.size);
  try {
    await emitter.emit(tag, events);
    counters.add("emitted_events", events.size);
  } catch (error) {
    counters.add("dropped_events", events.size, "emit_failed");
    logger.warn("emit transaction failed:", { error, tag });
  }
}
