/**
 * A process that receives over TLS, acks, and counts every event by its id: `receiver.js ROW PORT CERTIFICATE KEY`.
 * It tells its port over IPC when it listens, and answers every further message with a ReceiverReport.
 */

import { readFileSync } from "node:fs";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:tls";
import { gunzipSync } from "node:zlib";
import { decode, encode, type MsgpackMap } from "../src/event/msgpack.ts";
import { skipValue } from "../src/event/walker.ts";
import { eventIndex } from "./event-ids.ts";
import { type Frame, readFrames } from "./frame-reader.ts";
import { eventsPerCycle, rowNamed } from "./rows.ts";

export interface ReceiverReport {
  readonly events: number;
  /** Wall times of the first and the last frame that brought events, in milliseconds; 0 before any did. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** How often each event of the cycle arrived. */
  readonly arrivals: number[];
}

const [rowName, port, certificatePath, keyPath] = process.argv.slice(2);
const arrivals = new Uint32Array(eventsPerCycle(rowNamed(rowName)));
let events = 0;
let firstAt = 0;
let lastAt = 0;

const server = createServer(
  { cert: readFileSync(certificatePath as string), key: readFileSync(keyPath as string), noDelay: true },
  (socket) => readFrames(socket, (bytes, frames) => take(bytes, frames, socket)),
);
server.listen(Number(port), "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.on("message", () => {
  process.send?.({ events, firstAt, lastAt, arrivals: [...arrivals] } satisfies ReceiverReport);
});
process.on("disconnect", () => process.exit());

function take(bytes: Buffer, frames: readonly Frame[], socket: Socket): void {
  for (const { bodyStart, bodyEnd, end } of frames) {
    const option = decode(bytes.subarray(bodyEnd, end)) as MsgpackMap;
    const body = bytes.subarray(bodyStart, bodyEnd);
    countEntries(option.compressed === "gzip" ? gunzipSync(body) : body);
    if (option.chunk !== undefined) socket.write(encode({ ack: option.chunk }));
  }
  lastAt = Date.now();
  firstAt ||= lastAt;
}

function countEntries(entries: Buffer): void {
  for (let position = 0; position < entries.length; ) {
    const end = skipValue(entries, position, entries.length);
    const index = eventIndex(entries, position, end);
    position = end;
    if (index < 0) continue; // Of the agent's own log, which takes the same way.
    arrivals[index] = (arrivals[index] as number) + 1;
    events += 1;
  }
}
