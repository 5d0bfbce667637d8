/** out_forward as a client of `<security>`, against receivers that refuse or stall. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { HandshakeError } from "../../../src/errors.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import {
  createHelo,
  encodeHelo,
  encodePong,
  encodePongFailure,
  readPing,
} from "../../../src/forward-protocol/handshake.ts";
import { eventually } from "../../support/eventually.ts";
import { server, startForwardWriter } from "../../support/forward-writer.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { chunkOf } from "../../support/plain-chunk.ts";
import { acknowledging, type PeerScript, scriptedPeer } from "../../support/scripted-peer.ts";

const event = { time: new EventTime(1700000000, 1), record: { message: "hello" } };
const chunk = () => chunkOf([event, event]);
const acked = { require_ack_response: true };
const kept = { ...acked, keepalive: true };
const security = [["security", { self_hostname: "client.example", shared_key: "sekrit" }]] as const;

/** A receiver with `<security>`; `spoil` may send something else in a step's place. */
const secured =
  (after: PeerScript, options: { keepalive?: boolean; key?: string; hostname?: string } = {}): PeerScript =>
  async (connection, index) => {
    const helo = createHelo(options.keepalive ?? true);
    connection.socket.write(encodeHelo(helo));
    const ping = readPing((await connection.nextBytes()) as Buffer);
    connection.socket.write(encodePong(ping, helo, options.hostname ?? "server.example", options.key ?? "sekrit"));
    await after(connection, index);
  };

test("with <security> the chunk follows the handshake, once per connection", async (context) => {
  const peer = await scriptedPeer(context, secured(acknowledging));
  const { write } = await startForwardWriter(context, kept, [server(peer.port), ...security]);
  await write(chunk());
  await write(chunk());
  assert.equal(peer.connections.length, 1);
});

test("a receiver whose HELO denies keepalive gets one chunk a connection", async (context) => {
  const peer = await scriptedPeer(context, secured(acknowledging, { keepalive: false }));
  const { write } = await startForwardWriter(context, kept, [server(peer.port), ...security]);
  await write(chunk());
  await write(chunk());
  assert.equal(peer.connections.length, 2);
});

for (const [name, script, reason] of [
  ["does not know the key", secured(acknowledging, { key: "other" }), /shared key mismatch/],
  ["has our own name", secured(acknowledging, { hostname: "client.example" }), /same hostname/],
  [
    "refuses us",
    async ({ socket }) => {
      socket.write(encodeHelo(createHelo(true)));
      socket.write(encodePongFailure("username/password mismatch"));
    },
    /authentication failed: username\/password mismatch/,
  ],
  ["speaks another protocol", ({ socket }) => void socket.write("SSH-2.0-OpenSSH_9.9\r\n"), /handshake with/],
  [
    "says HELO three times",
    ({ socket }) => void socket.write(Buffer.concat(new Array(3).fill(encodeHelo(createHelo(true))))),
    /./,
  ],
] as readonly (readonly [string, PeerScript, RegExp])[]) {
  test(`a receiver that ${name} gets no chunk, and no secret is told`, async (context) => {
    const peer = await scriptedPeer(context, script);
    const { write, log } = await startForwardWriter(context, acked, [server(peer.port), ...security]);
    await assert.rejects(
      write(chunk()),
      (error: Error) => error instanceof HandshakeError && reason.test(error.message),
    );
    assert.ok(!JSON.stringify(log).includes("sekrit"));
  });
}

test("a receiver that never says HELO is given up after hard_timeout", async (context) => {
  const clock = new ManualClock();
  const peer = await scriptedPeer(context, () => {});
  const { write } = await startForwardWriter(
    context,
    { ...acked, hard_timeout: 7 },
    [server(peer.port), ...security],
    clock,
  );
  const written = write(chunk());
  await eventually(() => peer.connections.length === 1 && clock.pending === 1);
  clock.advance(7_000);
  await assert.rejects(written, /no handshake from .* within 7000 ms; does the receiver have <security>\?/);
});

test("a receiver that wants a handshake which is not configured is told apart, with acks and without", async (context) => {
  const script: PeerScript = ({ socket }) => void socket.write(encodeHelo(createHelo(true)));
  const peer = await scriptedPeer(context, script);
  for (const values of [acked, {}]) {
    const { write } = await startForwardWriter(context, values, [server(peer.port)]);
    await assert.rejects(write(chunk()), /asks for a handshake; add <security>/);
  }
});
