/** What a formatter is: it turns events into the bytes that a file, a terminal or a request body holds. */

import type { SectionTable } from "../config/parameters.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import type { EventStream } from "../event/event-stream.ts";
import { skipValue } from "../event/walker.ts";

export interface Formatter {
  /**
   * Writes one event of `packed`: its time starts at `timeStart`, its record fills `[recordStart, end)`. Positions
   * instead of an event, so that a batch of a thousand lines makes no thousand objects.
   */
  write(target: ByteWriter, tag: string, packed: Buffer, timeStart: number, recordStart: number, end: number): void;
}

export interface FormatterDefinition<C = unknown> {
  /** `@type` of `<format>`. */
  readonly type: string;
  readonly table: SectionTable<C>;
  /** Throws ConfigError. */
  create(config: C): Formatter;
}

/** The formatted bytes of all events, one behind the other. */
export function formatEvents(formatter: Formatter, tag: string, events: EventStream): Buffer {
  const packed = events.packed;
  const target = new ByteWriter(packed.length * 2);
  for (let start = 0; start < packed.length; ) {
    const recordStart = skipValue(packed, start + 1, packed.length);
    const end = skipValue(packed, recordStart, packed.length);
    formatter.write(target, tag, packed, start + 1, recordStart, end);
    start = end;
  }
  return target.take();
}
