/** The promise itself: whatever was acked reaches the receiver, however often the agent is killed. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CollectingReceiver } from "../support/collecting-receiver.ts";
import { encodeFrame, ForwardClient, MODES } from "../support/forward-client.ts";
import { freePort } from "../support/free-port.ts";
import { startSuiro } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** Frames that are acked between two kills. */
const FRAMES_PER_LIFE = 120;
const LIVES = 7;
/** Frames that wait for their acks at any time. */
const WINDOW = 16;

test("events that were acked under repeated SIGKILL, with the receiver gone for a while, all arrive", async (context) => {
  const folder = temporaryFolder();
  const collector = new CollectingReceiver();
  await collector.start();
  context.after(() => collector.stop());
  const port = await freePort();
  const config = join(folder, "agent.conf");
  writeFileSync(config, agentConfig(port, collector.port, join(folder, "buffer")));

  const acked = new Set<string>();
  for (let life = 0; life < LIVES; life++) {
    const agent = await startSuiro(config);
    if (life === 2) await collector.stop();
    if (life === 4) await collector.start();
    await sendUntilAcked(port, life, acked);
    agent.kill("SIGKILL");
    await agent.exited;
  }
  assert.ok(acked.size >= LIVES * FRAMES_PER_LIFE);

  const agent = await startSuiro(config);
  context.after(() => agent.stop("SIGKILL"));
  const arrived = new Set<string>();
  let read = 0;
  await collector.waitFor((events) => {
    for (; read < events.length; read++) arrived.add(String(events[read]?.record.id));
    return [...acked].every((id) => arrived.has(id));
  });
  context.diagnostic(`${acked.size} events acked, ${collector.events.length - arrived.size} arrived more than once`);
});

/** Sends frames of every mode over one connection and notes the events of each frame whose ack came. */
async function sendUntilAcked(port: number, life: number, acked: Set<string>): Promise<void> {
  const client = await ForwardClient.open(port);
  let sent = 0;
  let done = 0;
  const lane = async () => {
    while (done < FRAMES_PER_LIFE) {
      const frame = sent++;
      const mode = MODES[frame % MODES.length] as (typeof MODES)[number];
      const ids = Array.from({ length: mode === "Message" ? 1 : 1 + (frame % 30) }, (_, i) => `${life}-${frame}-${i}`);
      const events = ids.map((id, i) => ({
        seconds: 1_700_000_000 + frame,
        nanoseconds: i,
        record: { id, message: "x".repeat(frame % 700) },
      }));
      const chunk = `chunk-${life}-${frame}`;
      client.send(encodeFrame(mode, `kill.${frame % 3}`, events, chunk));
      await client.acked(chunk);
      done += 1;
      for (const id of ids) acked.add(id);
    }
  };
  await Promise.all(Array.from({ length: WINDOW }, lane));
  // Some frames stay on the wire, half sent, when the kill comes.
  client.send(encodeFrame("Forward", "kill.torn", [{ seconds: 1, record: { id: "torn" } }]).subarray(0, 9));
  client.close();
}

function agentConfig(port: number, receiverPort: number, buffer: string): string {
  return `
    <source>
      @type forward
      port ${port}
      bind 127.0.0.1
    </source>
    <match **>
      @type forward
      require_ack_response true
      heartbeat_type none
      <server>
        host 127.0.0.1
        port ${receiverPort}
      </server>
      <buffer tag>
        @type file
        path ${buffer}
        flush_interval 1s
        chunk_limit_size 64k
        retry_wait 0.1
        retry_max_interval 0.5
        retry_forever true
      </buffer>
    </match>
  `.replaceAll(/^ {4}/gm, "");
}
