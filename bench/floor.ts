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
import { type Frame, readFrames } from "./frame-reader.ts";
import { CHUNK_ID_BYTES } from "./frames.ts";

/** As chunk_limit_size of the other agents. Short files matter: their pages are used again, which is 8 times cheaper. */
const FILE_BYTES = 8 * 1024 * 1024;
const ENTRY_HEADER = Buffer.of(0x92);
const ACK_HEADER = Buffer.concat([Buffer.of(0x81), encode("ack"), Buffer.of(0xa0 | CHUNK_ID_BYTES)]);
const PACKED_HEADER = Buffer.concat([Buffer.of(0x93), encode("floor")]);

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

const server = createServer({ noDelay: true }, (socket) => {
  readFrames(socket, (bytes, frames) => take(bytes, frames, socket));
});
server.listen(Number(port), "127.0.0.1");
process.on("SIGTERM", () => process.exit());

function take(bytes: Buffer, frames: readonly Frame[], socket: Socket): void {
  const taken: Taken = { entries: [], acks: [], socket };
  for (const { isMessage, bodyStart, bodyEnd, end } of frames) {
    if (isMessage) taken.entries.push(ENTRY_HEADER);
    taken.entries.push(bytes.subarray(bodyStart, bodyEnd));
    taken.acks.push(ACK_HEADER, bytes.subarray(end - CHUNK_ID_BYTES, end));
    gzip ||= bytes[bodyStart] === 0x1f;
  }
  waiting.push(taken);
  write();
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

function send(entries: Buffer[], byteSize: number): void {
  const header = Buffer.alloc(5);
  header[0] = 0xdb;
  header.writeUInt32BE(byteSize, 1);
  const option = encode(gzip ? { compressed: "gzip", chunk: "floor" } : { chunk: "floor" });
  downstream.write(Buffer.concat([PACKED_HEADER, header, ...entries, option]));
}
