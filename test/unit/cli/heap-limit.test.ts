import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

const module = new URL("../../../src/cli/heap-limit.js", import.meta.url).href;

/**
 * Keeps `live` objects of 1 kB, and replaces each of them `rounds` times. Tells how often the whole heap was collected,
 * and how large it became once the first collections had told what lives.
 */
function churn(live: number, rounds: number): { collections: number; largestBytes: number } {
  const program = `
    import { getHeapStatistics } from "node:v8";
    import { limitHeap } from ${JSON.stringify(module)};
    limitHeap();
    let collections = 0;
    const counted = new FinalizationRegistry(() => {
      collections += 1;
      counted.register({}, undefined);
    });
    counted.register({}, undefined);
    const kept = [];
    let largestBytes = 0;
    for (let round = 0; round < ${rounds}; round++) {
      if (round === 5) largestBytes = 0;
      for (let index = 0; index < ${live}; index++) {
        kept[index] = new Array(128).fill(round);
        if (index % 1000 === 0) {
          largestBytes = Math.max(largestBytes, getHeapStatistics().used_heap_size);
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    }
    process.stdout.write(JSON.stringify({ collections, largestBytes }));
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  assert.equal(stderr, "");
  return JSON.parse(stdout);
}

test("the heap grows to a limit in bytes, not to a multiple of what lives in it", () => {
  const { largestBytes } = churn(25_000, 15);
  assert.ok(largestBytes < 100e6, `${largestBytes} bytes`);
});

test("a small heap is not collected each time that it has grown by half", () => {
  const { collections } = churn(3_000, 80);
  assert.ok(collections < 14, `${collections} collections`);
});
