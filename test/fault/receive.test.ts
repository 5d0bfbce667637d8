/** Peers that lie, stall, flood or vanish: each loses its own connection, and nobody else's. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { CLOSE_GRACE_MS, DEFAULT_LIMITS, SWEEP_INTERVAL_MS } from "../../src/input/forward/limits.ts";
import { configElement, type InputSetup, type RunningInput, startForwardInput } from "../support/forward-input.ts";
import { ack, array, bin, entry, eventTime, forward, message, packed } from "../support/forward-messages.ts";
import { ManualClock } from "../support/manual-clock.ts";

const FRAME_GRACE_MS = DEFAULT_LIMITS.messageTimeout * 1000;
const HANDSHAKE_DEADLINE_MS = DEFAULT_LIMITS.handshakeTimeout * 1000;
const IDLE_LIMIT_MS = DEFAULT_LIMITS.idleTimeout * 1000;

const good = message("t", 5, { ok: true }, { chunk: "ok" });
const hex = (text: string) => Buffer.from(text, "hex");
const deep = (levels: number) => Buffer.concat([Buffer.alloc(levels, 0x91), hex("c0")]);

/** The input still serves: a new client, and one that was there before. */
async function assertServes(running: RunningInput): Promise<void> {
  const peer = await running.connect();
  peer.send(good);
  assert.deepEqual(await peer.take(ack("ok").length), ack("ok"));
}

const attacks: Record<string, { bytes: Buffer; reason: string; values?: Record<string, string> }> = {
  "the byte c1": { bytes: hex("c1"), reason: "malformed" },
  "c1 within a message": { bytes: hex("93a17405c1"), reason: "malformed" },
  "a body that claims 4 GB": { bytes: hex("92a174dbffffffff"), reason: "limit" },
  "an array that claims 4 billion elements": { bytes: hex("92a174ddffffffff"), reason: "limit" },
  "a map that claims 4 billion pairs": { bytes: hex("93a17405dfffffffff"), reason: "limit" },
  "nesting without end": { bytes: deep(100_000), reason: "limit" },
  "a packed body with nesting without end": { bytes: packed("t", deep(10_000)), reason: "limit" },
  "a packed body of garbage": { bytes: packed("t", Buffer.from("this is c1: \xc1", "latin1")), reason: "malformed" },
  "a body of c1": { bytes: packed("t", Buffer.alloc(10, 0xc1)), reason: "malformed" },
  "an option that is no map": { bytes: packed("t", [], ["x"]), reason: "malformed" },
  "an option of 17 keys": {
    bytes: packed("t", [], Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, n]))),
    reason: "limit",
  },
  "a compression that nobody knows": { bytes: packed("t", [], { compressed: "lzma" }), reason: "malformed" },
  "a gzip body that is none": {
    bytes: packed("t", Buffer.from("no gzip"), { compressed: "gzip" }),
    reason: "malformed",
  },
  "a gzip bomb": {
    bytes: array("t", bin(gzipSync(Buffer.alloc(20 * 1024 * 1024), { level: 9 })), { compressed: "gzip", chunk: "x" }),
    reason: "limit",
  },
  "gzip beyond decompression_size_limit": {
    bytes: packed("t", gzipSync(Buffer.alloc(50_000)), { compressed: "gzip" }),
    reason: "limit",
    values: { decompression_size_limit: "10k" },
  },
  "a message beyond frame_size_limit": {
    bytes: forward("t", [entry(5, { text: "x".repeat(2000) })]),
    reason: "limit",
    values: { frame_size_limit: "1k" },
  },
  "bad JSON": { bytes: Buffer.from('["t",5,{nonsense}]'), reason: "malformed" },
  "JSON nested without end": { bytes: Buffer.alloc(100_000, "["), reason: "limit" },
  "an HTTP request": { bytes: Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), reason: "malformed" },
};

for (const [name, { bytes, reason, values }] of Object.entries(attacks)) {
  test(`${name}, without a quarantine: that connection ends without an ack, is counted, and others go on`, async (t) => {
    const running = await startForwardInput(t, { values: { quarantine_size_limit: "0", ...values } });
    const neighbour = await running.connect();
    const peer = await running.connect();
    peer.send(bytes);
    assert.equal((await peer.ended()).length, 0);
    assert.equal(running.counters.get("protocol_errors", reason), 1);
    assert.equal(running.emitter.batches.length, 0);
    neighbour.send(good);
    assert.deepEqual(await neighbour.take(ack("ok").length), ack("ok"));
    await assertServes(running);
  });
}

test("whole messages before garbage are emitted and acked, the connection then ends", async (t) => {
  const { connect, emitter } = await startForwardInput(t);
  const peer = await connect();
  peer.send(good, good, hex("c1"), good);
  assert.deepEqual(await peer.ended(), Buffer.concat([ack("ok"), ack("ok")]));
  assert.equal(emitter.events.length, 2);
});

test("one value that is no array is warned about once, and the connection is kept", async (t) => {
  const { connect, log } = await startForwardInput(t);
  const peer = await connect();
  peer.send(hex("07"), hex("a474657874"), good);
  assert.deepEqual(await peer.take(ack("ok").length), ack("ok"));
  assert.equal(log.filter((line) => line.includes("incoming chunk is broken:")).length, 1);
  assert.ok(!log.join().includes("text"));
});

test("a peer that vanishes within a message leaves nothing behind", async (t) => {
  const running = await startForwardInput(t);
  const frame = packed("t", Buffer.alloc(1_000_000, 1));
  for (const end of ["destroy", "resetAndDestroy"] as const) {
    const { socket } = await running.connect();
    await new Promise((resolve) => socket.write(frame.subarray(0, 500_000), resolve));
    socket[end]();
  }
  await assertServes(running);
  assert.equal(running.emitter.batches.length, 1);
});

test("a peer that vanishes before its ack does no harm, and its events stay", async (t) => {
  const running = await startForwardInput(t);
  running.emitter.hold = true;
  const { socket } = await running.connect();
  socket.write(good);
  await running.emitter.waitFor(() => running.emitter.held.length === 1);
  socket.resetAndDestroy();
  running.emitter.hold = false;
  await assertServes(running);
  running.emitter.held[0]?.resolve();
  await assertServes(running);
  assert.equal(running.emitter.events.length, 3);
});

async function withClock(t: TestContext, setup: InputSetup = {}) {
  const clock = new ManualClock();
  return { clock, ...(await startForwardInput(t, { ...setup, clock })) };
}

test("a message that does not get on is cut off; one that comes at a fair pace is not", async (t) => {
  const { clock, connect, counters, emitter } = await withClock(t);
  const [slow, fair] = [await connect(), await connect()];
  const frame = packed("t", Array(100).fill(entry(eventTime(5), { text: "x".repeat(1000) })), { chunk: "ok" });
  slow.send(frame.subarray(0, 100));
  fair.send(frame.subarray(0, 50_000));
  const probe = await connect();
  probe.send(good);
  await probe.take(ack("ok").length);
  clock.advance(FRAME_GRACE_MS + SWEEP_INTERVAL_MS);
  await slow.ended();
  assert.equal(counters.get("protocol_errors", "slow_message"), 1);
  fair.send(frame.subarray(50_000));
  assert.deepEqual(await fair.take(ack("ok").length), ack("ok"));
  assert.equal(emitter.events.length, 101);
});

test("a silent connection is kept for hours, and cut off after a day", async (t) => {
  const { clock, connect, counters } = await withClock(t);
  const peer = await connect();
  peer.send(good);
  await peer.take(ack("ok").length);
  clock.advance(IDLE_LIMIT_MS - SWEEP_INTERVAL_MS);
  peer.send(good);
  assert.deepEqual(await peer.take(ack("ok").length), ack("ok"));
  clock.advance(IDLE_LIMIT_MS + SWEEP_INTERVAL_MS);
  await peer.ended();
  assert.equal(counters.get("protocol_errors", "idle"), 1);
});

test("a peer that keeps its side open after our end is dropped", async (t) => {
  const { clock, connect } = await withClock(t);
  const peer = await connect({ allowHalfOpen: true });
  peer.send(hex("c1"));
  await peer.ended();
  const closed = new Promise((resolve) => peer.socket.on("close", resolve));
  clock.advance(CLOSE_GRACE_MS);
  const push = () => void peer.socket.write(good, (error) => void (error ?? setImmediate(push)));
  push();
  await closed;
});

const security = configElement("security", { self_hostname: "server", shared_key: "sekrit" });

test("before the handshake no more than a PING is collected", async (t) => {
  const running = await startForwardInput(t, { children: [security] });
  const peer = await running.connect();
  await peer.take(65);
  peer.send(hex("96a450494e47da4000"));
  assert.equal((await peer.ended()).length, 0);
  assert.equal(running.counters.get("protocol_errors", "limit"), 1);
});

test("a PING that comes byte by byte and never ends is cut off in time", async (t) => {
  const { clock, connect, counters } = await withClock(t, { children: [security] });
  const peer = await connect();
  await peer.take(65);
  peer.send(hex("96a4"));
  clock.advance(HANDSHAKE_DEADLINE_MS);
  await peer.ended();
  assert.equal(counters.get("protocol_errors", "handshake_timeout"), 1);
});

test("a peer that never reads its acks is not read either, and others go on", async (t) => {
  const running = await startForwardInput(t);
  const socket = connectSocket({ port: running.port, host: "127.0.0.1" });
  t.after(() => socket.destroy());
  await once(socket, "connect");
  socket.pause();
  const chunk = "x".repeat(1000);
  const frames = Buffer.concat(Array(1000).fill(message("t", 5, {}, { chunk })));
  let sent = 0;
  while (socket.writableLength < 4_000_000 && sent < 200) {
    socket.write(frames);
    sent += 1;
    await assertServes(running);
  }
  assert.ok(socket.writableLength > 0, "all was taken from a peer that reads nothing");
  await assertServes(running);
});
