import assert from "node:assert/strict";
import { test } from "node:test";
import { AckError, LimitError, MalformedError } from "../../../src/errors.ts";
import { encode } from "../../../src/event/msgpack.ts";
import { AckWaiter } from "../../../src/forward-protocol/ack-waiter.ts";
import { isHelo, MAX_RESPONSE_BYTES, ResponseReader, readAck } from "../../../src/forward-protocol/response-reader.ts";

const ids = ["aaaa\n", "bbbb\n", "cccc\n"];
const acks = Buffer.concat(ids.map((ack) => encode({ ack })));

/** Feeds pieces and gives the ids of the acks that came out. */
function read(pieces: readonly Buffer[]): string[] {
  const reader = new ResponseReader();
  const found: string[] = [];
  for (const piece of pieces) {
    for (const message of reader.push(piece)) found.push(String(readAck(message)));
  }
  return found;
}

test("acks are found whether they come joined, or split at any byte", () => {
  assert.deepEqual(read([acks]), ids);
  for (let cut = 0; cut <= acks.length; cut++) assert.deepEqual(read([acks.subarray(0, cut), acks.subarray(cut)]), ids);
  assert.deepEqual(read(Array.from(acks, (byte) => Buffer.from([byte]))), ids);
});

test("an ack as bin is read as well, and other messages are none", () => {
  assert.equal(String(readAck(encode({ ack: Buffer.from("x\n") }))), "x\n");
  for (const other of [null, [], "ack", { ack: 1 }, { nak: "x" }]) assert.equal(readAck(encode(other)), undefined);
});

test("HELO is known by its first bytes", () => {
  assert.equal(isHelo(encode(["HELO", {}])), true);
  assert.equal(isHelo(encode({ ack: "HELO" })), false);
});

test("an answer past the limit is refused, whole or not, and a byte that msgpack does not have too", () => {
  assert.throws(() => read([encode("x".repeat(MAX_RESPONSE_BYTES))]), LimitError);
  assert.throws(
    () => read([Buffer.from([0xdb, 0x7f, 0xff, 0xff, 0xff]), Buffer.alloc(MAX_RESPONSE_BYTES)]),
    LimitError,
  );
  assert.throws(() => read([Buffer.from([0xc1])]), MalformedError);
});

test("acks may come in any order, and each ends its own wait", async () => {
  const waiter = new AckWaiter();
  const order: string[] = [];
  const waits = ids.map((id) => waiter.wait(id, 10).then(() => order.push(id)));
  assert.equal(waiter.byteSize, 30);
  for (const id of ["cccc\n", "aaaa\n", "bbbb\n"]) {
    waiter.acknowledge(Buffer.from(id));
    await Promise.resolve();
  }
  await Promise.all(waits);
  assert.deepEqual(order, ["cccc\n", "aaaa\n", "bbbb\n"]);
  assert.deepEqual([waiter.count, waiter.byteSize], [0, 0]);
});

test("an ack that nothing waits for is an error with fluentd's words; a repeated one is harmless", async () => {
  const waiter = new AckWaiter();
  const wait = waiter.wait("aaaa\n", 1);
  assert.throws(
    () => waiter.acknowledge(Buffer.from("aaaa")),
    /ack in response and chunk id in sent data are different/,
  );
  waiter.acknowledge(Buffer.from("aaaa\n"));
  waiter.acknowledge(Buffer.from("aaaa\n"));
  await wait;
  assert.throws(() => waiter.acknowledge(Buffer.from("bbbb\n")), AckError);
});

test("what an ack holds cannot reach the terminal through a message", () => {
  const waiter = new AckWaiter();
  assert.throws(
    () => waiter.acknowledge(Buffer.from("\x1b[2J\n")),
    (error: Error) => !error.message.includes("\x1b"),
  );
});

test("a failure ends every wait with its reason", async () => {
  const waiter = new AckWaiter();
  const waits = ids.map((id) => waiter.wait(id, 1));
  waiter.fail(new AckError("gone"));
  for (const wait of waits) await assert.rejects(wait, /gone/);
  assert.equal(waiter.count, 0);
});
