/**
 * The floor: the least that a relay in Node can do, as a yardstick. `floor.js PORT RECEIVER_PORT CA FOLDER`
 *
 * It takes the load generator's frames, appends their entries to a file, acks, and sends them on over TLS in batches
 * that the receiver acks. No retry, no recovery, no check of what an event is; only lengths are read.
 */

import { createWriteStream, readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { connect } from "node:tls";
import { encode } from "../src/event/msgpack.ts";
import { INCOMPLETE, readUint32, skipValue } from "../src/event/walker.ts";
import { CHUNK_ID_BYTES, TAG } from "./frames.ts";

const FLUSH_INTERVAL_MS = 100;
const BATCH_BYTES = 1024 * 1024;
const ENTRY_HEADER = Buffer.of(0x92);
const PACKED_HEADER = Buffer.concat([Buffer.of(0x93), encode(TAG)]);

const [port, receiverPort, caPath, folder] = process.argv.slice(2) as [string, string, string, string];
const downstream = connect({
  port: Number(receiverPort),
  host: "127.0.0.1",
  servername: "localhost",
  ca: readFileSync(caPath),
});
downstream.setNoDelay(true);
downstream.on("data", () => {}); // Acks; nothing here is kept until they come.
const file = createWriteStream(join(folder, "floor.data"));

let batch: Buffer[] = [];
let batchBytes = 0;
let gzip = false;

createServer({ noDelay: true }, (socket) => serve(socket)).listen(Number(port), "127.0.0.1");
setInterval(flush, FLUSH_INTERVAL_MS);
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

/** Takes every whole frame; what was written to the file by then is acked in one write. */
function takeFrames(bytes: Buffer, socket: Socket): { consumed: number; wanted: number } {
  const acks: Buffer[] = [];
  let position = 0;
  let wanted = 1;
  while (position < bytes.length) {
    const frame = frameAt(bytes, position);
    if (frame.end > bytes.length) {
      wanted = frame.end - position;
      break;
    }
    for (const part of frame.entries) append(part);
    acks.push(encode({ ack: bytes.toString("latin1", frame.end - CHUNK_ID_BYTES, frame.end) }));
    position = frame.end;
  }
  if (acks.length > 0) file.write("", () => socket.write(Buffer.concat(acks)));
  if (batchBytes >= BATCH_BYTES) flush();
  return { consumed: position, wanted };
}

function append(entries: Buffer): void {
  file.write(entries);
  batch.push(entries);
  batchBytes += entries.length;
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

function flush(): void {
  if (batchBytes === 0) return;
  const header = Buffer.alloc(5);
  header[0] = 0xdb;
  header.writeUInt32BE(batchBytes, 1);
  const option = encode(gzip ? { compressed: "gzip", chunk: "floor" } : { chunk: "floor" });
  downstream.write(Buffer.concat([PACKED_HEADER, header, ...batch, option]));
  batch = [];
  batchBytes = 0;
}
