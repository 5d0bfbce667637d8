import assert from "node:assert/strict";
import { test } from "node:test";
import { batchMemory } from "../../../src/event/batch-memory.ts";
import { ByteWriter } from "../../../src/event/byte-writer.ts";
import { EventStream } from "../../../src/event/event-stream.ts";

const ENTRY = Buffer.from([0x92, 0x01, 0x80]);

/** A stream that counts how often its memory was given back. */
function counted() {
  const counts = { released: 0 };
  const release = () => {
    counts.released += 1;
  };
  return { counts, events: new EventStream(ENTRY, 1, { release }) };
}

test("memory goes back once, however often a stream is released", () => {
  const { counts, events } = counted();
  events.release();
  events.release();
  assert.equal(counts.released, 1);
});

test("memory of shared events goes back when every reader has released its share, and no share counts twice", () => {
  const { counts, events } = counted();
  const [first, second] = events.shares(2) as [EventStream, EventStream];
  first.release();
  first.release();
  assert.equal(counts.released, 0);
  second.release();
  assert.equal(counts.released, 1);
});

test("a share that is never released keeps the memory, also when the events are shared again", () => {
  const { counts, events } = counted();
  events.shares(2)[0]?.release();
  for (const share of events.shares(2)) share.release();
  assert.equal(counts.released, 1);
});

test("to release what was made of events releases these, and gives the new memory back", () => {
  const { counts, events } = counted();
  const room = batchMemory.take(40_000);
  const replaced = events.replacedBy(room.subarray(0, ENTRY.copy(room)), 1, room);
  assert.equal(counts.released, 0);
  replaced.release();
  assert.equal(counts.released, 1);
  assert.equal(batchMemory.take(40_000), room);
});

test("joined entries are copies", () => {
  const { counts, events } = counted();
  const source = Buffer.from(ENTRY);
  const joined = events.joined([source, ENTRY], 2);
  source.fill(0);
  assert.deepEqual(joined.packed, Buffer.concat([ENTRY, ENTRY]));
  assert.equal(joined.size, 2);
  joined.release();
  assert.equal(counts.released, 1);
});

for (const count of [1, 20_000, 1_000_000]) {
  test(`a writer serves again for the next batch, after ${count} entries`, () => {
    const writer = new ByteWriter();
    for (let index = 0; index < count; index++) writer.copy(ENTRY);
    const events = EventStream.fromWriter(writer, count);
    assert.equal(writer.length, 0);
    for (let index = 0; index < count; index++) writer.copy(Buffer.from([0, 0, 0]));
    assert.equal([...events.entries()].length, count);
  });
}
