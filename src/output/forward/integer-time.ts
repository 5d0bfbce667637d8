/**
 * `time_as_integer`: entries whose times are whole seconds as a msgpack integer, for receivers older than EventTime.
 * Source: fluentd 1.18 out_forward.rb, plugin/output.rb `generate_format_proc`.
 */

import type { EventStream } from "../../event/event-stream.ts";

/** `92 d7 00` and `92 c7 08 00`: an entry whose time is an EventTime, seconds at `secondsAt`. */
const FIXEXT8 = 0xd7;
const EXT8 = 0xc7;

/** The entries with every EventTime cut to its seconds; records are copied as they are. Never longer than before. */
export function withIntegerTimes(events: EventStream): Buffer {
  const { packed } = events;
  const target = Buffer.allocUnsafe(packed.length);
  let length = 0;
  for (const { start, timeStart, recordStart, end } of events.entries()) {
    const type = packed[timeStart];
    if (type === FIXEXT8 || type === EXT8) {
      const seconds = packed.readUInt32BE(type === FIXEXT8 ? timeStart + 2 : timeStart + 3);
      target[length] = 0x92;
      length = writeUnsigned(target, length + 1, seconds);
      length += packed.copy(target, length, recordStart, end);
    } else {
      length += packed.copy(target, length, start, end);
    }
  }
  return target.subarray(0, length);
}

/** The shortest msgpack form of a u32. Returns the offset behind it. */
function writeUnsigned(target: Buffer, offset: number, value: number): number {
  if (value < 0x80) return target.writeUInt8(value, offset);
  if (value < 0x100) return target.writeUInt8(value, target.writeUInt8(0xcc, offset));
  if (value < 0x10000) return target.writeUInt16BE(value, target.writeUInt8(0xcd, offset));
  return target.writeUInt32BE(value, target.writeUInt8(0xce, offset));
}
