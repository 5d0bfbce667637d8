import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Counters } from "../../../../src/counters.ts";
import { EventStream } from "../../../../src/event/event-stream.ts";
import { encode } from "../../../../src/event/msgpack.ts";
import { type Acks, ackOf, joinAcks, jsonAcks } from "../../../../src/forward-protocol/acks.ts";
import { Deliveries, UnackedTotal } from "../../../../src/input/forward/deliveries.ts";
import { CollectingEmitter } from "../../../support/collecting-emitter.ts";

const events = (byteSize: number) => new EventStream(Buffer.alloc(byteSize), 1);

const acks = (...ids: string[]) => joinAcks(ids.map((id) => ackOf(encode(id))));
const idsOf = (written: Acks) =>
  Array.from(
    jsonAcks(written)
      .toString()
      .matchAll(/"ack":"(\w+)"/g),
    ([, id]) => id,
  ).join(" ");

function setup(limitBytes = 100, total = new UnackedTotal(1000)) {
  const emitter = new CollectingEmitter();
  emitter.hold = true;
  const acked: string[] = [];
  const full: boolean[] = [];
  const failures: string[] = [];
  const counters = new Counters();
  const deliveries = new Deliveries({
    emitter,
    counters,
    limitBytes,
    total,
    acknowledge: (written) => acked.push(idsOf(written)),
    setFull: (isFull) => full.push(isFull),
    failed: (error, tag) => failures.push(`${tag}: ${(error as Error).message}`),
  });
  return { emitter, acked, full, failures, deliveries, counters };
}

test("a chunk is acked after its emit, never before", async () => {
  const { deliveries, emitter, acked, counters } = setup();
  deliveries.deliver("t", events(10), acks("one"));
  await turn();
  assert.deepEqual(acked, []);
  emitter.held[0]?.resolve();
  await turn();
  assert.deepEqual(acked, ["one"]);
  assert.equal(counters.get("acks_sent"), 1);
});

test("acks that become due together are written together", async () => {
  const { deliveries, emitter, acked } = setup();
  deliveries.deliver("t", events(10), acks("one"));
  deliveries.deliver("t", events(10), acks("two", "three"));
  for (const { resolve } of emitter.held) resolve();
  await turn();
  assert.deepEqual(acked, ["one two three"]);
});

test("an emit that fails is not acked, and says its tag", async () => {
  const { deliveries, emitter, acked, failures } = setup();
  deliveries.deliver("t", events(10), acks("one"));
  emitter.held[0]?.reject(new Error("the buffer is full"));
  await deliveries.idle();
  assert.deepEqual(acked, []);
  assert.deepEqual(failures, ["t: the buffer is full"]);
});

test("beyond the limit the connection is full until enough is acked", async () => {
  const { deliveries, emitter, full } = setup(100);
  deliveries.deliver("t", events(80), acks());
  assert.deepEqual(full, []);
  deliveries.deliver("t", events(80), acks());
  assert.deepEqual(full, [true]);
  emitter.held[0]?.resolve();
  await turn();
  assert.deepEqual(full, [true, false]);
});

test("when all connections together are full, those with unacked bytes stop, and go on when others finish", async () => {
  const total = new UnackedTotal(150);
  const [first, second] = [setup(1000, total), setup(1000, total)];
  first.deliveries.deliver("t", events(100), acks());
  second.deliveries.deliver("t", events(100), acks());
  assert.deepEqual(second.full, [true]);
  first.emitter.held[0]?.resolve();
  await turn();
  assert.deepEqual(second.full, [true, false]);
});

test("idle waits for emits and for acks that are not written", async () => {
  const { deliveries, emitter, acked } = setup();
  deliveries.deliver("t", events(10), acks("one"));
  const idle = deliveries.idle().then(() => acked.length);
  emitter.held[0]?.resolve();
  assert.equal(await idle, 1);
});
