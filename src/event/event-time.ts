/**
 * The time of an event: seconds and nanoseconds since 1970, both u32 on the wire.
 *
 * | form    | bytes                                           |
 * |---------|-------------------------------------------------|
 * | fixext8 | `d7 00` + seconds u32 BE + nanoseconds u32 BE    |
 * | ext8    | `c7 08 00` + seconds u32 BE + nanoseconds u32 BE |
 * | integer | any msgpack integer: seconds, no fraction       |
 *
 * Source: Forward protocol v1, "EventTime Ext Format".
 */
export class EventTime {
  readonly seconds: number;
  readonly nanoseconds: number;
  /** True when the time was a plain integer on the wire; it is written back as one. */
  readonly isInteger: boolean;

  constructor(seconds: number, nanoseconds: number, isInteger = false) {
    this.seconds = seconds;
    this.nanoseconds = nanoseconds;
    this.isInteger = isInteger;
  }

  static fromMilliseconds(milliseconds: number): EventTime {
    const seconds = Math.floor(milliseconds / 1000);
    return new EventTime(seconds, Math.floor((milliseconds - seconds * 1000) * 1e6));
  }

  toMilliseconds(): number {
    return this.seconds * 1000 + this.nanoseconds / 1e6;
  }
}

/** Bytes of an EventTime in fixext8 form. */
export const EVENT_TIME_BYTES = 10;

/** Writes the fixext8 form at `offset` and returns the offset behind it. */
export function writeEventTime(target: Buffer, offset: number, seconds: number, nanoseconds: number): number {
  target[offset] = 0xd7;
  target[offset + 1] = 0x00;
  writeUint32(target, offset + 2, seconds);
  writeUint32(target, offset + 6, nanoseconds);
  return offset + EVENT_TIME_BYTES;
}

/** What `writeUInt32BE` does, without its checks: they were half of the cost of a time. */
function writeUint32(target: Buffer, offset: number, value: number): void {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
}
