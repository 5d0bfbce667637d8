/**
 * `suiro cat TAG`: JSON lines from standard input, sent over the Forward protocol as one event each. Lines go out as
 * soon as they come, those that come together in one message.
 */

import { randomBytes } from "node:crypto";
import { systemClock } from "../clock.ts";
import { errorMessage, LimitError, SuiroError } from "../errors.ts";
import { EventTime } from "../event/event-time.ts";
import { jsonToMsgpack } from "../event/json-reader.ts";
import { encode } from "../event/msgpack.ts";
import { isMapType } from "../event/walker.ts";
import { CatConnection, type CatPeer } from "./cat-connection.ts";

export interface CatOptions extends CatPeer {
  readonly tag: string;
  readonly ack?: boolean;
  readonly timeAsInteger?: boolean;
}

export interface CatStreams {
  readonly input: AsyncIterable<Buffer | string>;
  /** Gets messages for people, each with its newline. */
  readonly report: (line: string) => void;
}

/** An array of two: `[time, record]`. */
const ENTRY_HEADER = Buffer.from([0x92]);

/** A line that is longer is no log line but a mistake. */
const LINE_LIMIT = 16 * 1024 * 1024;

const ownStreams = (): CatStreams => ({ input: process.stdin, report: (line) => void process.stderr.write(line) });

/**
 * Sends until the input ends. Gives 0 when every line was sent (with --ack: acknowledged), 1 when a line was no JSON
 * object or the receiver could not be reached. Bad lines are reported with their number and left out.
 */
export async function cat(options: CatOptions, { input, report }: CatStreams = ownStreams()): Promise<number> {
  let sent = 0;
  let badLines = 0;
  let connection: CatConnection | undefined;
  try {
    connection = await CatConnection.open(options);
    for await (const lines of batches(input)) {
      const entries: Buffer[] = [];
      for (const { number, text } of lines) {
        const record = readRecord(text);
        if (typeof record === "string") {
          badLines += 1;
          report(`suiro cat: line ${number}: ${record}\n`);
        } else {
          entries.push(Buffer.concat([ENTRY_HEADER, eventTime(options.timeAsInteger === true), record]));
        }
      }
      if (entries.length > 0) await sendBatch(connection, options, entries);
      sent += entries.length;
    }
    await connection.close();
    return badLines === 0 ? 0 : 1;
  } catch (error) {
    connection?.destroy();
    if (!(error instanceof SuiroError)) throw error;
    report(`suiro cat: ${error.message}\n`);
    if (sent > 0) report(`suiro cat: ${sent} events before that were ${options.ack ? "acknowledged" : "sent"}\n`);
    return 1;
  }
}

async function sendBatch(connection: CatConnection, options: CatOptions, entries: Buffer[]): Promise<void> {
  const id = randomBytes(16).toString("base64");
  const option = options.ack ? { size: entries.length, chunk: id } : { size: entries.length };
  await connection.send(encode([options.tag, Buffer.concat(entries), option]));
  if (options.ack) await connection.awaitAck(id);
}

/** The time of this moment, as msgpack. */
function eventTime(asInteger: boolean): Buffer {
  const now = EventTime.fromMilliseconds(systemClock.now());
  return encode(asInteger ? now.seconds : now);
}

/** The record of a line as msgpack, or why there is none. */
function readRecord(text: string): Buffer | string {
  let record: Buffer;
  try {
    record = jsonToMsgpack(text);
  } catch (error) {
    return `not JSON: ${errorMessage(error)}`;
  }
  return isMapType(record[0] as number) ? record : "a record is a JSON object, and this is another value";
}

interface NumberedLine {
  readonly number: number;
  readonly text: string;
}

/** The lines of each block that the input gives, without blank ones; a line without its newline waits for the rest. */
async function* batches(input: AsyncIterable<Buffer | string>): AsyncIterable<NumberedLine[]> {
  const decoder = new TextDecoder();
  let number = 0;
  let rest = "";
  const numbered = (texts: string[]) =>
    texts.flatMap((text) => {
      number += 1;
      return text.trim() === "" ? [] : [{ number, text }];
    });
  for await (const block of input) {
    const texts = (rest + (typeof block === "string" ? block : decoder.decode(block, { stream: true }))).split("\n");
    rest = texts.pop() ?? "";
    if (rest.length > LINE_LIMIT) {
      throw new LimitError(`line ${number + texts.length + 1} is longer than ${LINE_LIMIT} characters`);
    }
    yield numbered(texts);
  }
  yield numbered([rest]);
}
