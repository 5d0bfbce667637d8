import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ConfigError } from "../../../../src/errors.ts";
import { EventTime } from "../../../../src/event/event-time.ts";
import { forwardOutput } from "../../../../src/output/forward/forward.ts";
import {
  createForwardWriter,
  type Sections,
  server,
  startForwardWriter,
  type TestWriter,
  type Values,
} from "../../../support/forward-writer.ts";
import { freePort } from "../../../support/free-port.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { chunkOf } from "../../../support/plain-chunk.ts";
import { acknowledging, scriptedPeer } from "../../../support/scripted-peer.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const chunk = () => chunkOf([{ time: new EventTime(1, 2), record: {} }]);

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(1);
}

// Configuration

for (const [name, values, sections, message] of [
  ["no node", {}, [], /at least one node is required\. Add <server> or <service_discovery>/],
  [
    "host under match",
    { host: "a" },
    [server(1)],
    /'host' parameter is already removed: Use <server> section instead\./,
  ],
  ["port under match", { port: 1 }, [server(1)], /'port' parameter is already removed/],
  [
    "ack_response_timeout 0",
    { ack_response_timeout: 0 },
    [server(1)],
    /ack_response_timeout must be a positive integer/,
  ],
  [
    "udp with round robin",
    { heartbeat_type: "udp", dns_round_robin: true },
    [server(1)],
    /must be 'transport' or 'none'/,
  ],
  ["heartbeat_interval 0", { heartbeat_interval: 0 }, [server(1)], /heartbeat_interval must be more than 0/],
  ["server without host", {}, [["server", { port: 1 }]], /'host' parameter is required, in section server/],
  ["security without key", {}, [server(1), ["security", { self_hostname: "a" }]], /'shared_key' parameter is required/],
  ["port out of range", {}, [server(70000)], /port 70000/],
  ["discovery without type", {}, [["service_discovery", {}]], /<service_discovery> needs @type/],
  ["unknown discovery", {}, [["service_discovery", { "@type": "etcd" }]], /Unknown service discovery plugin 'etcd'/],
  ["unknown compression", { compress: "lz4" }, [server(1)], /valid options are text,gzip,zstd but got lz4/],
] as [string, Values, Sections, RegExp][]) {
  test(`configuration: ${name} is an error`, () => {
    assert.throws(
      () => createForwardWriter(values, sections),
      (error: Error) => error instanceof ConfigError && message.test(error.message),
    );
  });
}

test("configuration: what has no effect is warned of", () => {
  const { log } = createForwardWriter({ heartbeat_type: "tcp", keepalive_timeout: 5 }, [server(1)]);
  const warnings = log.filter(({ level }) => level === "warn").map(({ message }) => message);
  assert.match(warnings.join("\n"), /'heartbeat_type tcp' is deprecated\. use 'transport' instead\./);
  assert.match(warnings.join("\n"), /The value of keepalive_timeout is ignored\./);
});

test("the buffer must have the tag as key, and is compressed as the output is", () => {
  assert.deepEqual(forwardOutput.buffer, { chunkKeys: ["tag"], type: "memory", requiresTag: true });
  assert.equal(forwardOutput.defaultCompression?.({ compress: "gzip" } as never), "gzip");
});

// Start

test("a host that does not resolve stops the start, unless network errors are to be ignored", async (context) => {
  const sections: Sections = [["server", { host: "no.such.host.invalid" }]];
  const { writer } = createForwardWriter({}, sections);
  await assert.rejects(writer.start(), /cannot resolve host no\.such\.host\.invalid.*ignore_network_errors_at_startup/);
  await writer.stop(AbortSignal.abort());
  const lenient = await startForwardWriter(
    context,
    { heartbeat_type: "transport", ignore_network_errors_at_startup: true },
    sections,
  );
  assert.ok(lenient.log.some(({ message }) => message === "failed to resolve node name when configured"));
  assert.equal(lenient.writer.nodes[0]?.isAvailable, false);
});

test("verify_connection_at_startup stops the start when a receiver cannot be reached", async () => {
  const port = await freePort();
  const { writer } = createForwardWriter({ verify_connection_at_startup: true }, [server(port)]);
  await assert.rejects(writer.start(), /forward's connection setting error: .*ECONNREFUSED/);
  await writer.stop(AbortSignal.abort());
});

// Failure detection, with real connections and a clock that is moved by hand

const watched: Values = { heartbeat_type: "transport" };

/** Moves time on by whole heartbeats and lets each one come to its end. */
async function beats({ log }: TestWriter, clock: ManualClock, count: number): Promise<void> {
  for (let beat = 0; beat < count; beat++) {
    const failures = () => log.filter(({ message }) => message === "failed to send heartbeat packet").length;
    const before = failures();
    clock.advance(1000);
    await until(() => failures() > before);
  }
}

test("a node that is dead is detached after 37 seconds, with fluentd's message", async (context) => {
  const clock = new ManualClock();
  const port = await freePort();
  const made = await startForwardWriter(context, watched, [server(port, { name: "west" })], clock);
  await beats(made, clock, 36);
  assert.equal(made.writer.nodes[0]?.isAvailable, true);
  await beats(made, clock, 1);
  await until(() => made.writer.nodes[0]?.isAvailable === false);
  const line = made.log.find(({ message }) => message === "detached forwarding server 'west'");
  assert.equal(line?.level, "warn");
  const { phi, ...fields } = (line?.fields ?? {}) as { phi: number };
  assert.deepEqual(fields, { host: "127.0.0.1", port, phi_threshold: 16 });
  assert.ok(phi > 16 && phi < 16.5);
  await assert.rejects(made.write(chunk()), /no nodes are available \(west: it answers no heartbeats\)/);
});

test("with phi off, hard_timeout detaches", async (context) => {
  const clock = new ManualClock();
  const values = { ...watched, phi_failure_detector: false, hard_timeout: 3 };
  const made = await startForwardWriter(context, values, [server(await freePort())], clock);
  await beats(made, clock, 4);
  await until(() => made.writer.nodes[0]?.isAvailable === false);
  assert.ok(made.log.some(({ message, fields }) => /detached/.test(message) && fields.hard_timeout === true));
});

test("a detached node comes back at the eleventh good heartbeat, and its standby steps down", async (context) => {
  const clock = new ManualClock();
  const port = await freePort();
  const standby = await scriptedPeer(context, acknowledging);
  const values = { ...watched, require_ack_response: true };
  const sections = [server(port), server(standby.port, { standby: true })];
  const made = await startForwardWriter(context, values, sections, clock);
  const [node] = made.writer.nodes;
  await beats(made, clock, 37);
  await until(() => node?.isAvailable === false);
  assert.ok(made.log.some(({ message }) => message === `using standby node 127.0.0.1:${standby.port}`));
  await made.write(chunk());

  const returned = await scriptedPeer(context, acknowledging, port);
  for (let beat = 1; beat <= 11; beat++) {
    assert.equal(node?.isAvailable, false, `before beat ${beat}`);
    clock.advance(1000);
    await until(() => returned.connections.length === beat);
    await returned.connections[beat - 1]?.ended();
  }
  await until(() => node?.isAvailable === true);
  assert.ok(made.log.some(({ message }) => message === `recovered forwarding server '127.0.0.1:${port}'`));
  const before = returned.connections.length;
  for (let count = 0; count < 6; count++) await made.write(chunk());
  assert.equal(returned.connections.length, before + 6);
});

test("a fresh ack is as good as a heartbeat: no connection is made for it", async (context) => {
  const clock = new ManualClock();
  const peer = await scriptedPeer(context, acknowledging);
  const values = { ...watched, require_ack_response: true, keepalive: true };
  const { write, log } = await startForwardWriter(context, values, [server(peer.port)], clock);
  const asked = () => log.filter(({ message }) => message === "sending heartbeat").length;
  clock.advance(500);
  await write(chunk());
  clock.advance(500);
  await until(() => asked() === 1);
  await delay(0);
  assert.equal(peer.connections.length, 1);
  clock.advance(1000);
  await until(() => peer.connections.length === 2);
});

// Service discovery

function writeServices(path: string, ports: readonly number[]): void {
  writeFileSync(path, ports.map((port) => `- host: 127.0.0.1\n  port: ${port}\n`).join(""));
}

function discovery(): { path: string; sections: Sections } {
  const path = join(temporaryFolder(), "sd.yaml");
  return { path, sections: [["service_discovery", { "@type": "file", path }]] };
}

test("a service file that changes brings nodes in and out, and one that is wrong changes nothing", async (context) => {
  const { path, sections } = discovery();
  writeServices(path, [1001, 1002]);
  const { writer, log } = await startForwardWriter(context, {}, sections);
  const ports = () => writer.nodes.map(({ port }) => port).join();
  assert.equal(ports(), "1001,1002");
  const kept = writer.nodes[1];
  writeServices(path, [1002, 1003]);
  await until(() => ports() === "1002,1003");
  assert.equal(writer.nodes[0], kept);
  assert.ok(log.some(({ message }) => message === "Service in: name= 127.0.0.1:1003"));
  assert.ok(log.some(({ message }) => message.endsWith("127.0.0.1:1001") && message.startsWith("Service out: ")));
  writeFileSync(path, "host: x");
  await until(() => log.some(({ message }) => message.startsWith("sd_file: line 1")));
  assert.equal(ports(), "1002,1003");
});

test("a service file that is absent or wrong at first stops the start", async () => {
  const { path, sections } = discovery();
  await assert.rejects(createForwardWriter({}, sections).writer.start(), /sd_file: path=.* not found/);
  writeFileSync(path, "- host: a");
  await assert.rejects(createForwardWriter({}, sections).writer.start(), /Service must have `host` and `port`/);
});

test("services of the static type are nodes beside the servers", async (context) => {
  const service: Sections = [["service", { host: "127.0.0.1", port: 1002, weight: 0 }]];
  const sections: Sections = [server(1001), ["service_discovery", { "@type": "static" }, service]];
  const { writer } = await startForwardWriter(context, {}, sections);
  assert.deepEqual(
    writer.nodes.map(({ port, weight }) => [port, weight]),
    [
      [1001, 60],
      [1002, 0],
    ],
  );
});
