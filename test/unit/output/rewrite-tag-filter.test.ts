import assert from "node:assert/strict";
import { test } from "node:test";
import { readSectionOrThrow } from "../../../src/config/parameters.ts";
import { EventStream } from "../../../src/event/event-stream.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { Ledger } from "../../../src/event/ledger.ts";
import { Origin } from "../../../src/event/origin.ts";
import { rewriteTagFilterOutput } from "../../../src/output/rewrite-tag-filter.ts";
import { parsedElement } from "../../support/parsed-config.ts";
import { pluginContext } from "../../support/plugin-context.ts";

const stream = (...names: string[]) =>
  EventStream.fromEvents(names.map((k) => ({ time: new EventTime(1, 0), record: { k } })));

function setUp() {
  const element = parsedElement("<match>\n<rule>\nkey k\npattern /^([a-z])$/\ntag new.$1\n</rule>\n</match>");
  const context = pluginContext(element);
  const output = rewriteTagFilterOutput.create(readSectionOrThrow(rewriteTagFilterOutput.table, element), context);
  return { emitter: context.emitter, output };
}

test("no batch waits for the one before, and the sender for all of them", async () => {
  const { emitter, output } = setUp();
  emitter.hold = true;
  let isDone = false;
  const emitted = output.emit("old", stream("a", "b", "a", "c", "?")).then(() => (isDone = true));
  await emitter.waitFor(() => emitter.held.length === 3);
  assert.deepEqual(emitter.tags, ["new.a", "new.b", "new.c"]);
  for (const { resolve } of emitter.held) {
    assert.equal(isDone, false);
    resolve();
  }
  await emitted;
});

test("where a batch is refused the sender is, and the accounts agree", async () => {
  const { emitter, output } = setUp();
  emitter.hold = true;
  const ledger = new Ledger();
  const origin = new Origin([], "synced", undefined, ledger);
  ledger.handOver(6);
  const emitted = output.emit("old", stream("a", "b", "b", "c", "c", "?"), origin);
  emitter.held[0]?.resolve();
  emitter.held[1]?.reject(new Error("full"));
  emitter.held[2]?.reject(new Error("full, too"));
  await assert.rejects(emitted, /^Error: full$/);
  ledger.book("taken/a", 1);
  ledger.book("refused", 6);
  assert.equal(ledger.report().underway, 0);
});
