import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { buildFrames, CHUNK_ID_BYTES, EVENT_ID_OFFSET, FIRST_EVENT_ID, modes } from "../../../bench/frames.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { decode, encode } from "../../../src/event/msgpack.ts";
import { readUint32, skipValue, walkEntries } from "../../../src/event/walker.ts";

for (const mode of modes) {
  test(`${mode.name}: every frame is a message of ${mode.eventsPerFrame} events, each with an id of its own`, () => {
    const ids = new Set<number>();
    for (const frame of buildFrames(mode)) {
      const whole = Buffer.concat([frame, Buffer.from("7".repeat(CHUNK_ID_BYTES))]);
      const message = decode(whole) as unknown[];
      const option = message.at(-1) as Record<string, unknown>;
      assert.equal(option.chunk, "7".repeat(CHUNK_ID_BYTES));
      assert.equal(option.size, mode.eventsPerFrame);

      const entries = entriesOf(mode.shape, message);
      const walk = walkEntries(entries, 0, entries.length);
      assert.deepEqual(walk, { count: mode.eventsPerFrame, end: entries.length, plain: true });
      for (let at = 0; at < entries.length; at = skipValue(entries, at, entries.length)) {
        assert.equal(entries[at + EVENT_ID_OFFSET], 0xce);
        ids.add(readUint32(entries, at + EVENT_ID_OFFSET + 1) - FIRST_EVENT_ID);
      }
    }
    assert.equal(ids.size, mode.frames * mode.eventsPerFrame);
    assert.equal(Math.min(...ids), 0);
    assert.equal(Math.max(...ids), ids.size - 1);
  });
}

test("an event has about 210 bytes", () => {
  const [mode] = modes.filter(({ shape }) => shape === "packed");
  const bytes = buildFrames(mode!).reduce((sum, frame) => sum + frame.length, 0);
  const byteSize = bytes / (mode!.frames * mode!.eventsPerFrame);
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
