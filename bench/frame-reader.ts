/** Frames of the Forward protocol out of the pieces in which they arrive: for the floor and the receiver. */

import type { Socket } from "node:net";
import { INCOMPLETE, readUint16, readUint32, skipValue } from "../src/event/walker.ts";

/** Offsets of one frame in the bytes that it came in. */
export interface Frame {
  readonly isMessage: boolean;
  /** Entries one behind the other; of a Message, time and record. */
  readonly bodyStart: number;
  readonly bodyEnd: number;
  /** Behind the option, which follows the body. */
  readonly end: number;
}

/** Calls `take` with all whole frames of a read. A frame's length is known from its header, so it is joined once. */
export function readFrames(socket: Socket, take: (bytes: Buffer, frames: readonly Frame[]) => void): void {
  let parts: Buffer[] = [];
  let collected = 0;
  let wanted = 1;
  socket.on("error", () => {});
  socket.on("data", (data) => {
    parts.push(data);
    collected += data.length;
    if (collected < wanted) return;
    const bytes = parts.length === 1 ? data : Buffer.concat(parts, collected);
    const frames: Frame[] = [];
    let position = 0;
    for (wanted = 1; position < bytes.length; ) {
      const frame = frameAt(bytes, position);
      if (typeof frame === "number") {
        wanted = frame - position;
        break;
      }
      frames.push(frame);
      position = frame.end;
    }
    if (frames.length > 0) take(bytes, frames);
    collected = bytes.length - position;
    parts = collected > 0 ? [bytes.subarray(position)] : [];
  });
}

/** The frame at `start`; while it is not whole, the least position at which it can end. */
function frameAt(bytes: Buffer, start: number): Frame | number {
  const unknown = bytes.length + 1;
  const body = skipValue(bytes, start + 1, bytes.length);
  if (body === INCOMPLETE || body + 5 > bytes.length) return unknown;
  const isMessage = bytes[start] === 0x94;
  const { header, length } = isMessage ? NO_HEADER : bodyHeader(bytes, body);
  const bodyStart = body + header;
  if (length !== undefined && bodyStart + length >= bytes.length) return bodyStart + length + 1;
  const time = isMessage ? skipValue(bytes, body, bytes.length) : body;
  const bodyEnd = time === INCOMPLETE ? INCOMPLETE : skipValue(bytes, time, bytes.length);
  const end = bodyEnd === INCOMPLETE ? INCOMPLETE : skipValue(bytes, bodyEnd, bytes.length);
  return end === INCOMPLETE ? unknown : { isMessage, bodyStart, bodyEnd, end };
}

const NO_HEADER: BodyHeader = { header: 0, length: undefined };

interface BodyHeader {
  readonly header: number;
  /** Of a str or bin; undefined for an array. */
  readonly length: number | undefined;
}

function bodyHeader(bytes: Buffer, position: number): BodyHeader {
  const type = bytes[position] as number;
  if (type >= 0x90 && type < 0xa0) return { header: 1, length: undefined };
  if (type === 0xdc) return { header: 3, length: undefined };
  if (type === 0xdd) return { header: 5, length: undefined };
  if (type >= 0xa0 && type < 0xc0) return { header: 1, length: type & 0x1f };
  if (type === 0xd9 || type === 0xc4) return { header: 2, length: bytes[position + 1] as number };
  if (type === 0xda || type === 0xc5) return { header: 3, length: readUint16(bytes, position + 1) };
  if (type === 0xdb || type === 0xc6) return { header: 5, length: readUint32(bytes, position + 1) };
  throw new Error(`no body of the Forward protocol: type ${type.toString(16)}`);
}
