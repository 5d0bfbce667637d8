/** Whatever clients send, and however the network cuts it, the same events come out, and the same acks. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { Counters } from "../../src/counters.ts";
import { SuiroError } from "../../src/errors.ts";
import { CollectingEmitter } from "../support/collecting-emitter.ts";
import { array, bin, entry, eventTime, forward, message, packed } from "../support/forward-messages.ts";
import { createReceivingSide } from "../support/receiving-side.ts";

/** Receives these reads; gives the entries that were emitted, the acks, and the error that ended it. */
async function receive(reads: readonly Buffer[]) {
  const emitter = new CollectingEmitter();
  const counters = new Counters();
  const { session, receiver, deliveries, acks } = createReceivingSide({ emitter, counters });
  let error: unknown;
  try {
    for (const read of reads) await session.receive(read);
  } catch (thrown) {
    error = thrown;
    receiver.readEnd();
  }
  await deliveries.idle();
  return { entries: emitter.entries, acks: Buffer.concat(acks).toString("hex"), error, counters };
}

function cutAt(bytes: Buffer, positions: readonly number[]): Buffer[] {
  const cuts = [...new Set(positions)].filter((at) => at > 0 && at < bytes.length).sort((a, b) => a - b);
  return [0, ...cuts].map((start, index) => bytes.subarray(start, cuts[index] ?? bytes.length));
}

const records = fc.dictionary(
  fc.string({ maxLength: 8 }).filter((key) => key !== "__proto__"),
  fc.oneof(fc.string(), fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.array(fc.integer())),
  { maxKeys: 4 },
);
const times = fc.oneof(
  fc.nat(2 ** 31).map(eventTimeOf),
  fc.nat(2 ** 31),
  fc.constantFrom(null, 0, Buffer.from("cb41d954fc40200000", "hex"), "no time"),
);
function eventTimeOf(seconds: number): Buffer {
  return eventTime(seconds, 5);
}
const entryBytes = fc.tuple(
  times,
  fc.oneof({ weight: 9, arbitrary: records }, { weight: 1, arbitrary: fc.constant(7) }),
);
const options = fc.option(
  fc.oneof(fc.record({ chunk: fc.string({ maxLength: 40 }), size: fc.nat() }), fc.constant({})),
  { nil: undefined },
);
const messages = fc
  .tuple(
    fc.constantFrom("message", "forward", "packed", "gzip", "heartbeat"),
    fc.constantFrom("a", "app.web", "kube.var.log"),
    fc.array(entryBytes, { minLength: 1, maxLength: 5 }),
    options,
  )
  .map(([mode, tag, events, option]) => {
    const entries = events.map(([time, record]) => entry(time, record));
    const [[time, record]] = events as [(typeof events)[0]];
    if (mode === "message") return message(tag, time === "no time" ? true : time, record, option);
    if (mode === "forward") return forward(tag, entries, option);
    if (mode === "packed") return packed(tag, entries, option);
    if (mode === "gzip") return array(tag, bin(gzipSync(Buffer.concat(entries))), { ...option, compressed: "gzip" });
    return Buffer.from([0xc0]);
  });

test("the same events and acks come out wherever the stream is cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(messages, { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat(2000), { maxLength: 20 }),
      async (parts, cuts) => {
        const stream = Buffer.concat(parts);
        const whole = await receive([stream]);
        const cut = await receive(cutAt(stream, cuts));
        assert.equal(whole.error, undefined);
        assert.deepEqual(cut.entries, whole.entries);
        assert.equal(cut.acks.length, whole.acks.length);
      },
    ),
    { numRuns: 300 },
  );
});

test("every mode, cut at every byte, gives the same events and acks", async () => {
  const entries = [1, 2].map((n) => entry(eventTime(1_700_000_000, n), { n, text: "ä".repeat(20) }));
  const stream = Buffer.concat([
    message("a", 1_700_000_001, { n: 1 }, { chunk: "1" }),
    message("a", null, { n: 2 }),
    forward("a", entries, { chunk: "2" }),
    packed("b", entries, { chunk: "3" }),
    array("b", bin(gzipSync(Buffer.concat(entries))), { chunk: "4", compressed: "gzip" }),
    Buffer.from([0xc0]),
    message("b", 5, { n: 3 }, { chunk: "5" }),
  ]);
  const whole = await receive([stream]);
  assert.equal(whole.entries.length, 9);
  for (let at = 1; at < stream.length; at++) {
    const cut = await receive(cutAt(stream, [at]));
    assert.deepEqual(cut.entries, whole.entries, `cut at ${at}`);
    assert.equal(cut.acks.length, whole.acks.length, `cut at ${at}`);
  }
  const bytewise = await receive([...stream].map((byte) => Buffer.from([byte])));
  assert.deepEqual(bytewise.entries, whole.entries);
});

test("no bytes at all make more than an error of ours, and what is emitted are whole entries", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(messages, { maxLength: 3 }),
      fc.uint8Array({ maxLength: 60 }),
      fc.array(fc.nat(500), { maxLength: 5 }),
      async (parts, garbage, cuts) => {
        const stream = Buffer.concat([...parts, garbage]);
        const { error, entries } = await receive(cutAt(stream, cuts));
        assert.ok(error === undefined || error instanceof SuiroError, String(error));
        assert.ok(entries.every((each) => / 92/.test(each)));
      },
    ),
    { numRuns: 500 },
  );
});

test("a message with any byte changed makes no more than an error of ours", async () => {
  await fc.assert(
    fc.asyncProperty(messages, fc.nat(), fc.nat(255), async (bytes, at, value) => {
      const changed = Buffer.from(bytes);
      changed[at % changed.length] = value;
      const { error } = await receive([changed]);
      assert.ok(error === undefined || error instanceof SuiroError, String(error));
    }),
    { numRuns: 1000 },
  );
});
