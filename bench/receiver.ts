/**
 * A process that receives over TLS, acks, and counts every event by its id: `receiver.js MODE CERTIFICATE KEY`.
 * It tells its port over IPC when it listens, and answers every further message with a ReceiverReport.
 */

import { readFileSync } from "node:fs";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:tls";
import { gunzipSync } from "node:zlib";
import { decode, encode, type MsgpackMap } from "../src/event/msgpack.ts";
import { INCOMPLETE, readUint16, readUint32, skipValue } from "../src/event/walker.ts";
import { EVENT_ID_OFFSET, FIRST_EVENT_ID, type Mode, modes } from "./frames.ts";

export interface ReceiverReport {
  readonly events: number;
  readonly frames: number;
  /** Wall time of the last frame that brought events, in milliseconds. */
  readonly lastAt: number;
  /** How often each event of the cycle arrived. */
  readonly arrivals: number[];
}

const [modeName, certificatePath, keyPath] = process.argv.slice(2);
const { frames: cycleFrames, eventsPerFrame } = modes.find(({ name }) => name === modeName) as Mode;
const arrivals = new Uint32Array(cycleFrames * eventsPerFrame);
let events = 0;
let frames = 0;
let lastAt = 0;

const server = createServer(
  { cert: readFileSync(certificatePath as string), key: readFileSync(keyPath as string), noDelay: true },
  (socket) => receive(socket),
);
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.on("message", () => {
  process.send?.({ events, frames, lastAt, arrivals: [...arrivals] } satisfies ReceiverReport);
});
process.on("disconnect", () => process.exit());

/** Collects until a frame is whole; a frame's length is known from its header, so its bytes are joined once. */
function receive(socket: Socket): void {
  let parts: Buffer[] = [];
  let collected = 0;
  let wanted = 1;
  socket.on("error", () => {});
  socket.on("data", (data) => {
    parts.push(data);
    collected += data.length;
    while (collected >= wanted && collected > 0) {
      const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, collected);
      const end = takeFrame(bytes, socket);
      parts = end.consumed < bytes.length ? [bytes.subarray(end.consumed)] : [];
      collected = bytes.length - end.consumed;
      wanted = end.wanted;
    }
  });
}

/** Takes one frame off the front of `bytes`, or says how many bytes are wanted for it. */
function takeFrame(bytes: Buffer, socket: Socket): { consumed: number; wanted: number } {
  const tagEnd = skipValue(bytes, 1, bytes.length);
  const body = tagEnd === INCOMPLETE ? undefined : entriesAt(bytes, tagEnd);
  if (!body) return { consumed: 0, wanted: bytes.length + 1 };
  if (bytes.length <= body.end) return { consumed: 0, wanted: body.end + 1 };
  const end = skipValue(bytes, body.end, bytes.length);
  if (end === INCOMPLETE) return { consumed: 0, wanted: bytes.length + 1 };

  const option = decode(bytes.subarray(body.end, end)) as MsgpackMap;
  const entries = bytes.subarray(body.start, body.end);
  countEntries(option.compressed === "gzip" ? gunzipSync(entries) : entries);
  if (option.chunk !== undefined) socket.write(encode({ ack: option.chunk }));
  return { consumed: end, wanted: 1 };
}

/** The borders of a str or bin; undefined while its header is not whole. */
function entriesAt(bytes: Buffer, position: number): { start: number; end: number } | undefined {
  if (position + 5 > bytes.length) return undefined;
  const type = bytes[position] as number;
  const at = (header: number, length: number) => ({ start: position + header, end: position + header + length });
  if (type >= 0xa0 && type < 0xc0) return at(1, type & 0x1f);
  if (type === 0xd9 || type === 0xc4) return at(2, bytes[position + 1] as number);
  if (type === 0xda || type === 0xc5) return at(3, readUint16(bytes, position + 1));
  if (type === 0xdb || type === 0xc6) return at(5, readUint32(bytes, position + 1));
  throw new Error(`the agent sent something else than PackedForward: type ${type.toString(16)}`);
}

function countEntries(entries: Buffer): void {
  let position = 0;
  while (position < entries.length) {
    if (entries[position + EVENT_ID_OFFSET] !== 0xce) throw new Error(`no event of ours at byte ${position}`);
    const id = readUint32(entries, position + EVENT_ID_OFFSET + 1) - FIRST_EVENT_ID;
    arrivals[id] = (arrivals[id] as number) + 1;
    events += 1;
    position = skipValue(entries, position, entries.length);
  }
  frames += 1;
  lastAt = Date.now();
}
