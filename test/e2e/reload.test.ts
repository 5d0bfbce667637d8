/** Reloads under load: nobody is refused, nothing is lost, nothing arrives twice. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CollectingReceiver } from "../support/collecting-receiver.ts";
import { encodeFrame, ForwardClient } from "../support/forward-client.ts";
import { freePort } from "../support/free-port.ts";
import { startSuiro } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const RELOADS = 20;
/** Frames that wait for their acks at any time. */
const WINDOW = 8;

interface Places {
  readonly port: number;
  readonly receiverPort: number;
  readonly buffer: string;
}

/** Each differs from the one before it elsewhere: the source, a filter, the output, its buffer, a label, nothing. */
function configuration({ port, receiverPort, buffer }: Places, round: number): string {
  const kind = round % 6;
  return `
<source>
  @type forward
  port ${port}
  bind 127.0.0.1
  ${kind === 1 ? "chunk_size_warn_limit 1g" : ""}
</source>
${kind === 2 ? "<filter **>\n@type record_transformer\n<record>\nround 2\n</record>\n</filter>" : ""}
<match **>
  @type forward
  require_ack_response true
  heartbeat_type none
  ${kind === 3 ? "send_timeout 59" : ""}
  <server>
    host 127.0.0.1
    port ${receiverPort}
  </server>
  <buffer tag>
    @type file
    path ${buffer}
    flush_interval 0.1
    flush_thread_interval 0.05
    ${kind === 4 ? "chunk_limit_size 100k" : ""}
  </buffer>
</match>
<label @FLUENT_LOG>
<match **>
  @type null
</match>
</label>
${kind === 5 ? "<label @NEW>\n<match **>\n@type null\n</match>\n</label>" : ""}
`;
}

/** Sends numbered events until told to stop; a connection that ends is opened anew, and what was not acked sent again. */
class Sender {
  readonly #port: number;
  readonly acked = new Set<number>();
  refused = 0;
  reconnects = -1;
  #next = 0;
  #isEnding = false;

  constructor(port: number) {
    this.#port = port;
  }

  async run(): Promise<void> {
    const unacked = new Map<number, string>();
    while (!this.#isEnding || unacked.size > 0) {
      this.reconnects += 1;
      const client = await ForwardClient.open(this.#port).catch(() => {
        this.refused += 1;
      });
      if (!client) continue;
      const lane = async () => {
        for (;;) {
          const [number = this.#isEnding ? undefined : this.#next++] = [...unacked.keys()].filter(
            (waiting) => unacked.get(waiting) === "lost",
          );
          if (number === undefined) return;
          unacked.set(number, "sent");
          const event = { seconds: 1_700_000_000, record: { n: number } };
          client.send(encodeFrame("Message", "t.a", [event], `chunk-${number}`));
          await client.acked(`chunk-${number}`);
          unacked.delete(number);
          this.acked.add(number);
        }
      };
      await Promise.allSettled(Array.from({ length: WINDOW }, lane));
      for (const number of unacked.keys()) unacked.set(number, "lost");
      client.close();
    }
  }

  async finish(running: Promise<void>): Promise<void> {
    this.#isEnding = true;
    await running;
  }
}

async function reloadUnderLoad(context: TestContext, signal: NodeJS.Signals): Promise<void> {
  const folder = temporaryFolder();
  const collector = new CollectingReceiver();
  await collector.start();
  context.after(() => collector.stop());
  const places = { port: await freePort(), receiverPort: collector.port, buffer: join(folder, "buffer") };
  const path = join(folder, "agent.conf");
  writeFileSync(path, configuration(places, 0));
  const agent = await startSuiro(path);
  context.after(() => agent.stop("SIGKILL"));

  const sender = new Sender(places.port);
  const running = sender.run();
  for (let round = 1; round <= RELOADS; round++) {
    writeFileSync(path, configuration(places, round));
    const ackedBefore = sender.acked.size;
    agent.kill(signal);
    await agent.waitFor((output) => output.split("fluentd worker is now running").length === round + 2);
    await collector.waitFor(() => sender.acked.size > ackedBefore);
  }
  await sender.finish(running);
  await collector.waitFor(() => collector.events.length >= sender.acked.size);
  assert.equal(await agent.stop(), 0, agent.output);

  const counts = new Map<unknown, number>();
  for (const { record } of collector.events) counts.set(record.n, (counts.get(record.n) ?? 0) + 1);
  const lost = [...sender.acked].filter((number) => !counts.has(number));
  const twice = [...counts].filter(([, count]) => count > 1).map(([number]) => number);
  assert.deepEqual({ refused: sender.refused, lost, twice }, { refused: 0, lost: [], twice: [] });
  assert.doesNotMatch(agent.output, /cannot start/);
  context.diagnostic(`${sender.acked.size} events, ${sender.reconnects} reconnects`);
}

test("20 reloads by SIGHUP under acked load refuse nobody, lose nothing, and bring nothing twice", (context) =>
  reloadUnderLoad(context, "SIGHUP"));

test("a bad configuration leaves connections and buffers as they are", async (context) => {
  const folder = temporaryFolder();
  const collector = new CollectingReceiver();
  await collector.start();
  context.after(() => collector.stop());
  const places = { port: await freePort(), receiverPort: collector.port, buffer: join(folder, "buffer") };
  const path = join(folder, "agent.conf");
  writeFileSync(path, configuration(places, 0));
  const agent = await startSuiro(path);
  context.after(() => agent.stop("SIGKILL"));
  const client = await ForwardClient.open(places.port);
  context.after(() => client.close());
  for (const [number, text] of ["<match **>\n", "<source>\n@type nosuch\n</source>\n"].entries()) {
    writeFileSync(path, text);
    agent.kill("SIGUSR2");
    await agent.waitFor((output) => output.split("the running configuration stays").length === number + 2);
    client.send(encodeFrame("Message", "t.a", [{ seconds: 1, record: { number } }], `after ${number}`));
    await client.acked(`after ${number}`);
  }
  await collector.waitFor((events) => events.length === 2);
  assert.equal(await agent.stop(), 0);
});
