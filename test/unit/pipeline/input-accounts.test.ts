/** Where the events of an input went: the sums are right whatever happens on the way, and over restarts. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { Counters } from "../../../src/counters.ts";
import { EventStream } from "../../../src/event/event-stream.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { silentLogger } from "../../../src/logger.ts";
import { InputAccounts, readInputs } from "../../../src/pipeline/input-accounts.ts";
import { Router } from "../../../src/pipeline/router.ts";
import { Valve } from "../../../src/pipeline/valve.ts";
import type { Emitter } from "../../../src/plugin.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const events = (count: number) =>
  EventStream.fromEvents(Array.from({ length: count }, (_, n) => ({ time: new EventTime(1, 0), record: { n } })));

function accountsAt(path: string, received: ReadonlyMap<string, number> = new Map()) {
  const clock = new ManualClock();
  const accounts = new InputAccounts();
  const counters = new Counters();
  const ledger = accounts.ledgerOf("in", counters);
  accounts.start({ clock, logger: silentLogger, fileMode: 0o600, folderMode: 0o700, path, received });
  return { accounts, clock, counters, ledger };
}

test("filtered, unmatched, taken, refused: whatever becomes of a batch, nothing is left over", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({ tag: fc.constantFrom("a", "b", "c"), size: fc.nat(9), kept: fc.nat(9), fails: fc.boolean() }),
      ),
      async (batches) => {
        const { accounts } = accountsAt(join(temporaryFolder(), "inputs"));
        const ledger = accounts.ledgerOf("in");
        let [kept, fails] = [0, false];
        const router = new Router(silentLogger);
        const counters = new Counters();
        router.addFilter(
          (tag) => tag !== "c",
          { async start() {}, async stop() {}, filter: () => events(kept) },
          { id: "f", counters },
        );
        const output: Emitter = {
          async emit(_tag, { size }, origin) {
            if (fails) throw new Error("refused");
            origin?.ledger?.book("taken/out", size);
          },
        };
        router.addOutput((tag) => tag === "a", output, { id: "out", counters });
        const valve = new Valve(router, ledger);
        let sent = 0;
        for (const batch of batches) {
          [kept, fails] = [Math.min(batch.kept, batch.size), batch.fails];
          sent += batch.size;
          await valve.emit(batch.tag, events(batch.size)).catch(() => {});
        }
        const report = accounts.report("in");
        assert.deepEqual([report?.handedOver, report?.underway], [sent, 0], JSON.stringify(report));
      },
    ),
    { numRuns: 100 },
  );
});

test("they go on in the next process; what was on its way then was refused", () => {
  const path = join(temporaryFolder(), "inputs");
  const first = accountsAt(path);
  first.ledger.handOver(10);
  first.ledger.book("taken/out", 6);
  first.counters.add("dropped_events", 2, "invalid_line");
  first.counters.add("dropped_events", 3, "emit_failed");
  assert.deepEqual(first.accounts.report("in"), {
    handedOver: 12,
    entries: { "taken/out": 6, "dropped/invalid_line": 2 },
    underway: 4,
  });
  first.clock.advance(1000);
  const next = accountsAt(path, new Map([["out", 6]]));
  const entries = { "taken/out": 6, "dropped/invalid_line": 2, refused: 4 };
  assert.deepEqual(next.accounts.report("in"), { handedOver: 12, entries, underway: 0 });
  next.accounts.stop();
  assert.equal(readInputs(path)?.inputs.in?.handedOver, 12);
});

test("what a buffer took after the last save came from the one input that feeds it; from several nobody can tell", () => {
  for (const feeding of [["in"], ["in", "other"]]) {
    const path = join(temporaryFolder(), "inputs");
    const first = accountsAt(path);
    for (const id of feeding) {
      first.accounts.ledgerOf(id).handOver(5);
      first.accounts.ledgerOf(id).book("taken/out", 5);
    }
    first.accounts.stop();
    const next = accountsAt(path, new Map([["out", 5 * feeding.length + 3]]));
    const { handedOver, entries, underway } = next.accounts.report("in") ?? {};
    const count = feeding.length === 1 ? 8 : 5;
    assert.deepEqual([handedOver, entries, underway], [count, { "taken/out": count }, 0]);
  }
});

test("what a buffer lost with the machine was never acked: it counts as refused", () => {
  const path = join(temporaryFolder(), "inputs");
  const first = accountsAt(path);
  first.ledger.handOver(10);
  first.ledger.book("taken/out", 10);
  first.accounts.stop();
  const next = accountsAt(path, new Map([["out", 7]]));
  assert.deepEqual(next.accounts.report("in"), {
    handedOver: 10,
    entries: { "taken/out": 7, refused: 3 },
    underway: 0,
  });
});

test("a file that is broken or of another version does no harm", () => {
  const path = join(temporaryFolder(), "folder", "inputs");
  const first = accountsAt(path);
  first.ledger.handOver(1);
  first.accounts.stop();
  assert.equal(readInputs(path)?.version, 1);
  assert.equal(readInputs(join(path, "nothing")), undefined);
  const bytes = readFileSync(path);
  for (let at = 0; at < bytes.indexOf("  ") - 1; at++) {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] as number) ^ 1;
    writeFileSync(path, copy);
    assert.equal(readInputs(path), undefined, copy.toString("latin1"));
  }
});
