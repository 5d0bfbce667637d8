/**
 * A batch of events of one tag, held as msgpack entries `[time, record]` one behind the other. Streams are immutable:
 * whoever changes events makes a new stream. Records are decoded only when someone asks for them.
 */

import { ChunkBrokenError } from "../errors.ts";
import { batchMemory, LARGEST_KEPT_BYTES } from "./batch-memory.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { EventTime } from "./event-time.ts";
import { decode, encode, type MsgpackMap } from "./msgpack.ts";
import { INCOMPLETE, skipValue } from "./walker.ts";

export type CompressionMethod = "gzip" | "zstd";

/** The same entries as a compressed stream, as the sender compressed them. */
export interface CompressedEntries {
  readonly method: CompressionMethod;
  readonly bytes: Buffer;
}

export interface Event {
  readonly time: EventTime;
  readonly record: MsgpackMap;
}

/** What may be known of events besides their bytes. */
export interface EventStreamDetails extends Partial<Pick<EventStream, "compressed" | "checksum">> {
  /** Gives back the memory that `packed` is in. */
  readonly release?: (() => void) | undefined;
}

export class EventStream {
  /** Number of events. */
  readonly size: number;
  /** Concatenated entries, plain. Owned by the stream; nobody writes into it. */
  readonly packed: Buffer;
  /** Present when the sender had compressed exactly these entries: an output with the same method may pass it on. */
  readonly compressed: CompressedEntries | undefined;
  /** CRC-32 of `packed`, where somebody has read it for that already. */
  readonly checksum: number | undefined;
  #release: (() => void) | undefined;

  constructor(packed: Buffer, size: number, { compressed, release, checksum }: EventStreamDetails = {}) {
    this.packed = packed;
    this.size = size;
    this.compressed = compressed;
    this.#release = release;
    this.checksum = checksum;
  }

  /**
   * Gives the memory of `packed` back for use by others. To be called, if at all, by the output that holds the events
   * elsewhere when its emit resolves; whoever gives one stream to several outputs gives them its `shares`.
   */
  release(): void {
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }

  /** The same events for `count` readers: the memory goes back when each of them has released its share. */
  shares(count: number): EventStream[] {
    if (!this.#release) return Array<EventStream>(count).fill(this);
    const { packed, size, compressed, checksum } = this;
    let unreleased = count;
    const release = () => {
      unreleased -= 1;
      if (unreleased === 0) this.release();
    };
    return Array.from({ length: count }, () => new EventStream(packed, size, { compressed, checksum, release }));
  }

  /**
   * `size` events that were made of these and stand in `packed`, which shares no memory with them. To release them
   * releases these, too, and gives back `room`, the batch memory that they were written into.
   */
  replacedBy(packed: Buffer, size: number, room: Buffer): EventStream {
    const release = () => {
      batchMemory.give(room);
      this.release();
    };
    return new EventStream(packed, size, { release });
  }

  /** The events of these entries, `size` in all, copied. To release them releases these, too. */
  joined(entries: readonly Buffer[], size: number): EventStream {
    const byteSize = entries.reduce((sum, { length }) => sum + length, 0);
    const room = batchMemory.take(byteSize);
    let length = 0;
    for (const entry of entries) length += entry.copy(room, length);
    return this.replacedBy(room.subarray(0, length), size, room);
  }

  /** `size` events that were written, in memory of their own: the writer is empty afterwards, to be used again. */
  static fromWriter(writer: ByteWriter, size: number): EventStream {
    const written = writer.view();
    if (written.length > LARGEST_KEPT_BYTES) return new EventStream(writer.take(), size);
    const room = batchMemory.take(written.length);
    const packed = room.subarray(0, written.copy(room));
    writer.truncate(0);
    return new EventStream(packed, size, { release: () => batchMemory.give(room) });
  }

  static fromEvents(events: readonly Event[]): EventStream {
    const parts: Buffer[] = [];
    for (const { time, record } of events) {
      parts.push(ENTRY_HEADER, encode(time.isInteger ? time.seconds : time), encode(record));
    }
    return new EventStream(Buffer.concat(parts), events.length);
  }

  /** Decodes every event. For filters and outputs that need records; costs about 25 times a walk. */
  *events(): IterableIterator<Event> {
    for (const { timeStart, recordStart, end } of this.entries()) {
      yield {
        time: toEventTime(decode(this.packed.subarray(timeStart, recordStart))),
        record: decode(this.packed.subarray(recordStart, end)) as MsgpackMap,
      };
    }
  }

  /** The boundaries of every entry within `packed`. */
  entries(): IterableIterator<EntryBounds> {
    return entryBounds(this.packed);
  }
}

const ENTRY_HEADER = Buffer.from([0x92]);

/** Offsets of one entry: `[start` header byte, `timeStart` time, `recordStart` record, `end)`. */
export interface EntryBounds {
  readonly start: number;
  readonly timeStart: number;
  readonly recordStart: number;
  readonly end: number;
}

/** The boundaries of entries that were already walked as plain. Throws ChunkBrokenError where they were not. */
export function* entryBounds(packed: Buffer): IterableIterator<EntryBounds> {
  for (let start = 0; start < packed.length; ) {
    const timeStart = start + 1;
    const recordStart = packed[start] === 0x92 ? skipValue(packed, timeStart, packed.length) : INCOMPLETE;
    const end = recordStart === INCOMPLETE ? INCOMPLETE : skipValue(packed, recordStart, packed.length);
    if (end === INCOMPLETE) throw new ChunkBrokenError(`no whole entry at byte ${start} of ${packed.length}`);
    yield { start, timeStart, recordStart, end };
    start = end;
  }
}

function toEventTime(value: unknown): EventTime {
  if (value instanceof EventTime) return value;
  return new EventTime(Number(value), 0, true);
}
