/**
 * Reloads while senders wait until the next receiver has their events (`ack_after delivered`), and that one is away or
 * says nothing: no reload waits for it, nobody is told too early, and in the end each event has arrived once.
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createChunkId } from "../../src/buffer/chunk-id.ts";
import { systemClock } from "../../src/clock.ts";
import { CollectingReceiver } from "../support/collecting-receiver.ts";
import { encodeFrame, ForwardClient } from "../support/forward-client.ts";
import { freePort } from "../support/free-port.ts";
import { startSuiro } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** Longer than any test may take: a reload that waits this long fails. */
const SHUTDOWN_SECONDS = 3600;

/** What a reload changes. */
const KINDS = ["nothing", "a filter", "the source", "the output", "a label"] as const;
type Kind = (typeof KINDS)[number];

function configuration(port: number, receiverPort: number, folder: string, kind: Kind): string {
  return `
<system>
  shutdown_timeout ${SHUTDOWN_SECONDS}
</system>
<source>
  @type forward
  port ${port}
  bind 127.0.0.1
  ack_after delivered
  ${kind === "the source" ? "chunk_size_warn_limit 1g" : ""}
</source>
${kind === "a filter" ? "<filter **>\n@type record_transformer\n<record>\nadded yes\n</record>\n</filter>" : ""}
<match **>
  @type forward
  require_ack_response true
  ack_response_timeout 3600
  heartbeat_type none
  ${kind === "the output" ? "send_timeout 59" : ""}
  <server>
    host 127.0.0.1
    port ${receiverPort}
  </server>
  <buffer tag>
    @type file
    path ${folder}/buffer
    flush_mode immediate
    retry_wait 0.1
    retry_max_interval 0.2
    retry_forever true
  </buffer>
</match>
<label @FLUENT_LOG>
<match **>
  @type null
</match>
</label>
${kind === "a label" ? "<label @NEW>\n<match **>\n@type null\n</match>\n</label>" : ""}
`;
}

/** Sends its frames again, with the same bytes, whenever the connection ends; knows which were acked. */
class StubbornSender {
  readonly acked = new Set<number>();
  readonly #port: number;
  readonly #frames = new Map<number, { readonly chunk: string; readonly bytes: Buffer }>();
  #client: ForwardClient | undefined;
  #next = 0;

  constructor(port: number) {
    this.#port = port;
  }

  get sent(): number {
    return this.#next;
  }

  send(): void {
    const n = this.#next++;
    const chunk = createChunkId(systemClock).toString("base64");
    const frame = { chunk, bytes: encodeFrame("Message", "t.a", [{ seconds: 1_700_000_000, record: { n } }], chunk) };
    this.#frames.set(n, frame);
    this.#client?.send(frame.bytes);
    if (this.#client) void this.#wait(this.#client, n, chunk);
  }

  /** Connects, and goes on connecting while anything is unacked. */
  async run(): Promise<void> {
    for (;;) {
      const client = await ForwardClient.open(this.#port).catch(() => undefined);
      if (!client) continue;
      this.#client = client;
      for (const { bytes } of this.#frames.values()) client.send(bytes);
      const waits = [...this.#frames].map(([n, { chunk }]) => this.#wait(client, n, chunk));
      await Promise.race([client.acked("never").catch(() => {}), Promise.all(waits).then(() => this.#drained())]);
      this.#client = undefined;
      if (this.#isEnding && this.#frames.size === 0) return client.close();
    }
  }

  #isEnding = false;
  #end = () => {};

  end(): void {
    this.#isEnding = true;
    this.#end();
  }

  #drained(): Promise<void> {
    if (this.#isEnding && this.#frames.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#end = () => void (this.#isEnding && this.#frames.size === 0 && resolve());
    });
  }

  async #wait(client: ForwardClient, n: number, chunk: string): Promise<void> {
    try {
      await client.acked(chunk);
      this.#frames.delete(n);
      this.acked.add(n);
      this.#end();
    } catch {
      // The connection ended; the next one sends it again.
    }
  }
}

async function reloads(context: TestContext, receiver: "away" | "silent"): Promise<void> {
  const folder = temporaryFolder();
  const [port, receiverPort] = [await freePort(), await freePort()];
  const path = join(folder, "agent.conf");
  const write = (kind: Kind) => writeFileSync(path, configuration(port, receiverPort, folder, kind));
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => void sockets.add(socket.on("error", () => {}).resume()));
  if (receiver === "silent") silent.listen(receiverPort, "127.0.0.1");
  write("nothing");
  const agent = await startSuiro(path);
  context.after(() => agent.stop("SIGKILL"));
  const sender = new StubbornSender(port);
  const running = sender.run();
  let count = 2;
  for (const [round, kind] of [...KINDS, ...KINDS].entries()) {
    for (let n = 0; n < 5; n++) sender.send();
    write(kind);
    agent.kill(round % 2 === 0 ? "SIGHUP" : "SIGUSR2");
    count += 1;
    await agent.waitFor((output) => output.split("fluentd worker is now running").length === count);
  }
  assert.equal(sender.acked.size, 0, "nobody has the events yet");
  silent.close();
  for (const socket of sockets) socket.destroy();
  const collector = new CollectingReceiver();
  collector.port = receiverPort;
  await collector.start();
  context.after(() => collector.stop());
  sender.end();
  await running;
  assert.equal(sender.acked.size, sender.sent);
  const counts = new Map<unknown, number>();
  for (const { record } of collector.distinctEvents) counts.set(record.n, (counts.get(record.n) ?? 0) + 1);
  assert.deepEqual([...counts.keys()].length, sender.sent);
  assert.deepEqual(
    [...counts].filter(([, times]) => times > 1),
    [],
  );
}

test("while the receiver is away", (context) => reloads(context, "away"));

test("while the receiver takes all and says nothing", (context) => reloads(context, "silent"));
