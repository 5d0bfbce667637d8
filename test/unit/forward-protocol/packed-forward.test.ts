import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { BLOCK_BYTES, BlockMemory } from "../../../src/buffer/block-memory.ts";
import { UnrecoverableError } from "../../../src/errors.ts";
import { messageWrites, type OutgoingMessage, WRITE_BYTES } from "../../../src/forward-protocol/outgoing-message.ts";
import {
  chunkOption,
  encodePackedForwardHeader,
  encodePackedForwardOption,
} from "../../../src/forward-protocol/packed-forward.ts";

const id = Buffer.from("654c8fd42d33d6110aa9ce5b1bfc4a71", "hex");

test("the header is 93, the tag as str, and the body's length as str32 however short it is", () => {
  assert.equal(encodePackedForwardHeader("a.b", 5).toString("hex"), "93a3612e62db00000005");
  const long = encodePackedForwardHeader("t".repeat(40), 0x01020304);
  assert.equal(long.subarray(0, 3).toString("hex"), "93d928");
  assert.equal(long.subarray(-5).toString("hex"), "db01020304");
});

test("a body that a u32 cannot count is refused for good", () => {
  assert.throws(() => encodePackedForwardHeader("a", 2 ** 32), UnrecoverableError);
});

test("the chunk option is fluentd's: MIME base64 with its newline", () => {
  assert.equal(chunkOption(id), "ZUyP1C0z1hEKqc5bG/xKcQ==\n");
});

test("the option map has fluentd's keys in fluentd's order, and chunk only when an ack is wanted", () => {
  const plain = encodePackedForwardOption({ size: 3, compressed: "text" });
  assert.equal(plain.toString("latin1"), "\x82\xa4size\x03\xaacompressed\xa4text");
  const acked = encodePackedForwardOption({ size: 300, compressed: "gzip", chunk: chunkOption(id) });
  const expected = "\x83\xa4size\xcd\x01\x2c\xaacompressed\xa4gzip\xa5chunk\xb9ZUyP1C0z1hEKqc5bG/xKcQ==\n";
  assert.equal(acked.toString("latin1"), expected);
});

async function writesOf(blocks: Buffer[], byteSize = blocks.reduce((sum, { length }) => sum + length, 0)) {
  const message: OutgoingMessage = { tag: "t", size: 1, byteSize, compressed: "text", blocks: () => blocks };
  const writes: { bytes: Buffer; isLast: boolean }[] = [];
  for await (const { parts, isLast } of messageWrites(message)) writes.push({ bytes: Buffer.concat(parts), isLast });
  return writes;
}

test("a small message is one write: header, body and option together", async () => {
  const writes = await writesOf([Buffer.from("ab"), Buffer.from("c")]);
  assert.equal(writes.length, 1);
  assert.equal(writes[0]?.bytes.toString("latin1"), "\x93\xa1t\xdb\0\0\0\x03abc\x82\xa4size\x01\xaacompressed\xa4text");
});

test("no write of a large message is larger than WRITE_BYTES, whatever its blocks are, and nothing is missing", async () => {
  const body = randomBytes(2 * WRITE_BYTES + 1000);
  const whole = Buffer.concat([
    encodePackedForwardHeader("t", body.length),
    body,
    encodePackedForwardOption({ size: 1, compressed: "text" }),
  ]);
  for (const cut of [1, 700, WRITE_BYTES, WRITE_BYTES + 1, body.length - 1]) {
    const writes = await writesOf([body.subarray(0, cut), body.subarray(cut)]);
    assert.ok(Buffer.concat(writes.map(({ bytes }) => bytes)).equals(whole));
    assert.deepEqual(
      writes.map(({ isLast }) => isLast),
      writes.map((_, index) => index === writes.length - 1),
    );
    for (const { bytes } of writes) assert.ok(bytes.length <= WRITE_BYTES + 100, `${bytes.length}`);
  }
});

test("small blocks are gathered, large ones go by themselves", async () => {
  const small = Buffer.alloc(WRITE_BYTES / 8 - 10, "s");
  const large = Buffer.alloc(WRITE_BYTES / 2, "l");
  const parts: number[] = [];
  const blocks = [small, large, ...Array<Buffer>(10).fill(small)];
  const byteSize = blocks.reduce((sum, { length }) => sum + length, 0);
  const message: OutgoingMessage = { tag: "t", size: 1, byteSize, compressed: "text", blocks: () => blocks };
  for await (const write of messageWrites(message)) parts.push(write.parts.length);
  assert.deepEqual(parts, [2, 1, 8, 3]); // the header and the option are parts, too
});

test("a block is released when it is written, and not before", async () => {
  const memory = new BlockMemory();
  const sizes = [BLOCK_BYTES, 1000, 2000, BLOCK_BYTES, BLOCK_BYTES - 7];
  async function* blocks() {
    for (const [index, size] of sizes.entries()) {
      yield memory.take().subarray(0, size).fill(`${index}`);
    }
  }
  const byteSize = sizes.reduce((sum, size) => sum + size, 0);
  const release = (piece: Buffer) => memory.give(piece);
  const writes: Buffer[] = [];
  for await (const { parts } of messageWrites({ tag: "t", size: 1, byteSize, compressed: "text", blocks, release })) {
    const another = memory.take().fill("x"); // of another message
    writes.push(Buffer.concat(parts));
    memory.give(another);
  }
  const header = encodePackedForwardHeader("t", byteSize);
  const whole = Buffer.concat(writes).subarray(header.length, header.length + byteSize);
  assert.ok(whole.equals(Buffer.concat(sizes.map((size, index) => Buffer.alloc(size, `${index}`)))));
});

test("a body that is shorter or longer than announced never becomes a whole message", async () => {
  await assert.rejects(writesOf([Buffer.from("abc")], 4), /a chunk of 4 bytes has 3/);
  await assert.rejects(writesOf([Buffer.from("abc"), Buffer.from("def")], 4), /has at least 6/);
});
