import type { PluginContext } from "../../plugin.ts";
import type { Batch } from "./text-events.ts";

/**
 * Emits batches in their order, and resolves when outputs hold them. Senders of plain texts cannot be told of a refusal:
 * what an output refuses is counted as dropped, with a warning. Never rejects.
 */
export async function emitBatches(batches: readonly Batch[], context: PluginContext): Promise<void> {
  const { emitter, counters, logger } = context;
  for (const { tag, events } of batches) {
    counters.add("received_events", events.size);
    try {
      await emitter.emit(tag, events);
      counters.add("emitted_events", events.size);
    } catch (error) {
      counters.add("dropped_events", events.size, "emit_failed");
      logger.warn("emit transaction failed:", { error, tag });
    }
  }
}
