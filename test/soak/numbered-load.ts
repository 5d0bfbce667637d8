/**
 * What goes into the agent: numbered events over the Forward protocol, each frame sent until it is acked, and numbered
 * lines in a file that is rotated now and then. Every number that counts is an obligation: it has to arrive.
 */

import { randomBytes } from "node:crypto";
import { appendFileSync, renameSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { encodeFrame, ForwardClient, MODES, type Mode } from "../support/forward-client.ts";

const WINDOW = 8;
const EVENTS_PER_FRAME = 10;
/** So many chunks grow at once, by little: the redo log of the buffer is in use. */
const TAGS = 12;
const RETRY_MS = 50;
/** Longer without an ack, and a sender takes the connection for dead. */
const ACK_TIMEOUT_MS = 5000;

interface Frame {
  readonly bytes: Buffer;
  readonly chunk: string;
  readonly numbers: readonly number[];
}

export class AckedSender {
  readonly port: number;
  /** Numbers whose frames were acked. */
  readonly acked = new Set<number>();
  #waiting: Frame[] = [];
  #next = 0;
  #frames = 0;
  #isEnding = false;
  #isTearing = false;

  constructor(port: number) {
    this.port = port;
  }

  /** Sends until `end`, and then until everything is acked. */
  async run(): Promise<void> {
    while (!this.#isEnding || this.#waiting.length > 0) {
      const client = await ForwardClient.open(this.port).catch(() => undefined);
      if (!client) {
        await wait(RETRY_MS);
        continue;
      }
      const lost: Frame[] = [];
      const lane = async () => {
        for (let frame = this.#take(); frame; frame = this.#take()) {
          const timeout = setTimeout(() => client.close(), ACK_TIMEOUT_MS);
          try {
            this.#send(client, frame);
            await client.acked(frame.chunk);
            for (const number of frame.numbers) this.acked.add(number);
          } catch {
            lost.push(frame);
            return;
          } finally {
            clearTimeout(timeout);
          }
        }
      };
      await Promise.all(Array.from({ length: WINDOW }, lane));
      client.close();
      this.#waiting = [...lost, ...this.#waiting];
    }
  }

  end(): void {
    this.#isEnding = true;
  }

  /** The next frame breaks off in its middle, and the connection with it. */
  tear(): void {
    this.#isTearing = true;
  }

  #send(client: ForwardClient, { bytes }: Frame): void {
    if (!this.#isTearing) return client.send(bytes);
    this.#isTearing = false;
    client.sendLast(bytes.subarray(0, Math.floor(bytes.length / 2)));
  }

  #take(): Frame | undefined {
    const waiting = this.#waiting.shift();
    if (waiting || this.#isEnding) return waiting;
    const mode = MODES[this.#frames++ % MODES.length] as Mode;
    const count = mode === "Message" ? 1 : EVENTS_PER_FRAME;
    const numbers = Array.from({ length: count }, () => this.#next++);
    const events = numbers.map((n) => ({ seconds: 1_700_000_000, nanoseconds: n % 1e9, record: { sent: n } }));
    const chunk = fluentdChunkId();
    return { bytes: encodeFrame(mode, `sent.${this.#frames % TAGS}`, events, chunk), chunk, numbers };
  }
}

/** As fluentd makes them: sixteen bytes, the time first, in base64. */
function fluentdChunkId(): string {
  const id = randomBytes(16);
  id.writeBigUInt64BE((BigInt(Date.now()) * 1000n) << 12n, 0);
  return id.toString("base64");
}

/** Writes numbered lines. */
export class LineWriter {
  readonly #path: string;
  written = 0;
  #rotations = 0;

  constructor(path: string) {
    this.#path = path;
  }

  write(count: number): void {
    const lines = Array.from({ length: count }, () => `{"line":${this.written++}}\n`);
    appendFileSync(this.#path, lines.join(""));
  }

  rotate(): void {
    renameSync(this.#path, `${this.#path}.${++this.#rotations}`);
    appendFileSync(this.#path, "");
  }
}
