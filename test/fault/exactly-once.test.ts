/** Sender, relay and receiver, each of which sends again what it was not acked: whoever is killed, all arrives once. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createChunkId } from "../../src/buffer/chunk-id.ts";
import { systemClock } from "../../src/clock.ts";
import { CollectingReceiver } from "../support/collecting-receiver.ts";
import { encodeFrame, ForwardClient, MODES } from "../support/forward-client.ts";
import { freePort } from "../support/free-port.ts";
import { startSuiro } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** Frames that are acked between two kills. */
const FRAMES_PER_LIFE = 60;
/** Frames that wait for their acks at any time. */
const WINDOW = 12;

test("through a relay and a receiver that are killed in turn, every event arrives once", async (context) => {
  const folder = temporaryFolder();
  const collector = new CollectingReceiver();
  await collector.start();
  context.after(() => collector.stop());
  const [relayPort, receiverPort] = [await freePort(), await freePort()];
  const configs = { relay: join(folder, "relay.conf"), receiver: join(folder, "receiver.conf") };
  writeFileSync(configs.relay, agentConfig(relayPort, receiverPort, join(folder, "relay")));
  writeFileSync(configs.receiver, agentConfig(receiverPort, collector.port, join(folder, "receiver")));
  let relay = await startSuiro(configs.relay);
  let receiver = await startSuiro(configs.receiver);
  context.after(async () => {
    relay.kill("SIGKILL");
    receiver.kill("SIGKILL");
    await Promise.all([relay.exited, receiver.exited]);
  });

  const sender = new Sender(relayPort);
  for (const who of ["relay", "receiver", "relay"]) {
    await sender.sendUntilAcked(FRAMES_PER_LIFE);
    const killed = who === "relay" ? relay : receiver;
    killed.kill("SIGKILL");
    await killed.exited;
    if (who === "relay") relay = await startSuiro(configs.relay);
    else receiver = await startSuiro(configs.receiver);
  }
  await sender.sendUntilAcked(0);

  const arrived = new Map<string, number>();
  const chunks = new Set<string>();
  let read = 0;
  let counted = 0;
  await collector.waitFor((events) => {
    for (; read < collector.chunkIds.length; read++) {
      const size = collector.messages[read]?.size ?? 0;
      const isAgain = chunks.has(collector.chunkIds[read] as string);
      chunks.add(collector.chunkIds[read] as string);
      for (const { record } of isAgain ? [] : events.slice(counted, counted + size)) {
        arrived.set(String(record.id), (arrived.get(String(record.id)) ?? 0) + 1);
      }
      counted += size;
    }
    return sender.ids.every((id) => arrived.has(id));
  });
  assert.deepEqual(
    [...arrived].filter(([, times]) => times > 1),
    [],
  );
  assert.equal(arrived.size, sender.ids.length);
  context.diagnostic(`${sender.ids.length} events, ${sender.resent} frames sent again`);
});

interface Frame {
  readonly chunk: string;
  readonly bytes: Buffer;
}

/** Sends frames with ids as fluentd makes them, and again, the same bytes, those whose acks did not come. */
class Sender {
  readonly ids: string[] = [];
  resent = 0;
  readonly #port: number;
  #unacked: Frame[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  /** Leaves some frames unacked, for the next connection. With 0 frames none. */
  async sendUntilAcked(count: number): Promise<void> {
    const client = await ForwardClient.open(this.#port);
    const again = this.#unacked;
    this.#unacked = [];
    this.resent += again.length;
    for (const { bytes } of again) client.send(bytes);
    await Promise.all(again.map(({ chunk }) => client.acked(chunk)));
    let acked = 0;
    const lane = async () => {
      while (acked < count) {
        const frame = this.#next();
        client.send(frame.bytes);
        await client.acked(frame.chunk);
        acked += 1;
      }
    };
    await Promise.all(Array.from({ length: WINDOW }, lane));
    // On the wire when the kill comes: they may be held, or not.
    for (let left = count === 0 ? 0 : WINDOW; left > 0; left--) {
      const frame = this.#next();
      this.#unacked.push(frame);
      if (left > 1) client.send(frame.bytes);
      else client.sendLast(frame.bytes);
    }
  }

  #next(): Frame {
    const number = this.ids.length;
    const mode = MODES[number % MODES.length] as (typeof MODES)[number];
    const ids = Array.from({ length: mode === "Message" ? 1 : 1 + (number % 20) }, (_, i) => `${number}-${i}`);
    this.ids.push(...ids);
    const events = ids.map((id) => ({ seconds: 1_700_000_000, record: { id, message: "x".repeat(number % 300) } }));
    const chunk = createChunkId(systemClock).toString("base64");
    return { chunk, bytes: encodeFrame(mode, `once.${number % 3}`, events, chunk) };
  }
}

function agentConfig(port: number, nextPort: number, buffer: string): string {
  return `
    <source>
      @type forward
      port ${port}
      bind 127.0.0.1
    </source>
    <match once.**>
      @type forward
      require_ack_response true
      heartbeat_type none
      <server>
        host 127.0.0.1
        port ${nextPort}
      </server>
      <buffer tag>
        @type file
        path ${buffer}
        flush_interval 0.2
        chunk_limit_size 16k
        retry_wait 0.1
        retry_max_interval 0.3
        retry_forever true
      </buffer>
    </match>
  `.replaceAll(/^ {4}/gm, "");
}
