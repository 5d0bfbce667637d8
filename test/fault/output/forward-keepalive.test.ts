/** out_forward with keepalive: several chunks on a connection, and what ends one. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { AckError } from "../../../src/errors.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { encode } from "../../../src/event/msgpack.ts";
import { eventually } from "../../support/eventually.ts";
import { server, startForwardWriter } from "../../support/forward-writer.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { chunkOf } from "../../support/plain-chunk.ts";
import { acknowledging, ackOf, type ReceivedMessage, scriptedPeer } from "../../support/scripted-peer.ts";

const event = { time: new EventTime(1700000000, 1), record: { message: "hello" } };
const chunk = () => chunkOf([event, event]);
const acked = { require_ack_response: true };
const kept = { ...acked, keepalive: true };

test("keepalive: chunks follow each other on one connection while acks are pending, and acks come in any order", async (context) => {
  const messages: ReceivedMessage[] = [];
  const peer = await scriptedPeer(context, async (connection) => {
    for (let count = 0; count < 5; count++) messages.push(await connection.next());
    const acks = Buffer.concat([...messages].reverse().map(ackOf));
    for (let at = 0; at < acks.length; at += 7) {
      connection.socket.write(acks.subarray(at, at + 7));
      await delay(0);
    }
    connection.socket.write(ackOf(messages[0] as ReceivedMessage)); // a repetition is harmless
    await acknowledging(connection, 0);
  });
  const { write } = await startForwardWriter(context, kept, [server(peer.port)]);
  const writes: Promise<void>[] = [];
  for (let count = 0; count < 5; count++) {
    const written = write(chunk());
    writes.push(written);
    await written.sent;
  }
  await Promise.all(writes);
  await write(chunk());
  assert.equal(peer.connections.length, 1);
});

test("keepalive: a wrong ack sends back every chunk that waits on the connection", async (context) => {
  const peer = await scriptedPeer(context, async (connection) => {
    await connection.next();
    await connection.next();
    connection.socket.write(encode({ ack: "nobody's\n" }));
  });
  const { write } = await startForwardWriter(context, kept, [server(peer.port)]);
  const first = write(chunk());
  await first.sent;
  const results = await Promise.allSettled([first, write(chunk())]);
  assert.ok(results.every((result) => result.status === "rejected" && result.reason instanceof AckError));
});

test("keepalive: a connection that ended while idle is replaced, without a failed send", async (context) => {
  const peer = await scriptedPeer(context, async (connection) => {
    connection.socket.write(ackOf(await connection.next()));
    connection.socket.end();
  });
  const { write, counters } = await startForwardWriter(context, kept, [server(peer.port)]);
  for (let count = 0; count < 3; count++) await write(chunk());
  assert.equal(peer.connections.length, 3);
  assert.equal(counters.get("protocol_errors", "no_ack"), 0);
});

test("keepalive: a connection that dies at its next use is replaced at once, with the same id", async (context) => {
  const ids: string[] = [];
  const peer = await scriptedPeer(context, async (connection, index) => {
    if (index > 0) return acknowledging(connection, index);
    connection.socket.write(ackOf(await connection.next()));
    ids.push(String((await connection.next()).option.chunk));
    connection.socket.resetAndDestroy();
  });
  const { write, counters } = await startForwardWriter(context, kept, [server(peer.port)]);
  await write(chunk());
  const second = chunk();
  await write(second);
  assert.equal(peer.connections.length, 2);
  assert.deepEqual(ids, [`${second.id.toString("base64")}\n`]);
  assert.equal(counters.get("protocol_errors", "no_ack"), 0);
});

test("keepalive: an idle connection ends after keepalive_timeout", async (context) => {
  const clock = new ManualClock();
  const peer = await scriptedPeer(context, acknowledging);
  const { write } = await startForwardWriter(context, { ...kept, keepalive_timeout: 30 }, [server(peer.port)], clock);
  await write(chunk());
  clock.advance(29_000);
  await write(chunk());
  assert.equal(peer.connections.length, 1);
  clock.advance(30_000);
  await peer.connections[0]?.ended();
  await write(chunk());
  assert.equal(peer.connections.length, 2);
});

test("keepalive without acks: messages follow each other on one connection", async (context) => {
  const tags: string[] = [];
  const peer = await scriptedPeer(context, async (connection) => {
    for (;;) tags.push((await connection.next()).tag);
  });
  const { write } = await startForwardWriter(context, { keepalive: true }, [server(peer.port)]);
  for (const tag of ["a", "b", "c"]) await write(chunkOf([event], { tag }));
  await eventually(() => tags.length === 3);
  assert.deepEqual(tags, ["a", "b", "c"]);
  assert.equal(peer.connections.length, 1);
});

test("stop ends kept connections, and may be called twice", async (context) => {
  const peer = await scriptedPeer(context, acknowledging);
  const { write, writer } = await startForwardWriter(context, kept, [server(peer.port)]);
  await write(chunk());
  await writer.stop(new AbortController().signal);
  await writer.stop(new AbortController().signal);
  await peer.connections[0]?.ended();
});
