import assert from "node:assert/strict";
import { test } from "node:test";
import { LimitError, MalformedError } from "../../../src/errors.ts";
import { encode } from "../../../src/event/msgpack.ts";
import { INCOMPLETE } from "../../../src/event/walker.ts";
import { MessageBounds, MessageOption, readMessage, readOption } from "../../../src/forward-protocol/messages.ts";
import { array, bin, entry, eventTime, forward, message, packed } from "../../support/forward-messages.ts";

function read(bytes: Buffer) {
  const bounds = new MessageBounds();
  readMessage(bytes, 0, bytes.length, bounds);
  const text = (start: number, end: number) => (start < 0 ? undefined : bytes.toString("hex", start, end));
  return {
    mode: bounds.mode,
    tag: bounds.tagStart < 0 ? undefined : bytes.toString("utf8", bounds.tagStart, bounds.tagEnd),
    body: text(bounds.bodyStart, bounds.bodyEnd),
    record: text(bounds.recordStart, bounds.bodyEnd),
    option: bounds.optionEnd === 0 ? undefined : text(bounds.optionStart, bounds.optionEnd),
  };
}
const option = (value: unknown) => {
  const bytes = value instanceof Buffer ? value : encode(value);
  const { chunkStart, chunkEnd, compressed, fluentSignal } = readWhole(bytes);
  const chunk = chunkEnd === 0 ? undefined : bytes.subarray(chunkStart, chunkEnd).toString("hex");
  return { chunk, compressed, fluentSignal };
};
function readWhole(bytes: Buffer): MessageOption {
  const found = new MessageOption();
  readOption(bytes, 0, bytes.length, found);
  return found;
}
const entries = [entry(1, { a: 1 }), entry(2, { b: 2 })];

test("the second element decides the mode", () => {
  const body = Buffer.concat(entries).toString("hex");
  assert.deepEqual(read(forward("t", entries)), {
    mode: "forward",
    tag: "t",
    body,
    record: read(forward("t", entries)).record,
    option: undefined,
  });
  for (const wrapped of [
    packed("t", entries),
    array("t", bin(Buffer.concat(entries))),
    array(bin(Buffer.from("t")), bin(Buffer.concat(entries))),
  ]) {
    const { mode, tag, body: found } = read(wrapped);
    assert.deepEqual({ mode, tag, found }, { mode: "packed", tag: "t", found: body });
  }
  const single = read(message("t", 5, { a: 1 }));
  assert.equal(single.mode, "message");
  assert.equal(single.body, `05${encode({ a: 1 }).toString("hex")}`);
  assert.equal(single.record, encode({ a: 1 }).toString("hex"));
  assert.equal(read(message("t", "1700000000", { a: 1 })).mode, "packed");
});

test("the option is found behind every mode, and further elements are ignored", () => {
  const expected = encode({ chunk: "x" }).toString("hex");
  assert.equal(read(message("t", 5, {}, { chunk: "x" })).option, expected);
  assert.equal(read(forward("t", entries, { chunk: "x" })).option, expected);
  assert.equal(read(packed("t", entries, { chunk: "x" })).option, expected);
  assert.equal(read(array("t", 5, {}, { chunk: "x" }, "more")).option, expected);
  assert.equal(read(packed("t", entries)).option, undefined);
});

test("nil is a heartbeat, an empty array is nothing, and what is no array is broken", () => {
  assert.equal(read(Buffer.from([0xc0])).mode, "heartbeat");
  assert.equal(read(Buffer.from([0x90])).mode, "empty");
  for (const value of ["text", 7, {}, true]) assert.equal(read(encode(value)).mode, "broken");
});

test("a message too short to be one has no record", () => {
  assert.equal(read(array("t")).record, "");
  assert.equal(read(array("t", 5)).record, "");
});

test("a tag that is no text has no bounds", () => {
  for (const tag of [7, null, { a: 1 }]) assert.equal(read(message(tag, 5, {})).tag, undefined);
});

test("the option's keys may be str or bin, in any order, with others between", () => {
  const map = Buffer.concat([
    Buffer.from([0x83]),
    bin(Buffer.from("compressed")),
    encode("gzip"),
    encode("whatever"),
    encode([1, { deep: true }]),
    bin(Buffer.from("chunk")),
    encode("id"),
  ]);
  assert.deepEqual(option(map), { chunk: encode("id").toString("hex"), compressed: "gzip", fluentSignal: 0 });
  assert.equal(option({ fluent_signal: 2 }).fluentSignal, 2);
});

test("nil or nothing is no option, and chunk nil or false asks for no ack", () => {
  for (const value of [null, {}, { chunk: null }, { chunk: false }]) assert.equal(option(value).chunk, undefined);
  assert.equal(option(Buffer.alloc(0)).chunk, undefined);
});

test("an option with more than 16 keys, or that is no map, is refused", () => {
  const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 1]));
  assert.ok(option(keys(16)));
  assert.throws(() => option(keys(17)), LimitError);
  assert.throws(() => option("gzip"), MalformedError);
  assert.throws(() => option({ chunk: "x".repeat(2000) }), LimitError);
});

test("a message that is cut anywhere is incomplete, whatever stands behind it", () => {
  const wholes = [
    forward("t", entries, { chunk: "x" }),
    packed("t", entries, { chunk: "x" }),
    message("t", eventTime(1, 2), { a: [1, { b: 2 }] }, { chunk: "x" }),
    array("t", 5, {}, { chunk: "x" }, "more", ["still", "more"]),
    array("t"),
    array("t", 5),
    forward(
      "t",
      Array.from({ length: 20 }, () => entry(1, { a: 1 })),
    ),
    encode({ no: ["message"] }),
  ];
  for (const whole of wholes) {
    const stream = Buffer.concat([Buffer.from([0xc0]), whole, whole]);
    for (let end = 2; end <= stream.length; end++) {
      const found = readMessage(stream, 1, end, new MessageBounds());
      assert.equal(found, end > whole.length ? whole.length + 1 : INCOMPLETE, `${whole.toString("hex")} up to ${end}`);
    }
  }
});

test("levels of nesting count the message's own, in every mode", () => {
  const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
  const shapes: [wrapped: number, build: (inner: unknown) => Buffer][] = [
    [2, (inner) => message("t", 5, { a: inner })],
    [4, (inner) => forward("t", [entry(5, { a: inner })])],
    [2, (inner) => message("t", 5, {}, { a: inner })],
    [0, (inner) => encode({ a: inner })],
  ];
  for (const [wrapped, build] of shapes) {
    const levels = wrapped === 0 ? 1 : wrapped;
    const bytes = build(nested(3));
    const read = (limit: number) => readMessage(bytes, 0, bytes.length, new MessageBounds(), limit);
    assert.equal(read(levels + 3), bytes.length);
    assert.throws(() => read(levels + 2), LimitError);
  }
});
