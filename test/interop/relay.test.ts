/**
 * The relay as its users run it: their fluentd configuration, applications on one side, a real fluentd behind TLS on the
 * other. The oracle is fluentd itself, run in Suiro's place with the same configuration and the same input.
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ChildProgram } from "../support/child-program.ts";
import { startFluentd, withoutFluentd } from "../support/fluentd.ts";
import { encodeFrame, ForwardClient, MODES, type TestEvent } from "../support/forward-client.ts";
import { freePort } from "../support/free-port.ts";
import { startSuiro } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const agents = { suiro: startSuiro, fluentd: startFluentd } as const;

test("the user's configuration, unchanged, brings what fluentd would have brought", {
  skip: withoutFluentd,
}, async (context) => {
  const relayed: Record<string, string[]> = {};
  for (const [name, startAgent] of Object.entries(agents)) {
    const receiver = await startReceiver(context);
    const agent = await startAgentWith(context, startAgent, usersConfig, receiver.port);
    const client = await ForwardClient.open(agent.port);
    for (const mode of MODES) {
      const batches = mode === "Message" ? EVENTS.map((event) => [event]) : [EVENTS];
      for (const [index, batch] of batches.entries()) {
        const chunk = `${mode}-${index}`;
        client.send(encodeFrame(mode, `hoge${mode}`, batch, chunk));
        await client.acked(chunk);
      }
    }
    client.send(encodeFrame("Message", "other.tag", [{ seconds: 1_700_000_000, record: { not: "matched" } }], "other"));
    await client.acked("other");
    client.close();
    agent.program.kill("SIGUSR1");
    relayed[name] = await receiver.lines((lines) => lines.length >= MODES.length * EVENTS.length);
  }
  assert.deepEqual(relayed.suiro, relayed.fluentd);
  assert.equal(relayed.suiro?.length, MODES.length * EVENTS.length);
});

test("nothing of an event can be read on the wire", { skip: withoutFluentd }, async (context) => {
  const receiver = await startReceiver(context);
  const tap = await startTap(context, receiver.port);
  const agent = await startAgentWith(context, startSuiro, usersConfig, tap.port);
  const client = await ForwardClient.open(agent.port);
  const event = { seconds: 1_700_000_000, record: { message: "a-secret-that-must-not-show" } };
  client.send(encodeFrame("PackedForward", "hogeWire", [event], "c"));
  await client.acked("c");
  client.close();
  agent.program.kill("SIGUSR1");
  await receiver.lines((lines) => lines.length >= 1);
  const bytes = tap.captured().toString("latin1");
  assert.ok(bytes.length > 200, "the capture is empty");
  assert.ok(!bytes.includes("a-secret") && !bytes.includes("hogeWire"), "plain text on the wire");
});

test("fluentd's own sender with shared key, user, TLS and acks is served, and so is its receiver", {
  skip: withoutFluentd,
}, async (context) => {
  const receiver = await startReceiver(context, security("receiver"));
  const relayPort = await freePort();
  const relay = await startAgentWith(
    context,
    startSuiro,
    (port, upstream) => securedSource(port, "relay") + securedMatch(upstream, "relay", true),
    receiver.port,
    relayPort,
  );
  const sender = await startAgentWith(
    context,
    startFluentd,
    (port, upstream) => plainSource(port) + securedMatch(upstream, "sender", false),
    relay.port,
  );
  const client = await ForwardClient.open(sender.port);
  client.send(encodeFrame("Forward", "secured.tag", EVENTS, "c"));
  await client.acked("c");
  client.close();
  const lines = await receiver.lines((all) => all.length >= EVENTS.length);
  assert.equal(lines.length, EVENTS.length);
  assert.match(lines.join("\n"), /secured\.tag: .*"text":"水路"/);
});

/** Records of every kind of value that msgpack and logs have. */
const EVENTS: readonly TestEvent[] = [
  { seconds: 1_700_000_000, nanoseconds: 1, record: { text: "水路", empty: "", nil: null, yes: true, no: false } },
  { seconds: 1_700_000_000, nanoseconds: 999_999_999, record: { int: 1, negative: -129, big: 9_007_199_254_740_991 } },
  { seconds: 1_700_000_001, record: { float: 1.5, small: 1e-9, nested: { a: [1, { b: [] }], "a.b": {} } } },
  { seconds: 1_700_000_002, nanoseconds: 0, record: { long: "0123456789".repeat(7_000) } },
  { seconds: 1_700_000_003, nanoseconds: 123_000_000, record: {} },
];

interface Receiver {
  readonly port: number;
  /** Waits until the lines received satisfy `enough`, then gives them all: `time tag: {json}`. */
  lines(enough: (lines: string[]) => boolean): Promise<string[]>;
}

/** A real fluentd that listens with TLS and a certificate of its own, and prints what comes. */
async function startReceiver(context: TestContext, extra = ""): Promise<Receiver> {
  const port = await freePort();
  const program = await startFluentd(
    writeConfig(
      `<source>\n  @type forward\n  port ${port}\n  bind 127.0.0.1\n` +
        `  <transport tls>\n    insecure true\n  </transport>\n${extra}</source>\n` +
        "<match fluent.**>\n  @type null\n</match>\n<match **>\n  @type stdout\n</match>\n",
    ),
  );
  context.after(() => program.stop("SIGKILL"));
  const received = (output: string) =>
    output.split("\n").filter((line) => /^\d{4}-\S+ \S+ \S+ \S+: \{.*\}$/.test(line));
  return {
    port,
    lines: async (enough) => received(await program.waitFor((output) => enough(received(output)))),
  };
}

async function startAgentWith(
  context: TestContext,
  start: (configPath: string) => Promise<ChildProgram>,
  config: (port: number, receiverPort: number) => string,
  receiverPort: number,
  port?: number,
): Promise<{ program: ChildProgram; port: number }> {
  const listen = port ?? (await freePort());
  const program = await start(writeConfig(config(listen, receiverPort)));
  context.after(() => program.stop("SIGKILL"));
  return { program, port: listen };
}

function writeConfig(text: string): string {
  const path = join(temporaryFolder(), "fluent.conf");
  writeFileSync(path, text);
  return path;
}

/** The configuration that the project exists for; only hosts and ports differ. */
const usersConfig = (port: number, receiverPort: number) => `
<source>
  @type forward
  port ${port}
  bind 127.0.0.1
</source>
<match hoge*>
  @type forward
  transport tls
  tls_insecure_mode true
  <server>
    host 127.0.0.1
    port ${receiverPort}
  </server>
</match>
`;

const security = (hostname: string) => `
  <security>
    self_hostname ${hostname}
    shared_key secret-key
    user_auth true
    <user>
      username alice
      password wonder
    </user>
  </security>
`;

const plainSource = (port: number) => `<source>\n  @type forward\n  port ${port}\n  bind 127.0.0.1\n</source>\n`;

const securedSource = (port: number, hostname: string) =>
  `<source>\n  @type forward\n  port ${port}\n  bind 127.0.0.1\n` +
  `  <transport tls>\n    insecure true\n  </transport>\n${security(hostname)}</source>\n`;

const securedMatch = (port: number, hostname: string, keepalive: boolean) => `
<match secured.**>
  @type forward
  transport tls
  tls_insecure_mode true
  require_ack_response true
  keepalive ${keepalive}
  <security>
    self_hostname ${hostname}
    shared_key secret-key
  </security>
  <server>
    host 127.0.0.1
    port ${port}
    username alice
    password wonder
  </server>
  <buffer tag>
    flush_mode immediate
  </buffer>
</match>
`;

/** Passes bytes on to `target` and keeps what goes there. */
async function startTap(context: TestContext, target: number) {
  const kept: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((inbound) => {
    const outbound = connect(target, "127.0.0.1");
    inbound.on("data", (bytes: Buffer) => kept.push(bytes));
    for (const socket of [inbound, outbound]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    inbound.pipe(outbound).pipe(inbound);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, captured: () => Buffer.concat(kept) };
}
