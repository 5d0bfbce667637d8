import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, short, topLines } from "../../../src/cli/top-lines.ts";
import { Counters } from "../../../src/counters.ts";
import { agentStatus } from "../../../src/metrics/status.ts";
import type { BufferReport } from "../../../src/plugin.ts";
import { pluginSummary } from "../../support/plugin-summary.ts";

test("numbers have three digits at most, times one unit", () => {
  const numbers = [0, 0.04, 1, 9.94, 9.96, 999, 999.6, 1500, 123_456, 5e15].map(short);
  assert.deepEqual(numbers, ["0", "0.0", "1", "9.9", "10", "999", "1.0k", "1.5k", "123k", "5000T"]);
  assert.deepEqual([3, 99, 240, 7200, 360_000].map(duration), ["3s", "99s", "4m", "2h", "4d"]);
});

test("rates come from two looks; buffers, retries, receivers and files that lag are shown", () => {
  const counters = new Counters();
  const buffer = { totalBytes: 50, totalLimitBytes: 200, events: 7, stageLength: 1, queueLength: 1 };
  const retry = { startMs: 0, steps: 1, nextTimeMs: 12_500 };
  const node = { name: "n", host: "h", port: 1, isAvailable: false, standby: false, weight: 1, lastAckAgeSeconds: 1 };
  const plugins = [
    pluginSummary({
      counters,
      state: { files: [{ path: "/a", inode: 1n, position: 10, byteSize: 1210, lagSeconds: 90 }] },
    }),
    pluginSummary({
      id: "out",
      kind: "output",
      type: "forward",
      isRunning: false,
      state: { buffer: { ...buffer, retry } as BufferReport, nodes: [node] },
    }),
  ];
  const first = agentStatus(plugins, "1", 8000);
  counters.add("received_events", 500);
  counters.add("dropped_events", 2, "x");
  counters.add("dropped_events", 1, "y");
  const lines = topLines(agentStatus(plugins, "1", 10_000), first, 200);
  const row = (start: string) => lines.find((line) => line.startsWith(start))?.split(/ {2,}/);
  assert.deepEqual(row("in_1"), ["in_1", "tail", "250", "0", "500", "3"]);
  assert.deepEqual(row("out"), [
    "out (stopped)",
    "forward",
    "**",
    "0",
    "0",
    "0",
    "0",
    "7 / 50B",
    "25%",
    "2 in 3s",
    "0/1 up",
  ]);
  assert.deepEqual(row("/a"), ["/a", "1.2kB", "90s"]);
  assert.deepEqual(row("FILTER"), ["FILTER: none"]);
  assert.ok(topLines(first, undefined, 20).every((line) => line.length <= 20));
});
