import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "../../../src/event/msgpack.ts";
import { AckWriter, ackOf, joinAcks, jsonAcks } from "../../../src/forward-protocol/acks.ts";
import { bin } from "../../support/forward-messages.ts";

test("an ack gives the chunk back byte for byte, whatever its type", () => {
  for (const chunk of [
    encode("p8n9gmxTQVC8/nh2wlKKeQ==\n"),
    bin(Buffer.from([0, 255])),
    encode(12345),
    Buffer.from("d905616263646a", "hex"),
    encode("x".repeat(1000)),
  ]) {
    const ack = { bytes: Buffer.concat([Buffer.from("81a361636b", "hex"), chunk]), count: 1 };
    assert.deepEqual(ackOf(chunk), ack);
    const writer = new AckWriter();
    const read = Buffer.concat([Buffer.from("before"), chunk, Buffer.from("behind")]);
    writer.add(read, 6, 6 + chunk.length);
    writer.add(read, 6, 6 + chunk.length);
    assert.equal(writer.count, 2);
    read.fill(0);
    assert.deepEqual(writer.take(), joinAcks([ack, ack]));
    assert.deepEqual(writer.take(), { bytes: Buffer.alloc(0), count: 0 });
  }
});

test("what was taken stays as it is while more is written", () => {
  const writer = new AckWriter();
  const ids = Array.from({ length: 100 }, (_, number) => encode(`id ${number}`));
  const taken = ids.map((id) => {
    writer.add(id, 0, id.length);
    return writer.take();
  });
  assert.deepEqual(taken, ids.map(ackOf));
  assert.equal(joinAcks(taken).count, 100);
});

test("acks in JSON have no newline, and are JSON for any id", () => {
  const acks = joinAcks([ackOf(encode("p8n9gmxTQVC8/nh2wlKKeQ==")), ackOf(encode([2n ** 60n]))]);
  assert.equal(jsonAcks(acks).toString(), '{"ack":"p8n9gmxTQVC8/nh2wlKKeQ=="}{"ack":[1152921504606846976]}');
});
