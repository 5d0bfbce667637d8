import assert from "node:assert/strict";
import { test } from "node:test";
import { LimitError, MalformedError } from "../../../src/errors.ts";
import { Framer } from "../../../src/forward-protocol/framer.ts";
import { entry, eventTime, forward, message, packed } from "../../support/forward-messages.ts";

const LIMIT = 1024 * 1024;
const entries = [1, 2, 3].map((n) => entry(eventTime(1_700_000_000, n), { n, text: "x".repeat(40) }));
const samples = {
  Message: message("a.b", 1_700_000_000, { k: "v", nested: { deep: [1, [2, [3]]] } }, { chunk: "id" }),
  Forward: forward("a.b", entries, { size: 3 }),
  PackedForward: packed("a.b", entries, { chunk: "id", size: 3 }),
  nil: Buffer.from([0xc0]),
};

function cut(bytes: Buffer, ...at: number[]): Buffer[] {
  return [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length));
}

/** Every message that comes of these reads, as bytes. */
const LARGE_LIMIT = 64 * 1024 * 1024;

function messagesOf(reads: readonly Buffer[], framer = new Framer(LIMIT)): string[] {
  const found: string[] = [];
  for (const read of reads) {
    framer.feed(read);
    while (framer.next()) found.push(framer.bytes.toString("hex", framer.start, framer.end));
  }
  return found;
}

for (const [name, sample] of Object.entries(samples)) {
  test(`${name} comes out whole wherever the stream is cut`, () => {
    const stream = Buffer.concat([sample, sample]);
    for (let at = 1; at < stream.length; at++) {
      assert.deepEqual(messagesOf(cut(stream, at)), [sample.toString("hex"), sample.toString("hex")], `cut at ${at}`);
    }
    const bytewise = [...stream].map((byte) => Buffer.from([byte]));
    assert.deepEqual(messagesOf(bytewise), [sample.toString("hex"), sample.toString("hex")]);
  });
}

test("messages that lie whole in a read are handed out in place", () => {
  const framer = new Framer(LIMIT);
  const read = Buffer.concat([samples.PackedForward, samples.Message]);
  framer.feed(read);
  assert.ok(framer.next());
  assert.equal(framer.bytes, read);
  assert.equal(framer.isOwned, false);
  assert.ok(framer.next());
  assert.equal(framer.start, samples.PackedForward.length);
  assert.ok(!framer.next());
});

test("a body is collected into one buffer of the declared size", () => {
  const framer = new Framer(LIMIT);
  const body = Buffer.alloc(300_000, 1);
  const stream = packed("a", body, { chunk: "x" });
  let whole = 0;
  for (let position = 0; position < stream.length; position += 1000) {
    framer.feed(stream.subarray(position, position + 1000));
    if (framer.next()) whole += 1;
    if (position > 0 && whole === 0) assert.ok(framer.pendingBytes <= position + 1000);
  }
  assert.equal(whole, 1);
});

test("a collected body takes less than twice what was declared, and a large one just that and a step for the option", () => {
  for (const [bodyBytes, mostBytes] of [
    [300_000, 600_000],
    [3_000_000, 3_004_200],
  ] as const) {
    const framer = new Framer(LARGE_LIMIT);
    const stream = packed("a", Buffer.alloc(bodyBytes, 1));
    framer.feed(stream.subarray(0, 100));
    assert.ok(!framer.next());
    framer.feed(stream.subarray(100));
    assert.ok(framer.next());
    assert.ok(framer.isOwned);
    assert.ok(framer.bytes.length <= mostBytes, `${framer.bytes.length} bytes`);
  }
});

test("a body that is declared larger than the limit is refused from its header", () => {
  for (const header of ["92a161dbffffffff", "92a161c6ffffffff", "92a161dc0001db00100001", "92a161c900100001"]) {
    const framer = new Framer(LIMIT);
    framer.feed(Buffer.from(header, "hex"));
    assert.throws(() => framer.next(), LimitError, header);
    assert.equal(framer.pendingBytes, 0);
  }
});

test("more elements than the limit has bytes are refused from their count", () => {
  for (const header of ["ddffffffff", "dfffffffff", "92a161ddffffffff", "df00080001"]) {
    const framer = new Framer(LIMIT);
    framer.feed(Buffer.from(header, "hex"));
    assert.throws(() => framer.next(), LimitError, header);
  }
});

test("a message that grows past the limit is refused, however slowly it comes", () => {
  const framer = new Framer(100);
  framer.feed(Buffer.from("dc0032", "hex"));
  assert.ok(!framer.next());
  assert.throws(() => {
    for (let element = 0; element < 50; element++) {
      framer.feed(Buffer.from("a3616263", "hex"));
      framer.next();
    }
  }, LimitError);
});

test("nesting past 64 levels is refused, also over many reads", () => {
  const framer = new Framer(LIMIT);
  assert.throws(() => {
    for (let depth = 0; depth < 100; depth++) {
      framer.feed(Buffer.from([0x91]));
      framer.next();
    }
  }, LimitError);
  assert.equal(messagesOf([Buffer.concat([Buffer.alloc(64, 0x91), Buffer.from([1])])]).length, 1);
});

test("the byte c1 is refused", () => {
  const framer = new Framer(LIMIT);
  framer.feed(Buffer.from("92a161c1", "hex"));
  assert.throws(() => framer.next(), MalformedError);
});
