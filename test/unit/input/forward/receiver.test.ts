import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { createChunkId } from "../../../../src/buffer/chunk-id.ts";
import { Holdings } from "../../../../src/buffer/holdings.ts";
import { Counters } from "../../../../src/counters.ts";
import { encode } from "../../../../src/event/msgpack.ts";
import { ackOf, joinAcks } from "../../../../src/forward-protocol/acks.ts";
import { Resends } from "../../../../src/input/forward/resends.ts";
import { CollectingEmitter } from "../../../support/collecting-emitter.ts";
import { array, bin, entry, eventTime, packed } from "../../../support/forward-messages.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { createReceivingSide } from "../../../support/receiving-side.ts";

const entries = [1, 2].map((n) => entry(eventTime(1_700_000_000, n), { n }));
const clock = new ManualClock();
const createId = () => createChunkId(clock).toString("base64");

/** Several connections of one input. */
function createInput() {
  const counters = new Counters();
  const emitter = new CollectingEmitter();
  const resends = new Resends({ ackAfter: "written", ids: "time_ordered", holdings: new Holdings(), clock, counters });
  const connect = () => {
    const { session, ...side } = createReceivingSide({ emitter, counters, resends, clock });
    return { receive: (read: Buffer) => session.receive(read), ...side };
  };
  return { connect, emitter, counters, resends };
}

function assertAcked(acks: readonly Buffer[], ids: readonly string[]): void {
  assert.equal(Buffer.concat(acks).toString("hex"), joinAcks(ids.map((id) => ackOf(encode(id)))).bytes.toString("hex"));
}

test("a chunk that stands twice in one read is emitted once and acked twice", async () => {
  const { connect, emitter, counters } = createInput();
  const { receive, acks, deliveries } = connect();
  const [id, other] = [createId(), createId()];
  const chunk = packed("t", entries, { chunk: id });
  await receive(Buffer.concat([chunk, packed("t", entries, { chunk: other }), chunk]));
  await deliveries.idle();
  assert.equal(emitter.entries.length, 4);
  assert.equal(counters.get("resent_chunks"), 1);
  assertAcked(acks, [id, other, id]);
});

test("a chunk without events is acked each time, and is not taken for one on its way", async () => {
  const { connect, emitter, counters, resends } = createInput();
  const { receive, acks, deliveries } = connect();
  const id = createId();
  const source = resends.sourceOf(encode(id).toString("latin1"), "t", Buffer.alloc(0));
  for (const [chunk, events] of [
    [packed("t", [], { chunk: id }), 0],
    [packed("t", [], { chunk: id }), 0],
    [packed("t", entries, { chunk: id }), 2],
  ] as const) {
    await receive(chunk);
    await deliveries.idle();
    await turn();
    assert.equal(emitter.entries.length, events);
    assert.equal(resends.find(source), "new");
  }
  assertAcked(acks, [id, id, id]);
  assert.equal(counters.get("resent_chunks"), 0);
});

test("a chunk that comes on two connections at once, with other bytes, is taken from both", async () => {
  const { connect, emitter } = createInput();
  const [first, second] = [connect(), connect()];
  const id = createId();
  const invalid = packed("t", [entry("no time", {}), ...entries], { chunk: id });
  const large = bin(gzipSync(Buffer.concat([entry("no time", {}), ...Array(100_000).fill(entries[0])])));
  const waiting = first.receive(array("t", large, { compressed: "gzip", chunk: id }));
  await second.receive(invalid);
  await waiting;
  await Promise.all([first.deliveries.idle(), second.deliveries.idle()]);
  assert.equal(emitter.entries.length, 100_002);
  for (const { acks } of [first, second]) assertAcked(acks, [id]);
});

test("the ack of what takes a while to decompress is right, although the memory of its read serves again", async () => {
  const { connect, emitter } = createInput();
  const { receive, acks, deliveries } = connect();
  const plain = Buffer.concat(Array(100_000).fill(entries[0]));
  for (const id of [createId(), "of another kind"]) {
    const frame = array("t", bin(gzipSync(plain)), { compressed: "gzip", chunk: id });
    const read = Buffer.concat([Buffer.from([0xc0]), frame, packed("t", entries)]);
    const waiting = receive(read);
    assert.ok(waiting, "it takes a while");
    read.fill(0xc1);
    await waiting;
    await deliveries.idle();
    assertAcked(acks.splice(0), [id]);
    assert.equal(
      emitter.batches.splice(0).reduce((sum, { events }) => sum + events.size, 0),
      100_002,
    );
  }
});
