/** Every limit of the forward input at the edge of a small value: what is within passes, what is beyond does not. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { gzipSync } from "node:zlib";
import { encodePing, readHelo } from "../../src/forward-protocol/handshake.ts";
import { FAILED_LOGIN_WINDOW_MS, limitParameters, SWEEP_INTERVAL_MS } from "../../src/input/forward/limits.ts";
import { TestCertificates } from "../support/certificates.ts";
import {
  configElement,
  createForwardInput,
  type RunningInput,
  startForwardInput,
  type TestPeer,
} from "../support/forward-input.ts";
import { ack, entry, forward, message, packed } from "../support/forward-messages.ts";
import { ManualClock } from "../support/manual-clock.ts";

const security = configElement("security", { self_hostname: "server", shared_key: "sekrit" });
const HELO_BYTES = 65;
const refused = (running: RunningInput, reason: string) => running.counters.get("connections_refused", reason);

async function assertAcked(peer: TestPeer, bytes = message("t", 5, { ok: 1 }, { chunk: "ok" })): Promise<void> {
  peer.send(bytes);
  assert.deepEqual(await peer.take(ack("ok").length), ack("ok"));
}

/** Says PING with this key; gives the bytes of the answer. */
async function logIn(peer: TestPeer, sharedKey: string, answerBytes: number): Promise<Buffer> {
  const helo = readHelo(await peer.take(HELO_BYTES));
  peer.send(encodePing(helo, "salt", { selfHostname: "client", sharedKey, username: "", password: "" }));
  return peer.take(answerBytes);
}

test("address_connection_limit: one more is closed at once, and the place of one that left is free", async (t) => {
  const running = await startForwardInput(t, { values: { address_connection_limit: "2" } });
  const [first, second] = [await running.connect(), await running.connect()];
  await assertAcked(first);
  await assertAcked(second);
  assert.equal((await (await running.connect()).ended()).length, 0);
  assert.equal(refused(running, "address_connection_limit"), 1);
  first.socket.end();
  await first.ended();
  await assertAcked(await running.connect());
});

test("address_connection_limit counts before TLS, and forgets connections whose TLS failed", async (t) => {
  const certificates = await TestCertificates.create();
  t.after(() => certificates.remove());
  const { certificatePath, privateKeyPath } = await certificates.server();
  const values = { cert_path: certificatePath, private_key_path: privateKeyPath };
  const transport = configElement("transport", values, [], "tls");
  const running = await startForwardInput(t, { values: { address_connection_limit: "1" }, children: [transport] });
  for (let round = 0; round < 3; round++) {
    const stranger = await running.connect();
    stranger.send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
    await stranger.ended();
    await once(stranger.socket, "close");
  }
  const held = await running.connect();
  await (await running.connect()).ended();
  assert.equal(refused(running, "address_connection_limit"), 1);
  held.socket.destroy();
  for (;;) {
    // The place is free once the server has seen the end of `held`.
    const socket = connectTls({ port: running.port, host: "127.0.0.1", ca: certificates.authority.certificatePem });
    t.after(() => socket.destroy());
    const [result] = await Promise.race([
      once(socket, "secureConnect").then(() => ["in"]),
      once(socket, "close"),
    ]).catch(() => ["out"]);
    if (result !== "in") continue;
    socket.write(message("t", 5, { ok: 1 }, { chunk: "ok" }));
    const [answer] = await once(socket, "data");
    assert.deepEqual(answer, ack("ok"));
    break;
  }
});

test("failed_login_limit: behind so many wrong keys an address is refused, for the rest of the minute", async (t) => {
  const clock = new ManualClock();
  const running = await startForwardInput(t, { values: { failed_login_limit: "2" }, children: [security], clock });
  for (const _ of [1, 2]) {
    const peer = await running.connect();
    await logIn(peer, "guess", 1);
    await peer.ended();
  }
  assert.equal((await (await running.connect()).ended()).length, 0);
  assert.equal(refused(running, "failed_login_limit"), 1);
  clock.advance(FAILED_LOGIN_WINDOW_MS);
  const peer = await running.connect();
  assert.equal((await logIn(peer, "sekrit", 1)).length, 1);
});

test("failed_login_limit: who shares the address of a good client is not shut out", async (t) => {
  const running = await startForwardInput(t, { values: { failed_login_limit: "2" }, children: [security] });
  await logIn(await running.connect(), "sekrit", 1);
  for (const _ of [1, 2, 3]) {
    const peer = await running.connect();
    await logIn(peer, "guess", 1);
    await peer.ended();
  }
  assert.equal((await logIn(await running.connect(), "sekrit", 1)).length, 1);
});

test("failed_login_limit: garbage and silence are failed handshakes, too", async (t) => {
  const clock = new ManualClock();
  const running = await startForwardInput(t, { values: { failed_login_limit: "2" }, children: [security], clock });
  const garbage = await running.connect();
  garbage.send(Buffer.from([0xc1]));
  await garbage.ended();
  const silent = await running.connect();
  await silent.take(HELO_BYTES);
  clock.advance(5000);
  await silent.ended();
  assert.equal((await (await running.connect()).ended()).length, 0);
  assert.equal(refused(running, "failed_login_limit"), 1);
});

test("handshake_timeout and handshake_size_limit are what they are set to", async (t) => {
  const clock = new ManualClock();
  const values = { handshake_timeout: "60", handshake_size_limit: "300" };
  const running = await startForwardInput(t, { values, children: [security], clock });
  const long = await running.connect();
  await long.take(HELO_BYTES);
  long.send(Buffer.from("96a450494e47da0200", "hex"));
  await long.ended();
  const silent = await running.connect();
  await silent.take(HELO_BYTES);
  clock.advance(59_000);
  assert.equal(silent.isEnded, false);
  clock.advance(1000);
  await silent.ended();
  assert.equal(running.counters.get("protocol_errors", "limit"), 1);
  assert.equal(running.counters.get("protocol_errors", "handshake_timeout"), 1);
});

test("pending_limit: the connection whose message began first gives way, whole messages never do", async (t) => {
  const values = { pending_limit: "50k", frame_size_limit: "40k" };
  const running = await startForwardInput(t, { values });
  const frame = packed("t", Array(20).fill(entry(5, { text: "x".repeat(1000) })), { chunk: "ok" });
  const old = await running.connect();
  const other = await running.connect();
  old.send(frame.subarray(0, 20_000));
  await eventuallyPending(running, old, 20_000);
  other.send(frame.subarray(0, 20_000));
  await eventuallyPending(running, other, 40_000);
  const third = await running.connect();
  third.send(frame.subarray(0, 20_000));
  await old.ended();
  assert.equal(running.counters.get("protocol_errors", "pending_limit"), 1);
  await assertAcked(other, frame.subarray(20_000));
  await assertAcked(third, frame.subarray(20_000));
});

/** Waits until so many bytes have come in all. */
async function eventuallyPending({ counters }: RunningInput, { socket }: TestPeer, bytes: number): Promise<void> {
  while (counters.get("received_bytes") < bytes && !socket.destroyed) await new Promise(setImmediate);
}

test("total_unacked_limit: beyond it no connection is read, until outputs have caught up", async (t) => {
  const values = { unacked_limit: "100k", total_unacked_limit: "150k" };
  const running = await startForwardInput(t, { values });
  const { counters, emitter } = running;
  emitter.hold = true;
  const frame = packed("t", Array(100).fill(entry(5, { text: "x".repeat(1000) })));
  for (const batches of [1, 2]) {
    (await running.connect()).send(frame);
    await emitter.waitFor(() => emitter.batches.length === batches);
  }
  const third = await running.connect();
  third.send(message("first", 5, {}));
  await emitter.waitFor(() => emitter.batches.length === 3);
  const before = counters.get("received_bytes");
  await new Promise<void>((resolve) => third.socket.write(message("second", 5, {}), () => resolve()));
  // Whatever could be read is, while connections come and go.
  for (let round = 0; round < 20; round++) {
    const other = await running.connect();
    other.socket.end();
    await other.ended();
  }
  assert.equal(counters.get("received_bytes"), before);
  for (const { resolve } of emitter.held) resolve();
  await emitter.waitFor(() => emitter.batches.length === 4);
  assert.equal(emitter.batches[3]?.tag, "second");
});

test("resend_window_time, resend_window_chunks and resend_ids say what buffers are to remember", () => {
  const expected = (values: Record<string, string>) => createForwardInput({ values }).holdings.expected;
  const given = expected({ resend_window_time: "1m", resend_window_chunks: "5", ack_after: "written" });
  assert.deepEqual(given, { seconds: 60, chunks: 5, isSynced: false });
  assert.deepEqual(expected({}), { seconds: 72 * 3600, chunks: 65_536, isSynced: true });
  assert.deepEqual(expected({ resend_ids: "none" }), { seconds: 0, chunks: 0, isSynced: true });
});

test("message_timeout, message_rate_floor and idle_timeout are what they are set to", async (t) => {
  const clock = new ManualClock();
  const values = { message_timeout: "10", message_rate_floor: "10k", idle_timeout: "100" };
  const running = await startForwardInput(t, { values, clock });
  const slow = await running.connect();
  slow.send(packed("t", Buffer.alloc(200_000)).subarray(0, 100_000));
  await eventuallyPending(running, slow, 100_000);
  clock.advance(10_000);
  const idle = await running.connect();
  await assertAcked(idle);
  assert.equal(slow.isEnded, false);
  clock.advance(SWEEP_INTERVAL_MS);
  await slow.ended();
  assert.equal(running.counters.get("protocol_errors", "slow_message"), 1);
  clock.advance(90_000);
  assert.equal(idle.isEnded, false);
  clock.advance(SWEEP_INTERVAL_MS);
  await idle.ended();
  assert.equal(running.counters.get("protocol_errors", "idle"), 1);
});

test("limits of a second or two hold as they are set", async (t) => {
  const clock = new ManualClock();
  const running = await startForwardInput(t, { values: { message_timeout: "1", idle_timeout: "3" }, clock });
  const slow = await running.connect();
  slow.send(packed("t", Buffer.alloc(200)).subarray(0, 100));
  await eventuallyPending(running, slow, 100);
  const idle = await running.connect();
  await assertAcked(idle);
  for (let second = 0; second < 2; second++) clock.advance(1000);
  await slow.ended();
  assert.equal(idle.isEnded, false);
  for (let second = 0; second < 2; second++) clock.advance(1000);
  await idle.ended();
  assert.equal(running.counters.get("protocol_errors", "slow_message"), 1);
  assert.equal(running.counters.get("protocol_errors", "idle"), 1);
});

const nested = (levels: number): unknown => (levels === 0 ? { a: 1 } : { in: nested(levels - 1) });

const edges: [limit: string, value: string, within: Buffer, beyond: Buffer, reason: string][] = [
  [
    "tag_size_limit",
    "4",
    message("abcd", 5, {}, { chunk: "ok" }),
    message("abcde", 5, {}),
    "dropped_events/invalid_tag",
  ],
  [
    "option_key_limit",
    "2",
    packed("t", [], { chunk: "ok", size: 0 }),
    packed("t", [], { a: 1, b: 2, c: 3 }),
    "protocol_errors/limit",
  ],
  [
    "nesting_limit",
    "6",
    forward("t", [entry(5, nested(2))], { chunk: "ok" }),
    forward("t", [entry(5, nested(3))]),
    "protocol_errors/limit",
  ],
  [
    "nesting_limit",
    "5",
    packed("t", [entry(5, nested(3))], { chunk: "ok" }),
    packed("t", [entry(5, nested(4))]),
    "protocol_errors/limit",
  ],
  [
    "decompression_ratio_limit",
    "20",
    packed("t", gzipSync(entry(5, { text: "x".repeat(1_000_000) })), { compressed: "gzip", chunk: "ok" }),
    packed("t", gzipSync(entry(5, { text: "x".repeat(17_000_000) })), { compressed: "gzip" }),
    "protocol_errors/limit",
  ],
  [
    "decompression_size_limit",
    "2000",
    packed("t", gzipSync(entry(5, { text: "x".repeat(1900) })), { compressed: "gzip", chunk: "ok" }),
    packed("t", gzipSync(entry(5, { text: "x".repeat(2000) })), { compressed: "gzip" }),
    "protocol_errors/limit",
  ],
  [
    "frame_size_limit",
    "1000",
    packed("t", entry(5, { text: "x".repeat(900) }), { chunk: "ok" }),
    packed("t", entry(5, { text: "x".repeat(1000) })),
    "protocol_errors/limit",
  ],
];

for (const [limit, value, within, beyond, reason] of edges) {
  test(`${limit} ${value}: within it is acked, beyond it is counted as ${reason}`, async (t) => {
    const running = await startForwardInput(t, { values: { [limit]: value } });
    await assertAcked(await running.connect(), within);
    const peer = await running.connect();
    peer.send(beyond);
    const [counter, what] = reason.split("/") as ["dropped_events" | "protocol_errors", string];
    while (running.counters.get(counter, what) === 0) await new Promise(setImmediate);
    await assertAcked(await running.connect(), within);
  });
}

test("a limit of nothing, or one that no memory has, is a mistake in the configuration", (t: TestContext) => {
  for (const name of Object.keys(limitParameters)) {
    for (const value of ["0", "-1", "9999999999"]) {
      assert.throws(() => createForwardInput({ values: { [name]: value } }), new RegExp(`'${name}' is `), t.name);
    }
  }
});
