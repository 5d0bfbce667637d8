import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { lookupService } from "node:dns/promises";
import { once } from "node:events";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { crc32, gzipSync } from "node:zlib";
import { ConfigError } from "../../../src/errors.ts";
import { encode } from "../../../src/event/msgpack.ts";
import { encodePing, readHelo, verifyPong } from "../../../src/forward-protocol/handshake.ts";
import {
  configElement,
  createForwardInput,
  type RunningInput,
  startForwardInput,
  TestPeer,
} from "../../support/forward-input.ts";
import { ack, array, bin, entry, eventTime, forward, message, packed } from "../../support/forward-messages.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const entries = [entry(eventTime(1_700_000_000, 1), { n: 1 }), entry(1_700_000_001, { n: 2 })];
const body = Buffer.concat(entries);

/** Sends a heartbeat; gives the answer. */
async function heartbeat(t: TestContext, port: number): Promise<Buffer> {
  const socket = createSocket("udp4");
  t.after(() => socket.close());
  socket.send(Buffer.from([0]), port, "127.0.0.1");
  const [answer] = await once(socket, "message");
  return answer;
}

for (const [name, build] of Object.entries({
  Message: (option: unknown) => message("t.a", 1_700_000_001, { n: 2 }, option),
  Forward: (option: unknown) => forward("t.a", entries, option),
  "PackedForward as str": (option: unknown) => packed("t.a", entries, option),
  "PackedForward as bin": (option: unknown) => array("t.a", bin(body), option),
  "PackedForward with compressed text": (option: unknown) =>
    packed("t.a", entries, option && { ...(option as object), compressed: "text" }),
  gzip: (option: unknown) => array("t.a", bin(gzipSync(body)), { ...(option as object), compressed: "gzip" }),
})) {
  test(`${name} is emitted and its chunk acked byte for byte`, async (t) => {
    const { connect, emitter } = await startForwardInput(t);
    const peer = await connect();
    const expected =
      name === "Message" ? [`t.a ${entries[1]?.toString("hex")}`] : entries.map((e) => `t.a ${e.toString("hex")}`);
    for (const chunk of ["p8n9gmxTQVC8/nh2wlKKeQ==\n", 7, new Uint8Array([0, 255, 10])]) {
      emitter.batches.length = 0;
      peer.send(build({ chunk }));
      const reply = ack(encode(chunk));
      assert.deepEqual(await peer.take(reply.length), reply);
      assert.deepEqual(emitter.entries, expected);
    }
    emitter.batches.length = 0;
    peer.send(build(null));
    await emitter.waitFor(() => emitter.batches.length === 1);
    assert.deepEqual(emitter.entries, expected);
    assert.equal(peer.received.length, 0);
  });
}

test("a gzip body is handed on as it came, beside its plain entries", async (t) => {
  const { connect, emitter } = await startForwardInput(t);
  const compressed = Buffer.concat(entries.map((e) => gzipSync(e)));
  (await connect()).send(array("t", bin(compressed), { compressed: "gzip" }));
  await emitter.waitFor(() => emitter.batches.length === 1);
  const [{ events }] = emitter.batches as [(typeof emitter.batches)[0]];
  assert.deepEqual(events.compressed, { method: "gzip", bytes: compressed });
  assert.deepEqual(events.packed, body);
});

for (const [ackAfter, acked, unacked] of [
  [undefined, "synced", undefined],
  ["written", undefined, undefined],
  ["delivered", "delivered", "delivered"],
] as const) {
  test(`ack_after ${ackAfter ?? "by default"} is what events with an ack wait for, and those without one`, async (t) => {
    const { connect, emitter } = await startForwardInput(t, { values: ackAfter ? { ack_after: ackAfter } : {} });
    const peer = await connect();
    peer.send(forward("acked", entries, { chunk: "c" }));
    await peer.take(ack("c").length);
    peer.send(forward("unacked", entries, null));
    await emitter.waitFor(() => emitter.batches.length === 2);
    assert.deepEqual(
      emitter.batches.map(({ origin }) => origin?.ackAfter),
      [acked, unacked],
    );
  });
}

test("events have the checksum of their own bytes or none, whatever came before them", async (t) => {
  const { connect, emitter } = await startForwardInput(t, { values: { resend_ids: "all" } });
  const peer = await connect();
  const large = entry(1_700_000_001, { text: "x".repeat(70_000) });
  const odd = entry(1_700_000_001.5, { text: "its time is rewritten" });
  let chunks = 0;
  const build = [
    (option: unknown) => packed("t", entries, option),
    (option: unknown) => packed("t", [large], option),
    (option: unknown) => packed("t", [odd, ...entries], option),
    (option: unknown) => forward("t", entries, option),
    (option: unknown) => message("t", 1_700_000_001, { n: chunks }, option),
    (option: unknown) => array("t", bin(gzipSync(large)), { ...(option as object), compressed: "gzip" }),
  ];
  const kinds = build.flatMap((make) => [() => make({ chunk: `chunk ${chunks++}` }), () => make(null)]);
  for (const first of kinds) {
    for (const second of kinds) {
      peer.send(first(), second(), packed("end", entries));
      await emitter.waitFor(() => emitter.batches.at(-1)?.tag === "end");
      for (const { events } of emitter.batches) {
        assert.equal(events.checksum ?? crc32(events.packed), crc32(events.packed));
      }
      emitter.batches.length = 0;
    }
  }
  peer.send(packed("t", entries, { chunk: "a" }), packed("t", entries, { chunk: "b" }));
  await emitter.waitFor(() => emitter.batches.length === 1);
  assert.notEqual(emitter.batches[0]?.events.checksum, undefined); // what was summed up is not read again
});

test("messages of one tag in one read become one emit, and each keeps its ack", async (t) => {
  const { connect, emitter } = await startForwardInput(t);
  const peer = await connect();
  const messages = ["a", "a", "b", "a"].map((tag, n) => message(tag, 1_700_000_001, { n }, { chunk: `c${n}` }));
  peer.send(...messages);
  const replies = Buffer.concat([0, 1, 2, 3].map((n) => ack(`c${n}`)));
  assert.deepEqual(await peer.take(replies.length), replies);
  assert.deepEqual(
    emitter.batches.map(({ tag, events }) => `${tag} ${events.size}`),
    ["a 2", "b 1", "a 1"],
  );
});

test("a chunk that comes while events before it are on their way is not acked with them", async (t) => {
  const { connect, emitter } = await startForwardInput(t);
  emitter.hold = true;
  const peer = await connect();
  peer.send(message("t", 5, {}));
  await emitter.waitFor(() => emitter.held.length === 1);
  peer.send(message("t", 6, {}, { chunk: "x" }));
  await emitter.waitFor(() => emitter.held.length === 2);
  emitter.held[0]?.resolve();
  peer.send(message("t", 7, {}, { chunk: "y" }));
  await emitter.waitFor(() => emitter.held.length === 3);
  emitter.held[2]?.resolve();
  assert.deepEqual(await peer.take(7), ack("y"));
  emitter.held[1]?.resolve();
  assert.deepEqual(await peer.take(7), ack("x"));
});

test("JSON text is understood, and acked in JSON", async (t) => {
  const { connect, emitter } = await startForwardInput(t);
  const peer = await connect();
  peer.send(Buffer.from('["t.a",1700000000,{"k":"v"},{"chunk":"p8n9gmxTQVC8/nh2wlKKeQ=="}]\n["t.a",[[5,{"k":1.5}]]]'));
  assert.equal((await peer.take(34)).toString(), '{"ack":"p8n9gmxTQVC8/nh2wlKKeQ=="}');
  assert.deepEqual(emitter.events, ['t.a 1700000000 {"k":"v"}', 't.a 5 {"k":1.5}']);
});

test("tag, add_tag_prefix and source fields are applied", async (t) => {
  const { connect, emitter } = await startForwardInput(t, {
    values: { tag: "mine", add_tag_prefix: "up", source_address_key: "addr", source_hostname_key: "host" },
  });
  const peer = await connect();
  peer.send(message("x", 5, { k: 1 }), packed("y", [entry(6, { addr: "old" })]), message(7, 7, {}));
  await emitter.waitFor(() => emitter.events.length === 3);
  const { hostname } = await lookupService("127.0.0.1", 0);
  const host = JSON.stringify(hostname);
  assert.deepEqual(emitter.events, [
    `up.mine 5 {"k":1,"addr":"127.0.0.1","host":${host}}`,
    `up.mine 6 {"addr":"127.0.0.1","host":${host}}`,
    `up.mine 7 {"addr":"127.0.0.1","host":${host}}`,
  ]);
});

test("events that no retry can mend are dropped, counted and acked", async (t) => {
  const { connect, emitter, counters, log } = await startForwardInput(t);
  const peer = await connect();
  const messages = [
    message("t", 5, null, { chunk: "1" }),
    packed("t", [entry(5, "no map"), entry(6, { ok: 1 })], { chunk: "2" }),
    message(9, 5, {}, { chunk: "3" }),
    packed("t", [entry(5, {}), entry(6, {})], { chunk: "4", fluent_signal: 1 }),
    packed("bad\ntag", entries, { chunk: "5" }),
  ];
  const acked = new Set<string>();
  peer.send(...messages);
  for (let n = 0; n < messages.length; n++) acked.add((await peer.take(ack("1").length)).toString("latin1"));
  assert.deepEqual(
    [...acked].sort(),
    ["1", "2", "3", "4", "5"].map((n) => ack(n).toString("latin1")),
  );
  assert.deepEqual(emitter.events, ['t 6 {"ok":1}']);
  assert.equal(counters.get("dropped_events", "invalid_event"), 2);
  assert.equal(counters.get("dropped_events", "invalid_tag"), 3);
  assert.equal(counters.get("dropped_events", "fluent_signal"), 1);
  assert.ok(!log.join().includes("no map"));
});

test("a truncated body is acked for the events before the tear", async (t) => {
  const { connect, emitter, counters } = await startForwardInput(t);
  const peer = await connect();
  peer.send(packed("t", body.subarray(0, body.length - 1), { chunk: "x" }));
  assert.deepEqual(await peer.take(7), ack("x"));
  assert.equal(emitter.events.length, 1);
  assert.equal(counters.get("protocol_errors", "truncated_entries"), 1);
});

test("bodies without a single event are acked, compressed or not", async (t) => {
  const { connect, emitter } = await startForwardInput(t);
  const peer = await connect();
  const nothing = Buffer.alloc(0);
  peer.send(
    array("t", bin(nothing), { chunk: "a" }),
    array("t", bin(nothing), { chunk: "b", compressed: "gzip" }),
    array("t", bin(gzipSync(nothing)), { chunk: "c", compressed: "gzip" }),
  );
  assert.deepEqual(await peer.take(21), Buffer.concat(["a", "b", "c"].map(ack)));
  assert.equal(emitter.batches.length, 0);
});

test("nil and an empty array are ignored", async (t) => {
  const { connect, emitter, log } = await startForwardInput(t);
  const peer = await connect();
  peer.send(Buffer.from([0xc0, 0x90]), message("t", 5, {}, { chunk: "x" }));
  assert.deepEqual(await peer.take(7), ack("x"));
  assert.equal(emitter.events.length, 1);
  assert.ok(!log.join().includes("broken"));
});

test("chunk_size_limit drops without an ack and keeps the connection; chunk_size_warn_limit warns", async (t) => {
  const { connect, emitter, log } = await startForwardInput(t, {
    values: { chunk_size_limit: "100", chunk_size_warn_limit: "50" },
  });
  const peer = await connect();
  const sized = (size: number, chunk: string) => message("t", 5, { k: "x".repeat(size) }, { chunk });
  peer.send(sized(200, "a"), sized(60, "b"), sized(1, "c"));
  assert.deepEqual(await peer.take(14), Buffer.concat([ack("b"), ack("c")]));
  assert.equal(emitter.events.length, 2);
  assert.match(log.join(), /larger than 'chunk_size_limit', dropped:/);
  assert.match(log.join(), /larger than 'chunk_size_warn_limit':/);
});

test("deny_keepalive closes after the first message, once it is acked", async (t) => {
  const { connect, emitter } = await startForwardInput(t, { values: { deny_keepalive: "true" } });
  const peer = await connect();
  peer.send(message("t", 5, {}, { chunk: "x" }), message("t", 6, {}, { chunk: "y" }));
  assert.deepEqual(await peer.ended(), ack("x"));
  assert.equal(emitter.events.length, 1);
});

/** Lets the input see everything that was sent before, on any connection: two round trips of another client. */
async function settle({ connect, emitter }: RunningInput): Promise<void> {
  const other = await connect();
  for (let round = 0; round < 2; round++) {
    const before = emitter.batches.length;
    other.send(message("other", 5, {}));
    await emitter.waitFor(() => emitter.batches.length > before);
  }
}

test("a client that sends and ends its side at once still gets its ack", async (t) => {
  const running = await startForwardInput(t);
  const { connect, emitter } = running;
  emitter.hold = true;
  const peer = await connect({ allowHalfOpen: true });
  peer.socket.end(message("t", 5, {}, { chunk: "x" }));
  await emitter.waitFor(() => emitter.held.length === 1);
  await settle(running);
  emitter.held[0]?.resolve();
  assert.deepEqual(await peer.ended(), ack("x"));
});

test("the same over TLS, with heartbeats still over UDP", async (t) => {
  const transport = configElement("transport", { insecure: "true" }, [], "tls");
  const { port, emitter } = await startForwardInput(t, { children: [transport] });
  emitter.hold = true;
  const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, allowHalfOpen: true } as object);
  t.after(() => socket.destroy());
  await once(socket, "secureConnect");
  const peer = new TestPeer(socket);
  socket.end(message("t", 5, {}, { chunk: "x" }));
  await emitter.waitFor(() => emitter.held.length === 1);
  for (let beat = 0; beat < 3; beat++) assert.deepEqual(await heartbeat(t, port), Buffer.from([0]));
  emitter.held[0]?.resolve();
  assert.deepEqual(await peer.ended(), ack("x"));
});

test("an emit that fails closes the connection without an ack", async (t) => {
  const { connect, emitter, log, counters } = await startForwardInput(t);
  emitter.hold = true;
  const peer = await connect();
  peer.send(message("t", 5, {}, { chunk: "x" }));
  await emitter.waitFor(() => emitter.held.length === 1);
  emitter.held[0]?.reject(new Error("buffer space has too many data"));
  assert.equal((await peer.ended()).length, 0);
  assert.match(log.join(), /emit transaction failed/);
  assert.equal(counters.get("protocol_errors", "emit_failed"), 1);
});

test("stop finishes emits in hand, writes their acks, and takes no more", async (t) => {
  const { input, connect, emitter } = await startForwardInput(t);
  emitter.hold = true;
  const peer = await connect();
  peer.send(message("t", 5, {}, { chunk: "x" }));
  await emitter.waitFor(() => emitter.held.length === 1);
  const stopped = input.stop(new AbortController().signal);
  peer.send(message("t", 6, {}, { chunk: "y" }));
  emitter.held[0]?.resolve();
  assert.deepEqual(await peer.ended(), ack("x"));
  await stopped;
  await input.stop(new AbortController().signal);
  assert.equal(emitter.batches.length, 1);
});

test("stop lets go at the deadline, and the chunk stays with the sender", async (t) => {
  const { input, connect, emitter } = await startForwardInput(t);
  emitter.hold = true;
  const peer = await connect();
  peer.send(message("t", 5, {}, { chunk: "x" }));
  await emitter.waitFor(() => emitter.held.length === 1);
  await input.stop(AbortSignal.abort());
  assert.equal((await peer.ended()).length, 0);
});

const security = (values: Record<string, string> = {}, children: ReturnType<typeof configElement>[] = []) =>
  configElement("security", { self_hostname: "server", shared_key: "sekrit", ...values }, children);
const identity = { selfHostname: "client", sharedKey: "sekrit", username: "", password: "" };
const HELO_BYTES = 65;

test("with security a client proves itself before its first message", async (t) => {
  const { connect, emitter, log } = await startForwardInput(t, { children: [security()] });
  const peer = await connect();
  const helo = readHelo(await peer.take(HELO_BYTES));
  assert.ok(helo.keepalive);
  assert.ok(helo.auth.length > 0);
  peer.send(encodePing(helo, "salt", identity), message("t", 5, {}, { chunk: "x" }));
  const replies = await peer.take(152);
  verifyPong(replies.subarray(0, 145), helo, "salt", identity);
  assert.deepEqual(replies.subarray(145), ack("x"));
  assert.equal(emitter.events.length, 1);
  assert.ok(!log.join().includes("sekrit"));
});

test("a wrong key gets PONG false, then the end, and nothing is emitted", async (t) => {
  const { connect, emitter, log, counters } = await startForwardInput(t, { children: [security()] });
  const peer = await connect();
  const helo = readHelo(await peer.take(HELO_BYTES));
  peer.send(encodePing(helo, "salt", { ...identity, sharedKey: "guess" }), message("t", 5, {}));
  assert.deepEqual(await peer.ended(), encode(["PONG", false, "shared_key mismatch", "", ""]));
  assert.equal(emitter.batches.length, 0);
  assert.match(log.join(), /Shared key mismatch/);
  assert.equal(counters.get("connections_refused", "handshake"), 1);
});

test("deny_keepalive says so in HELO", async (t) => {
  const { connect } = await startForwardInput(t, { values: { deny_keepalive: "true" }, children: [security()] });
  assert.equal(readHelo(await (await connect()).take(HELO_BYTES)).keepalive, false);
});

test("JSON is no way around the handshake", async (t) => {
  const { connect, emitter } = await startForwardInput(t, { children: [security()] });
  const peer = await connect();
  await peer.take(HELO_BYTES);
  peer.send(Buffer.from('["t.a",1700000000,{"k":"v"}]'));
  assert.deepEqual(await peer.ended(), encode(["PONG", false, "invalid ping message", "", ""]));
  assert.equal(emitter.batches.length, 0);
});

test("a client that has not proved itself in time is cut off", async (t) => {
  const clock = new ManualClock();
  const { connect, counters } = await startForwardInput(t, { children: [security()], clock });
  const peer = await connect();
  await peer.take(HELO_BYTES);
  clock.advance(5_000);
  await peer.ended();
  assert.equal(counters.get("protocol_errors", "handshake_timeout"), 1);
});

test("a UDP heartbeat is answered with one byte 00 on the same port", async (t) => {
  const { port } = await startForwardInput(t);
  assert.deepEqual(await heartbeat(t, port), Buffer.from([0]));
});

test("a port in use is named, with what to do", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  const { port } = other.address() as { port: number };
  const { input } = createForwardInput({ values: { port: String(port) } });
  await assert.rejects(input.start(), new RegExp(`cannot listen on 127.0.0.1:${port} .*EADDRINUSE; another process`));
});

test("while a message waits for its decompression, reads of others do not touch it or what came behind it", async (t) => {
  const { connect, emitter } = await startForwardInput(t);
  const first = await connect();
  const second = await connect();
  // More comes out than is decompressed at once; all of it lies in one read.
  const large = entry(5, { text: "x".repeat(2 * 1024 * 1024) });
  const compressed = { compressed: "gzip" };
  for (let round = 0; round < 5; round++) {
    emitter.batches.length = 0;
    first.send(
      array("t.gzip", bin(gzipSync(large)), { chunk: "gzip", ...compressed }),
      message("t.behind", 6, { round }, { chunk: "behind" }),
    );
    const others = Array.from({ length: 200 }, (_, n) => message("t.other", 7, { n, pad: "y".repeat(200) }));
    second.send(...others, message("t.other", 8, {}, { chunk: "other" }));
    const acks = Buffer.concat([ack("gzip"), ack("behind")]);
    assert.deepEqual(await first.take(acks.length), acks);
    assert.deepEqual(await second.take(ack("other").length), ack("other"));
    const entriesOf = (tag: string) => emitter.entries.filter((each) => each.startsWith(`${tag} `));
    assert.deepEqual(entriesOf("t.gzip"), [`t.gzip ${large.toString("hex")}`]);
    assert.deepEqual(entriesOf("t.behind"), [`t.behind ${entry(6, { round }).toString("hex")}`]);
    assert.equal(entriesOf("t.other").length, 201);
  }
});

test("connections beyond connection_limit are refused", async (t) => {
  const { connect, counters } = await startForwardInput(t, { values: { connection_limit: "1" } });
  const first = await connect();
  const second = await connect();
  await second.ended();
  first.send(message("t", 5, {}, { chunk: "x" }));
  assert.deepEqual(await first.take(7), ack("x"));
  assert.equal(counters.get("connections_refused", "connection_limit"), 1);
});

const refusals: [string, RegExp, Record<string, string>, ReturnType<typeof configElement>[]?][] = [
  [
    "resolve_hostname false with a name key",
    /resolve_hostname must be true with source_hostname_key/,
    { source_hostname_key: "h", resolve_hostname: "false" },
  ],
  ["an empty tag", /'tag' parameter must not be empty/, { tag: "" }],
  ["an empty prefix", /'add_tag_prefix' parameter must not be empty/, { add_tag_prefix: "" }],
  [
    "keepalive packets for connections that are not kept",
    /both 'send_keepalive_packet' and 'deny_keepalive' cannot be set to true/,
    { send_keepalive_packet: "true", deny_keepalive: "true" },
  ],
  ["a port that is none", /'port' is 70000/, { port: "70000" }],
  ["user_auth without users", /<user> sections required if user_auth enabled/, {}, [security({ user_auth: "true" })]],
  [
    "no anonymous source, and no client",
    /<client> sections required if allow_anonymous_source disabled/,
    {},
    [security({ allow_anonymous_source: "false" })],
  ],
  [
    "a client with host and network",
    /both of 'host' and 'network' are specified for client/,
    {},
    [security({}, [configElement("client", { host: "a", network: "10.0.0.0/8" })])],
  ],
  [
    "a client with neither",
    /Either of 'host' and 'network' must be specified for client/,
    {},
    [security({}, [configElement("client")])],
  ],
  [
    "a network that is none",
    /network '10.0.0\/8' address format is invalid/,
    {},
    [security({}, [configElement("client", { network: "10.0.0/8" })])],
  ],
  ["an empty shared key", /'shared_key' must not be empty/, {}, [security({ shared_key: "" })]],
  [
    "security without a key",
    /'shared_key' parameter is required/,
    {},
    [configElement("security", { self_hostname: "server" })],
  ],
];
for (const [name, expected, values, children = []] of refusals) {
  test(`the configuration is refused: ${name}`, () => {
    assert.throws(
      () => createForwardInput({ values, children }),
      (error) =>
        error instanceof ConfigError && expected.test(error.message) && error.message.startsWith("test.conf:1: "),
    );
  });
}

test("a client host that has no address is refused at start", async () => {
  const client = configElement("client", { host: "no-such-host.invalid" });
  const { input } = createForwardInput({ children: [security({}, [client])] });
  await assert.rejects(input.start(), /host 'no-such-host.invalid' cannot be resolved/);
});

test("back-pressure: beyond unacked_limit the socket is not read until outputs have caught up", async (t) => {
  const { connect, emitter } = await startForwardInput(t, { values: { unacked_limit: "100000" } });
  emitter.hold = true;
  const peer = await connect();
  const one = packed("t", Buffer.concat(Array(100).fill(entry(5, { text: "x".repeat(1000) }))));
  const count = 200;
  for (let sent = 0; sent < count; sent++) peer.socket.write(one);
  await emitter.waitFor(() => emitter.batches.length === 1);
  const other = await connect();
  for (let round = 1; round <= 100; round++) {
    other.send(message("other", 5, {}));
    await emitter.waitFor(() => emitter.batches.length === 1 + round);
  }
  assert.deepEqual(new Set(emitter.batches.slice(1).map(({ tag }) => tag)), new Set(["other"]));
  const readEvents = () => emitter.batches.reduce((sum, { tag, events }) => sum + (tag === "t" ? events.size : 0), 0);
  emitter.hold = false;
  for (const { resolve } of emitter.held) resolve();
  await emitter.waitFor(() => readEvents() === count * 100);
});
