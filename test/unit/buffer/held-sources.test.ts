import assert from "node:assert/strict";
import { test } from "node:test";
import { HeldSources } from "../../../src/buffer/held-sources.ts";
import { type FileSource, type Source, WHOLE } from "../../../src/event/origin.ts";

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

test("behind the window a chunk with an id that was used before is new, for who asks and for who stores it", () => {
  let nowSeconds = 0;
  const held = new HeldSources(
    () => ({ seconds: 60, chunks: 10, isSynced: false }),
    () => nowSeconds,
  );
  const source: Source = { kind: "chunk", id: "always the same", checksum: 7 };
  const share = { from: 0, to: WHOLE };
  held.add(source, share, { sequence: 1, atSeconds: 0, chunks: [1] });
  nowSeconds = 60;
  assert.equal(held.chunk(source.id).length, 1);
  assert.equal(held.find(source, share)?.sequence, 1);
  nowSeconds = 61;
  assert.equal(held.chunk(source.id).length, 0);
  assert.equal(held.find(source, share), undefined);
});
