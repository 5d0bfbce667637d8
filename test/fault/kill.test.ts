import assert from "node:assert/strict";
import { test } from "node:test";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { createOutput } from "../unit/output/output-fixture.ts";
import { killedWriter } from "./kill.ts";

for (const compress of ["text", "gzip"]) {
  test(`a process that is killed while it writes loses nothing that was acked; ${compress}`, async () => {
    const path = temporaryFolder();
    const acked: number[] = [];
    for (const count of [1, 700, 2500]) acked.push(...(await killedWriter(path, count, compress)));
    const { output, writer } = createOutput({ buffer: { "@type": "file", path, compress, flush_mode: "lazy" } });
    await output.start();
    await output.flush();
    const delivered = writer.delivered.flat() as number[];
    for (const number of acked) {
      const at = delivered.indexOf(number);
      assert.ok(at >= 0, `${number} was acked and is lost`);
      delivered.splice(at, 1);
    }
    assert.equal(output.stats().totalBytes, 0);
    await output.stop(new AbortController().signal);
  });
}
