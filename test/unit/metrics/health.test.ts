import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { silentLogger } from "../../../src/logger.ts";
import { DiskProbe } from "../../../src/metrics/disk-probe.ts";
import { Health } from "../../../src/metrics/health.ts";
import { HealthServer } from "../../../src/metrics/health-server.ts";
import type { BufferReport, PluginSummary } from "../../../src/plugin.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { pluginSummary } from "../../support/plugin-summary.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const buffer = (totalBytes: number, folder?: string) => ({ totalBytes, totalLimitBytes: 100, folder }) as BufferReport;
const output = (totalBytes: number, folder?: string) =>
  pluginSummary({ id: "out_1", kind: "output", type: "forward", state: { buffer: buffer(totalBytes, folder) } });

test("an agent is ready when its plugins run and its buffers have room", () => {
  const obstacles = (...plugins: PluginSummary[]) => new Health(() => plugins, new ManualClock()).obstacles();
  assert.deepEqual(obstacles(pluginSummary(), output(99)), []);
  assert.deepEqual(obstacles(), ["no configuration runs"]);
  assert.deepEqual(obstacles(pluginSummary({ isRunning: false }), output(0)), ["input in_1 is not running"]);
  assert.deepEqual(obstacles(output(100)), ["the buffer of out_1 is full: 100 of 100 bytes"]);
  const store = pluginSummary({ kind: "output", id: "store", owner: "copy", isRunning: false });
  assert.deepEqual(obstacles(output(0), store), [], "a store is started by its owner");
});

test("a disk that answers leaves nothing behind", async () => {
  const folder = temporaryFolder();
  const health = new Health(() => [output(0, folder)], new ManualClock());
  assert.deepEqual(await health.illnesses(), []);
  assert.deepEqual(readdirSync(folder), []);
});

test("a disk that refuses answers; one that is silent does not, and is asked by one at a time", async () => {
  const clock = new ManualClock();
  let asked = 0;
  let answer = () => {};
  const disks = new DiskProbe(clock, (folder) => {
    asked += 1;
    if (folder === "/full") return Promise.reject(new Error("ENOSPC"));
    return new Promise((resolve) => {
      answer = resolve;
    });
  });
  assert.equal(await disks.answers("/full"), true);
  assert.equal(await disks.answers("/full"), true);
  assert.equal(asked, 1, "the last answer is fresh");
  const both = [disks.answers("/hangs"), disks.answers("/hangs")];
  clock.advance(3000);
  assert.deepEqual(await Promise.all(both), [false, false]);
  assert.equal(asked, 2);
  const third = disks.answers("/hangs");
  answer();
  assert.equal(await third, true);
  assert.equal(clock.pending, 0);
});

test("the health port tells why in words, and answers nothing else", async () => {
  let plugins = [output(100)];
  const server = new HealthServer({ clock: new ManualClock(), logger: silentLogger, plugins: () => plugins });
  await server.start({ host: "127.0.0.1", port: 0 });
  const ask = async (path: string, method = "GET") => {
    const response = await fetch(`http://127.0.0.1:${server.address?.port}${path}`, { method });
    return [response.status, await response.text()];
  };
  assert.deepEqual(await ask("/healthz"), [200, "ok\n"]);
  assert.deepEqual(await ask("/readyz?verbose"), [503, "the buffer of out_1 is full: 100 of 100 bytes\n"]);
  plugins = [output(0)];
  assert.deepEqual(await ask("/readyz"), [200, "ok\n"]);
  assert.deepEqual(await ask("/readyz", "HEAD"), [200, ""]);
  assert.deepEqual(await ask("/metrics"), [404, "Not found\n"]);
  assert.equal((await ask("/healthz", "POST"))[0], 405);
  await server.stop();
});
