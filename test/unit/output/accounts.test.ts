import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { BufferFound } from "../../../src/buffer/chunk-recovery.ts";
import { nodeFileSystem } from "../../../src/buffer/file-system.ts";
import { Counters } from "../../../src/counters.ts";
import { Accounts, accountsPath, readAccount, unexplained } from "../../../src/output/accounts.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryLog } from "../../support/memory-log.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** A process that uses the buffer: `held` is what is on its disk. */
function runningProcess(prefix: string, held: number, found: Partial<BufferFound> = {}) {
  const counters = new Counters();
  const clock = new ManualClock();
  const logger = new MemoryLog();
  const state = { held, recounted: 0, leaving: [] as string[] };
  const accounts = new Accounts({
    clock,
    logger,
    counters,
    fileSystem: nodeFileSystem,
    fileMode: 0o644,
    held: () => state.held,
    recounted: () => state.recounted,
    leaving: () => state.leaving,
  });
  accounts.start({ prefix, isMachineLost: false, isSynced: false, delivered: new Map(), ...found });
  const take = (events: number) => {
    counters.add("emitted_events", events);
    state.held += events;
  };
  const end = async (events: number, reason?: string) => {
    state.held -= events;
    const written = accounts.chunksEnded(false);
    if (reason === undefined) counters.add("delivered_events", events);
    else counters.add("dropped_events", events, reason);
    await written;
  };
  return { accounts, counters, clock, logger, state, take, end };
}

const places = () => join(temporaryFolder(), "buffer");

test("the sums are right in a process, and go on in the next", async () => {
  const prefix = places();
  const first = runningProcess(prefix, 0);
  first.take(10);
  await first.end(4);
  await first.end(3, "retry_limit");
  first.counters.add("repeated_events", 5);
  first.counters.add("emitted_events", 5);
  first.counters.add("dropped_events", 1, "torn_tail");
  const account = { received: 10, delivered: 4, held: 3, dropped: { retry_limit: 3 } };
  assert.deepEqual(first.accounts.report(), account);
  first.accounts.stop();
  const second = runningProcess(prefix, 3);
  assert.deepEqual(second.accounts.report(), account);
  second.take(2);
  await second.end(3);
  assert.deepEqual(second.accounts.report(), { ...account, received: 12, delivered: 7, held: 2 });
  assert.equal(unexplained(second.accounts.report()), 0);
  assert.deepEqual(second.logger.messages("error"), []);
});

test("after a killed process what ended is exact, and what came since the last save is on the disk", async () => {
  const prefix = places();
  const killed = runningProcess(prefix, 0);
  killed.take(10);
  await killed.end(4);
  killed.take(7);
  const saved = readAccount(nodeFileSystem, accountsPath(prefix));
  assert.deepEqual([saved?.received, saved?.delivered, saved?.isClosed], [10, 4, false]);
  const next = runningProcess(prefix, 13);
  assert.deepEqual(next.accounts.report(), { received: 17, delivered: 4, held: 13, dropped: {} });
});

test("about once a second what was received is saved, too", () => {
  const prefix = places();
  const running = runningProcess(prefix, 0);
  running.take(10);
  running.clock.advance(1000);
  assert.equal(readAccount(nodeFileSystem, accountsPath(prefix))?.received, 10);
});

test("events that are gone from the disk are told, and counted as dropped", async () => {
  const prefix = places();
  const first = runningProcess(prefix, 0);
  first.take(10);
  first.accounts.stop();
  const second = runningProcess(prefix, 6);
  assert.deepEqual(second.accounts.report(), { received: 10, delivered: 0, held: 6, dropped: { missing: 4 } });
  assert.deepEqual(second.logger.messages("error"), ["events that the buffer held are no longer on its disk"]);
  second.accounts.stop();
  assert.deepEqual(runningProcess(prefix, 6).logger.messages("error"), [], "once");
});

test("a file that is shorter than the one before, broken, or of another version does no harm", () => {
  const prefix = places();
  const first = runningProcess(prefix, 0);
  first.counters.add("dropped_events", 1, "a long reason that is not there later");
  first.counters.add("emitted_events", 1);
  first.accounts.stop();
  const path = accountsPath(prefix);
  const bytes = nodeFileSystem.readAll(path);
  const changed = Array.from({ length: bytes.indexOf("  ") - 1 }, (_, at) => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] as number) ^ 1;
    return copy.toString("latin1");
  });
  for (const text of ["", "{", '{"version":2,"received":5}', "null", ...changed]) {
    const file = nodeFileSystem.open(path, "create");
    nodeFileSystem.write(file, [Buffer.from(text)], 0);
    nodeFileSystem.close(file);
    const next = runningProcess(prefix, 3);
    assert.deepEqual(next.accounts.report(), { received: 3, delivered: 0, held: 3, dropped: {} }, text);
    assert.deepEqual(next.logger.messages("warn"), ["accounts cannot be read, and begin anew"]);
    next.accounts.stop();
    assert.equal(readAccount(nodeFileSystem, path)?.received, 3);
  }
});

/** A process that saved 10 received and 4 delivered; `held` of the rest are on the disk that the next one finds. */
async function nextAfter(held: number, found: Partial<BufferFound>) {
  const prefix = places();
  const first = runningProcess(prefix, 0);
  first.take(10);
  await first.end(4);
  first.clock.advance(1000);
  return runningProcess(prefix, held, found);
}

test("of a chunk whose end the journal knew and the accounts did not, the events are delivered, not missing", async () => {
  const { accounts, logger } = await nextAfter(2, { delivered: new Map([["c", 4]]) });
  assert.deepEqual(accounts.report(), { received: 10, delivered: 8, held: 2, dropped: {} });
  assert.deepEqual(logger.messages("error"), []);
  const unsaved = await nextAfter(6, { delivered: new Map([["c", 5]]) });
  assert.deepEqual(unsaved.accounts.report(), { received: 15, delivered: 9, held: 6, dropped: {} });
});

test("a chunk that was counted before its files went is not counted again", async () => {
  const prefix = places();
  const first = runningProcess(prefix, 0);
  first.take(10);
  first.state.leaving = ["counted"];
  await first.end(4);
  const delivered = new Map([
    ["counted", 4],
    ["not yet", 3],
  ]);
  const { accounts } = runningProcess(prefix, 3, { delivered });
  assert.deepEqual(accounts.report(), { received: 10, delivered: 7, held: 3, dropped: {} });
});

test("what a lost machine had not on its disk was never acked where inputs wait for syncs: it is not missing", async () => {
  const { accounts, logger } = await nextAfter(2, { isMachineLost: true, isSynced: true });
  assert.deepEqual(accounts.report(), { received: 6, delivered: 4, held: 2, dropped: {} });
  assert.deepEqual([logger.messages("error"), logger.messages("warn")], [[], []]);
});

test("where nobody waits for syncs, what a lost machine took may have been delivered: that is told as such", async () => {
  const { accounts, logger } = await nextAfter(2, { isMachineLost: true, isSynced: false });
  assert.deepEqual(accounts.report(), { received: 10, delivered: 4, held: 2, dropped: { machine_lost: 4 } });
  assert.deepEqual([logger.messages("error"), logger.messages("warn").length], [[], 1]);
});

test("chunks that have more events than their meta files said make no difference", () => {
  const { accounts, state } = runningProcess(places(), 3);
  state.held += 2;
  state.recounted += 2;
  assert.equal(unexplained(accounts.report()), 0);
});

test("what became of chunks is written before their files go, and synced where inputs wait for that", async () => {
  const prefix = places();
  const { accounts, counters } = runningProcess(prefix, 0);
  counters.add("emitted_events", 5);
  counters.add("delivered_events", 5);
  await accounts.chunksEnded(true);
  assert.equal(readAccount(nodeFileSystem, accountsPath(prefix))?.delivered, 5);
});
