import assert from "node:assert/strict";
import { test } from "node:test";
import { createChunkId, keptChunkId } from "../../../src/buffer/chunk-id.ts";
import { parseChunkName } from "../../../src/buffer/chunk-path.ts";
import { decodeMeta, encodeMeta } from "../../../src/buffer/meta-file.ts";
import { systemClock } from "../../../src/clock.ts";

test("ids, which stay as long as their chunks, keep no other memory than their own", () => {
  const id = createChunkId(systemClock);
  const metadata = { tag: "a", timekey: undefined, variables: undefined, sequence: 0 };
  const meta = decodeMeta(encodeMeta({ metadata, id, size: 1, createdAt: 1, modifiedAt: 1 }));
  const pattern = { prefix: "/b/buffer", suffix: "log" };
  const name = parseChunkName(`buffer.b${id.toString("hex")}.log`, pattern);
  for (const kept of [id, keptChunkId(Buffer.from(id)), meta?.id, name?.id]) {
    assert.deepEqual(kept, id);
    assert.equal(kept?.buffer.byteLength, 16);
  }
});
