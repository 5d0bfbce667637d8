import assert from "node:assert/strict";
import { test } from "node:test";
import { HeldSources } from "../../../src/buffer/held-sources.ts";
import { type FileSource, WHOLE } from "../../../src/event/origin.ts";

function range(from: number, to: number, settled = from): FileSource {
  return { kind: "file", file: "f", from, to, checksum: 7, settled };
}

test("of a file that was cut and written anew only the new ranges count, whatever their length", () => {
  for (const end of [50, 150, 300]) {
    const held = new HeldSources(
      () => ({ seconds: 0, chunks: 0, isSynced: false }),
      () => 0,
    );
    const add = (source: FileSource) =>
      held.add(source, { from: 0, to: WHOLE }, { sequence: 1, atSeconds: 0, chunks: [1] });
    add(range(0, 100));
    add(range(100, 200));
    assert.equal(held.file("f")?.settled, 100);
    add(range(0, end));
    assert.equal(held.file("f")?.settled, 0);
    assert.deepEqual(
      held.file("f")?.ranges.map(({ start, end: to }) => [start, to]),
      [[0, end]],
    );
  }
});
