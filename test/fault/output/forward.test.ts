/** out_forward against receivers that refuse, lie, stall or die, on real sockets. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { AckError, NetworkError, StoppingError, TimeoutError } from "../../../src/errors.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { encode } from "../../../src/event/msgpack.ts";
import { NoAckError } from "../../../src/forward-protocol/ack-waiter.ts";
import { eventually } from "../../support/eventually.ts";
import { server, startForwardWriter } from "../../support/forward-writer.ts";
import { freePort } from "../../support/free-port.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { chunkOf, chunkOfBytes } from "../../support/plain-chunk.ts";
import { acknowledging, ackOf, type ReceivedMessage, scriptedPeer } from "../../support/scripted-peer.ts";

const event = { time: new EventTime(1700000000, 1), record: { message: "hello" } };
const chunk = () => chunkOf([event, event]);
const acked = { require_ack_response: true };

test("without acks a chunk is one connection, one message in fluentd's form, and an orderly end", async (context) => {
  const received: ReceivedMessage[] = [];
  const peer = await scriptedPeer(context, async (connection) => {
    received.push(await connection.next());
    await connection.ended();
  });
  const { write } = await startForwardWriter(context, {}, [server(peer.port)]);
  const sent = chunk();
  await write(sent);
  const [message] = received;
  assert.equal(message?.tag, "test.tag");
  assert.deepEqual(message?.body, sent.blocks()?.[0]);
  assert.equal(message?.bytes.subarray(1 + 9).toString("latin1")[0], "\xdb");
  assert.deepEqual(
    { ...message?.option, size: Number(message?.option.size) },
    {
      size: 2,
      compressed: "text",
      chunk: undefined,
    },
  );
  assert.equal(peer.connections.length, 1);
});

test("without acks a receiver that closes by reset behind the last byte, as fluentd does, has the chunk", async (context) => {
  const peer = await scriptedPeer(context, async (connection) => {
    await connection.next();
    connection.socket.on("end", () => connection.socket.resetAndDestroy());
  });
  const { write } = await startForwardWriter(context, {}, [server(peer.port)]);
  await write(chunk());
});

test("without acks a receiver that resets in the middle of a chunk does not have it", async (context) => {
  const peer = await scriptedPeer(context, ({ socket }) => void socket.once("data", () => socket.resetAndDestroy()));
  const { write } = await startForwardWriter(context, {}, [server(peer.port)]);
  await assert.rejects(write(chunkOfBytes(Buffer.alloc(32 << 20), 1, { streamedBy: 65536 })), NetworkError);
});

test("with acks a chunk is delivered only when its own ack comes, and the flush slot is free before", async (context) => {
  const peer = await scriptedPeer(context, async (connection) => {
    const message = await connection.next();
    await released;
    connection.socket.write(ackOf(message));
  });
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { write, counters } = await startForwardWriter(context, acked, [server(peer.port)]);
  const written = write(chunk());
  let isDone = false;
  void written.then(() => {
    isDone = true;
  });
  await written.sent;
  await delay(1);
  assert.equal(isDone, false);
  release();
  await written;
  assert.equal(counters.get("acks_received"), 1);
  await peer.connections[0]?.ended();
});

test("nobody listening: the error names the peer, and is no AckError", async (context) => {
  const port = await freePort();
  const { write } = await startForwardWriter(context, acked, [server(port)]);
  await assert.rejects(write(chunk()), (error: Error) => {
    assert.ok(error instanceof NetworkError && !(error instanceof AckError));
    assert.match(error.message, new RegExp(`127.0.0.1:${port}.*ECONNREFUSED`));
    return true;
  });
});

test("every available node is tried once for a chunk", async (context) => {
  let refused = 0;
  const dead = await scriptedPeer(context, ({ socket }) => {
    refused++;
    socket.resetAndDestroy();
  });
  const peer = await scriptedPeer(context, acknowledging);
  const { write } = await startForwardWriter(context, { ...acked, heartbeat_type: "none" }, [
    ...[1, 2, 3].map((number) => server(dead.port, { name: `dead ${number}`, weight: 600 })),
    server(peer.port, { weight: 1 }),
  ]);
  await write(chunkOfBytes(Buffer.alloc(8 << 20), 1));
  assert.ok(refused <= 3);
});

test("a receiver that closes before its ack gets the chunk again, under the same id", async (context) => {
  const ids: string[] = [];
  const peer = await scriptedPeer(context, async (connection, index) => {
    const message = await connection.next();
    ids.push(String(message.option.chunk));
    if (index === 0) connection.socket.end();
    else connection.socket.write(ackOf(message));
  });
  const { write } = await startForwardWriter(context, acked, [server(peer.port)]);
  const sent = chunk();
  const lost = /destination node closed the connection\. regard it as unavailable\./;
  await assert.rejects(write(sent), (error: Error) => error instanceof NoAckError && lost.test(error.message));
  await write(sent);
  assert.equal(ids[0], ids[1]);
  assert.equal(ids[0], `${sent.id.toString("base64")}\n`);
});

test("an ack of something else is an AckError with fluentd's text, and ends the connection", async (context) => {
  const peer = await scriptedPeer(context, async (connection) => {
    await connection.next();
    connection.socket.write(encode({ ack: "AAAAAAAAAAAAAAAAAAAAAA==\n" }));
    await connection.ended();
  });
  const { write, log, counters } = await startForwardWriter(context, { ...acked, keepalive: true }, [
    server(peer.port),
  ]);
  await assert.rejects(write(chunk()), (error: Error) => error instanceof AckError && !(error instanceof NoAckError));
  assert.ok(log.some(({ message }) => message.includes("ack in response and chunk id in sent data are different")));
  assert.equal(counters.get("protocol_errors", "wrong_ack"), 1);
  await peer.connections[0]?.ended();
});

test("an ack without fluentd's newline is another id", async (context) => {
  const peer = await scriptedPeer(context, async (connection) => {
    const { option } = await connection.next();
    connection.socket.write(encode({ ack: String(option.chunk).trim() }));
  });
  const { write } = await startForwardWriter(context, acked, [server(peer.port)]);
  await assert.rejects(write(chunk()), AckError);
});

test("no ack in ack_response_timeout: the node is regarded as unavailable until it beats again", async (context) => {
  const clock = new ManualClock();
  const peer = await scriptedPeer(context, () => {});
  const values = { ...acked, heartbeat_type: "transport", heartbeat_interval: 1, ack_response_timeout: 5 };
  const { writer, write } = await startForwardWriter(context, values, [server(peer.port)], clock);
  const written = write(chunk());
  await written.sent;
  clock.advance(4_999);
  await eventually(() => writer.nodes[0]?.isAvailable === true);
  clock.advance(2);
  await assert.rejects(written, /no response from node\. regard it as unavailable\./);
  assert.equal(writer.nodes[0]?.isAvailable, false);
  await assert.rejects(write(chunk()), /no nodes are available/);
});

test("an ack that comes after the timeout acknowledges nothing", async (context) => {
  const clock = new ManualClock();
  const messages: ReceivedMessage[] = [];
  const peer = await scriptedPeer(context, async (connection) => void messages.push(await connection.next()));
  const { write } = await startForwardWriter(
    context,
    { ...acked, ack_response_timeout: 1 },
    [server(peer.port)],
    clock,
  );
  const written = write(chunk());
  await written.sent;
  await eventually(() => messages.length === 1);
  clock.advance(1_000);
  await assert.rejects(written, NoAckError);
  peer.connections[0]?.socket.write(ackOf(messages[0] as ReceivedMessage));
  await peer.connections[0]?.ended();
});

for (const [name, bytes] of [
  ["no msgpack", Buffer.from([0xc1])],
  ["text", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ["nested too deep", Buffer.alloc(200, 0x91)],
  ["endless", Buffer.concat([Buffer.from([0xdb, 0xff, 0xff, 0xff, 0xff]), Buffer.alloc(100_000)])],
  ["a map with hostile keys", Buffer.from("\x81\xa9__proto__\x81\xa1x\x01", "latin1")],
  ["an ack that is no text", encode({ ack: [1] })],
] as const) {
  test(`an answer that is ${name} costs the connection and nothing else`, async (context) => {
    const peer = await scriptedPeer(context, async (connection) => {
      await connection.next();
      connection.socket.write(bytes);
      await connection.ended();
    });
    const { write } = await startForwardWriter(context, acked, [server(peer.port)]);
    await assert.rejects(write(chunk()), AckError);
    await peer.connections[0]?.ended();
  });
}

test("a receiver that takes nothing is given up after send_timeout, while memory stays bounded", async (context) => {
  const clock = new ManualClock();
  const peer = await scriptedPeer(context, ({ socket }) => void socket.pause());
  const { write } = await startForwardWriter(context, { send_timeout: 3 }, [server(peer.port)], clock);
  let given = 0;
  const endless = chunkOfBytes(Buffer.alloc(0), 1);
  const block = Buffer.alloc(65536);
  const body = {
    ...endless,
    byteSize: 1 << 30,
    blocks: () => undefined,
    async *read() {
      for (; given < 1 << 30; given += block.length) yield block;
    },
  };
  const written = write(body);
  let taken = -1;
  while (taken !== given) {
    taken = given;
    await delay(50);
  }
  clock.advance(3_000);
  await assert.rejects(written, TimeoutError);
  assert.ok(given < 64 << 20, `${given} bytes were read ahead`);
});

test("a slow receiver that goes on taking bytes is not given up", async (context) => {
  const peer = await scriptedPeer(context, (connection) => {
    const { socket } = connection;
    socket.on("data", () => {
      socket.pause();
      setTimeout(() => socket.resume(), 1);
    });
    return connection.next().then((message) => void socket.write(ackOf(message)));
  });
  const { write } = await startForwardWriter(context, { ...acked, send_timeout: 2 }, [server(peer.port)]);
  await write(chunkOfBytes(Buffer.alloc(4 << 20, "x"), 1, { streamedBy: 65536 }));
});

test("a chunk whose bytes are not as many as it said never becomes a whole message", async (context) => {
  let whole: Buffer | undefined;
  const peer = await scriptedPeer(context, async (connection) => {
    whole = await connection.nextBytes();
  });
  const { write } = await startForwardWriter(context, acked, [server(peer.port)]);
  await assert.rejects(write({ ...chunk(), byteSize: 10_000 }), /a chunk of 10000 bytes has/);
  await eventually(() => peer.connections.length === 0 || peer.connections[0]?.socket.destroyed === true);
  assert.equal(whole, undefined);
});

test("stopping gives up what is in flight, and leaves it to the buffer", async (context) => {
  const peer = await scriptedPeer(context, () => {});
  const { write } = await startForwardWriter(context, acked, [server(peer.port)]);
  const stopping = new AbortController();
  const written = write(chunk(), stopping.signal);
  await written.sent;
  stopping.abort();
  await assert.rejects(written, StoppingError);
});

test("compression: stored bytes go out as they are, decompressed, or compressed, as configured", async (context) => {
  const received: ReceivedMessage[] = [];
  const peer = await scriptedPeer(context, async (connection) => void received.push(await connection.next()));
  const plain = Buffer.concat([chunk().blocks()?.[0] as Buffer, chunk().blocks()?.[0] as Buffer]);
  const half = plain.subarray(0, plain.length / 2);
  const members = Buffer.concat([gzipSync(half), gzipSync(half)]);
  const stored = () => chunkOfBytes(members, 4, { compression: "gzip", streamedBy: 10 });

  const text = await startForwardWriter(context, { compress: "text" }, [server(peer.port)]);
  const gzip = await startForwardWriter(context, { compress: "gzip" }, [server(peer.port)]);
  await gzip.write(stored());
  await text.write(stored());
  await gzip.write(chunkOfBytes(plain, 4));
  assert.deepEqual(
    received.map(({ option }) => option.compressed),
    ["gzip", "text", "gzip"],
  );
  assert.deepEqual(received[0]?.body, members);
  assert.deepEqual(received[1]?.body, plain);
  assert.equal(received[2]?.body.subarray(0, 2).toString("hex"), "1f8b");
});
