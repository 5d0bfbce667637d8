/**
 * The floor: the least that a relay in Node can do, as a yardstick. `floor.js PORT RECEIVER_PORT CA FOLDER`
 *
 * It takes the load generator's frames, appends their entries to a file, acks, and sends them on over TLS. No retry, no
 * recovery, no check of what an event is; only lengths are read. All that arrives while a write is under way goes into
 * the next one, and what one write holds is one message downstream.
 */

import { closeSync, openSync, readFileSync, unlinkSync, writev } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { connect } from "node:tls";
import { encode } from "../src/event/msgpack.ts";
import { INCOMPLETE, readUint32, skipValue } from "../src/event/walker.ts";
import { CHUNK_ID_BYTES, TAG } from "./frames.ts";

/** As chunk_limit_size of the other agents. Short files matter: their pages are used again, which is 8 times cheaper. */
const FILE_BYTES = 8 * 1024 * 1024;
const ENTRY_HEADER = Buffer.of(0x92);
const ACK_HEADER = Buffer.concat([Buffer.of(0x81), encode("ack"), Buffer.of(0xa0 | CHUNK_ID_BYTES)]);
const PACKED_HEADER = Buffer.concat([Buffer.of(0x93), encode(TAG)]);

/** Entries of one read, and the acks to write once they are in the file. */
interface Taken {
  readonly entries: Buffer[];
  readonly acks: Buffer[];
  readonly socket: Socket;
}

const [port, receiverPort, caPath, folder] = process.argv.slice(2) as [string, string, string, string];
const path = join(folder, "floor.data");
const downstream = connect({
  port: Number(receiverPort),
  host: "127.0.0.1",
  servername: "localhost",
  ca: readFileSync(caPath),
});
downstream.setNoDelay(true);
downstream.on("data", () => {}); // Acks; nothing here is kept until they come.
downstream.on("drain", write);

let file = openSync(path, "w");
let fileBytes = 0;
let waiting: Taken[] = [];
let writing = false;
let gzip = false;

createServer({ noDelay: true }, (socket) => serve(socket)).listen(Number(port), "127.0.0.1");
process.on("SIGTERM", () => process.exit());

function serve(socket: Socket): void {
  let parts: Buffer[] = [];
  let collected = 0;
  let wanted = 1;
  socket.on("error", () => {});
  socket.on("data", (data) => {
    parts.push(data);
    collected += data.length;
    if (collected < wanted) return;
    const bytes = parts.length === 1 ? data : Buffer.concat(parts, collected);
    const taken = takeFrames(bytes, socket);
    wanted = taken.wanted;
    collected = bytes.length - taken.consumed;
    parts = collected > 0 ? [bytes.subarray(taken.consumed)] : [];
  });
}

/** Takes every whole frame. */
function takeFrames(bytes: Buffer, socket: Socket): { consumed: number; wanted: number } {
  const taken: Taken = { entries: [], acks: [], socket };
  let position = 0;
  let wanted = 1;
  while (position < bytes.length) {
    const frame = frameAt(bytes, position);
    if (frame.end > bytes.length) {
      wanted = frame.end - position;
      break;
    }
    taken.entries.push(...frame.entries);
    taken.acks.push(ACK_HEADER, bytes.subarray(frame.end - CHUNK_ID_BYTES, frame.end));
    position = frame.end;
  }
  if (taken.acks.length > 0) waiting.push(taken);
  write();
  return { consumed: position, wanted };
}

/** One write at a time, and none while the receiver is behind. */
function write(): void {
  if (writing || waiting.length === 0 || downstream.writableNeedDrain) return;
  const batch = waiting;
  const entries = batch.flatMap((taken) => taken.entries);
  waiting = [];
  writing = true;
  writev(file, entries, (error, byteSize) => {
    if (error) throw error;
    writing = false;
    for (const { socket, acks } of batch) socket.write(Buffer.concat(acks));
    send(entries, byteSize);
    fileBytes += byteSize;
    if (fileBytes >= FILE_BYTES) nextFile();
    write();
  });
}

function nextFile(): void {
  closeSync(file);
  unlinkSync(path);
  file = openSync(path, "w");
  fileBytes = 0;
}

/** The frame at `start`; with an `end` past the bytes it is not whole, and `end` is a guess. */
function frameAt(bytes: Buffer, start: number): { end: number; entries: Buffer[] } {
  const incomplete = { end: bytes.length + 1, entries: [] };
  const body = skipValue(bytes, start + 1, bytes.length);
  if (body === INCOMPLETE || body + 5 > bytes.length) return incomplete;
  const type = bytes[body] as number;
  if (type === 0xc6) {
    const end = body + 5 + readUint32(bytes, body + 1);
    if (end > bytes.length) return { end, entries: [] };
  }
  const isMessage = bytes[start] === 0x94;
  const time = isMessage ? skipValue(bytes, body, bytes.length) : body;
  const bodyEnd = time === INCOMPLETE ? INCOMPLETE : skipValue(bytes, time, bytes.length);
  const end = bodyEnd === INCOMPLETE ? INCOMPLETE : skipValue(bytes, bodyEnd, bytes.length);
  if (end === INCOMPLETE) return incomplete;
  if (isMessage) return { end, entries: [ENTRY_HEADER, bytes.subarray(body, bodyEnd)] };
  if (type === 0xdc) return { end, entries: [bytes.subarray(body + 3, bodyEnd)] };
  const header = type === 0xc6 ? 5 : type === 0xc5 ? 3 : 2;
  gzip ||= bytes[body + header] === 0x1f;
  return { end, entries: [bytes.subarray(body + header, bodyEnd)] };
}

function send(entries: Buffer[], byteSize: number): void {
  const header = Buffer.alloc(5);
  header[0] = 0xdb;
  header.writeUInt32BE(byteSize, 1);
  const option = encode(gzip ? { compressed: "gzip", chunk: "floor" } : { chunk: "floor" });
  downstream.write(Buffer.concat([PACKED_HEADER, header, ...entries, option]));
}
