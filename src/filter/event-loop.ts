/**
 * The loop that filters share: goes through the entries of a stream and writes what becomes of each. An event whose
 * filter throws goes to `@ERROR`, and leaves the stream unless the route keeps what failed. Source: fluentd 1.18
 * plugin/filter.rb `filter_stream`, event_router.rb `optimized_filter_stream`.
 */

import { errorMessage } from "../errors.ts";
import { batchMemory } from "../event/batch-memory.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import type { EventStream } from "../event/event-stream.ts";
import { skipValue } from "../event/walker.ts";
import type { FailedEvent, PluginContext } from "../plugin.ts";

/** The event that a loop is at: offsets into `packed`. One object serves a whole stream. */
export interface EventView {
  packed: Buffer;
  start: number;
  recordStart: number;
  end: number;
}

/** Writes entries for the event at `view` and returns how many. What was written before a throw is cut off again. */
export type WriteEvent = (target: ByteWriter, view: EventView) => number;

/** A filter failed when it had changed the event already: `entry` is what it had become. The reason is `cause`. */
export class HalfwayError extends Error {
  readonly entry: Buffer;

  constructor(entry: Buffer, cause: unknown) {
    super(errorMessage(cause), { cause });
    this.entry = entry;
  }
}

/** The stream of everything that `write` wrote. Waits only where events go to `@ERROR`. */
export function filteredStream(
  context: PluginContext,
  tag: string,
  events: EventStream,
  write: WriteEvent,
  keepsFailed = false,
): EventStream | Promise<EventStream> {
  const { packed } = events;
  const room = batchMemory.take(packed.length + events.size * 32);
  const target = new ByteWriter(room);
  const view: EventView = { packed, start: 0, recordStart: 0, end: 0 };
  const failures: FailedEvent[] = [];
  let size = 0;
  while (view.end < packed.length) {
    view.start = view.end;
    view.recordStart = skipValue(packed, view.start + 1, packed.length);
    view.end = skipValue(packed, view.recordStart, packed.length);
    const before = target.length;
    try {
      size += write(target, view);
    } catch (error) {
      target.truncate(before);
      const isHalfway = error instanceof HalfwayError;
      const entry = isHalfway ? error.entry : Buffer.from(packed.subarray(view.start, view.end));
      const cause = isHalfway ? error.cause : error;
      failures.push({ entry, error: cause instanceof Error ? cause : new Error(String(cause)) });
      if (!keepsFailed) continue;
      target.copy(entry);
      size += 1;
    }
  }
  const filtered = events.replacedBy(target.take(), size, room);
  if (failures.length === 0) return filtered;
  return context.emitErrors(tag, failures).then(() => filtered);
}

/** Copies the entry as it is. */
export function copyEvent(target: ByteWriter, { packed, start, end }: EventView): number {
  target.copy(packed, start, end);
  return 1;
}

/** A filter without anything to start or stop. */
export const idle = { async start(): Promise<void> {}, async stop(): Promise<void> {} };
