import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { eventIndex } from "../../../bench/event-ids.ts";
import { buildFrames, CHUNK_ID_BYTES } from "../../../bench/frames.ts";
import { type ForwardLoad, rows } from "../../../bench/rows.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { decode, encode } from "../../../src/event/msgpack.ts";
import { skipValue, walkEntries } from "../../../src/event/walker.ts";

const loads = new Map(rows.flatMap(({ name, load }) => (load.kind === "forward" ? [[name, load] as const] : [])));

for (const [name, load] of loads) {
  test(`${name}: every frame is a message of ${load.eventsPerFrame} events, each with an id of its own`, () => {
    const ids = new Set<number>();
    const tags = new Set<string>();
    for (const frame of buildFrames(load)) {
      const whole = Buffer.concat([frame, Buffer.from("7".repeat(CHUNK_ID_BYTES))]);
      const message = decode(whole) as unknown[];
      tags.add(message[0] as string);
      const option = message.at(-1) as Record<string, unknown>;
      assert.equal(option.chunk, "7".repeat(CHUNK_ID_BYTES));
      assert.equal(option.size, load.eventsPerFrame);

      const entries = entriesOf(load.shape, message);
      const walk = walkEntries(entries, 0, entries.length);
      assert.deepEqual(walk, { count: load.eventsPerFrame, end: entries.length, plain: true });
      for (let at = 0, end = 0; at < entries.length; at = end) {
        end = skipValue(entries, at, entries.length);
        ids.add(eventIndex(entries, at, end));
      }
    }
    assert.equal(tags.size, load.tags);
    assert.equal(ids.size, load.frames * load.eventsPerFrame);
    assert.equal(Math.min(...ids), 0);
    assert.equal(Math.max(...ids), ids.size - 1);
  });
}

test("an event has about 210 bytes", () => {
  const load = loads.get("packed-1000") as ForwardLoad;
  const bytes = buildFrames(load).reduce((sum, frame) => sum + frame.length, 0);
  const byteSize = bytes / (load.frames * load.eventsPerFrame);
  assert.ok(byteSize > 200 && byteSize < 220, `${byteSize} bytes`);
});

function entriesOf(shape: string, message: unknown[]): Buffer {
  if (shape === "message") {
    assert.ok(message[1] instanceof EventTime);
    return encode([message[1], message[2]]);
  }
  if (shape === "forward") return Buffer.concat((message[1] as unknown[]).map(encode));
  const packed = Buffer.from(message[1] as Uint8Array);
  return shape === "gzip" ? gunzipSync(packed) : packed;
}
