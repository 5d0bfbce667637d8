import assert from "node:assert/strict";
import { test } from "node:test";
import { readSectionOrThrow } from "../../../src/config/parameters.ts";
import { ConfigError } from "../../../src/errors.ts";
import { EventStream } from "../../../src/event/event-stream.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { Ledger } from "../../../src/event/ledger.ts";
import { Origin } from "../../../src/event/origin.ts";
import { copyOutput } from "../../../src/output/copy.ts";
import { nullOutput } from "../../../src/output/null.ts";
import { relabelOutput } from "../../../src/output/relabel.ts";
import { roundrobinOutput, turns } from "../../../src/output/roundrobin.ts";
import type { Output, OutputDefinition } from "../../../src/plugin.ts";
import { CollectingEmitter } from "../../support/collecting-emitter.ts";
import { settle } from "../../support/manual-clock.ts";
import { parsedElement } from "../../support/parsed-config.ts";
import { pluginContext } from "../../support/plugin-context.ts";

const events = EventStream.fromEvents([{ time: new EventTime(1, 0), record: {} }]);

class Store extends CollectingEmitter implements Output {
  readonly calls: string[];
  readonly name: string;
  failsAtStart = false;

  constructor(name: string, calls: string[]) {
    super();
    this.name = name;
    this.calls = calls;
  }

  async start(): Promise<void> {
    if (this.failsAtStart) throw new Error(`${this.name} cannot start`);
    this.calls.push(`start ${this.name}`);
  }

  async stop(): Promise<void> {
    this.calls.push(`stop ${this.name}`);
  }
}

/** One store per argument; `@type` is its name. */
function setUp(definition: OutputDefinition<any>, ...sections: string[]) {
  const calls: string[] = [];
  const stores: Store[] = [];
  const element = parsedElement(`<match>\n${sections.join("\n")}\n</match>`);
  const context = pluginContext(element, (store) => {
    stores.push(new Store(store.text("@type") ?? "", calls));
    return stores.at(-1) as Store;
  });
  const output = definition.create(readSectionOrThrow(definition.table, element), context);
  return { output, stores, context, calls };
}
const store = (type: string, argument = "", more = "") =>
  `<store${argument && ` ${argument}`}>\n@type ${type}\n${more}\n</store>`;
const counts = (stores: Store[]) => stores.map(({ batches }) => batches.length);

test("copy gives the same stream to every store", async () => {
  const { output, stores } = setUp(copyOutput, store("a"), store("b"));
  await output.emit("t", events);
  assert.deepEqual(counts(stores), [1, 1]);
  assert.equal(stores[0]?.batches[0]?.events, stores[1]?.batches[0]?.events);
});

test("a store that refuses keeps the later ones from the events, which come again", async () => {
  const { output, stores } = setUp(copyOutput, store("a"), store("b"), store("c"));
  (stores[1] as Store).error = new Error("full");
  await assert.rejects(output.emit("t", events), /full/);
  assert.deepEqual(counts(stores), [1, 0, 0]);
});

test("a sender that waits for the delivery keeps no store waiting for another, and the accounts agree", async () => {
  const { output, stores } = setUp(copyOutput, store("a"), store("b", "ignore_error"), store("c"));
  const give = () => {
    const ledger = new Ledger();
    ledger.handOver(events.size);
    return { ledger, emitted: output.emit("t", events, new Origin([], "delivered", undefined, ledger)) };
  };
  for (const one of stores) one.hold = true;
  const { emitted } = give();
  await settle();
  assert.deepEqual(counts(stores), [1, 1, 1]);
  for (const { held } of stores) held[0]?.resolve();
  await emitted;
  const refused = give();
  await settle();
  for (const { held } of stores) held[1]?.reject(new Error("away"));
  await assert.rejects(refused.emitted, /away/);
  refused.ledger.book("refused", events.size);
  assert.equal(refused.ledger.report().underway, 0);
});

test("ignore_error lets a store fail, and the loss is counted", async () => {
  const { output, stores, context } = setUp(copyOutput, store("a", "ignore_error"), store("b"));
  (stores[0] as Store).error = new Error("full");
  await output.emit("t", events);
  assert.deepEqual(counts(stores), [0, 1]);
  assert.deepEqual(context.logger.messages("error"), ["ignore emit error in a"]);
  assert.equal(context.counters.get("dropped_events", "ignore_error"), 1);
});

test("ignore_if_prev_success makes a fallback", async () => {
  const { output, stores } = setUp(
    copyOutput,
    store("a", "ignore_error"),
    store("b", "ignore_error ignore_if_prev_success"),
  );
  await output.emit("t", events);
  (stores[0] as Store).error = new Error("full");
  await output.emit("t", events);
  assert.deepEqual(counts(stores), [1, 1]);
});

test("copy says what does not fit", () => {
  assert.throws(() => setUp(copyOutput), /<store> section is required/);
  assert.throws(() => setUp(copyOutput, "<store>\n</store>"), /Missing '@type' parameter in <store> section/);
  assert.throws(() => setUp(copyOutput, store("a", "ignore_if_prev_success")), /must specify 2nd or later <store>/);
});

test("stores start and stop with their owner; a failed start stops those that had started", async () => {
  const { output, stores, calls } = setUp(copyOutput, store("a"), store("b"));
  (stores[1] as Store).failsAtStart = true;
  await assert.rejects(output.start(), /b cannot start/);
  assert.deepEqual(calls, ["start a", "stop a"]);
});

test("roundrobin takes turns", async () => {
  const { output, stores } = setUp(roundrobinOutput, store("a"), store("b"), store("c"));
  for (let index = 0; index < 4; index++) await output.emit("t", events);
  assert.deepEqual(counts(stores), [2, 1, 1]);
});

test("weights give more turns, spread evenly", () => {
  assert.deepEqual(turns([1, 1]), [0, 1]);
  assert.deepEqual(turns([3, 1]), [0, 0, 1, 0]);
  assert.deepEqual(turns([2, 4]), [1, 0, 1]);
  assert.deepEqual(turns([0, 2]), [1]);
  assert.throws(() => setUp(roundrobinOutput, store("a", "", "weight 0")), ConfigError);
});

test("relabel sends to the label it must have", async () => {
  const { output, context } = setUp(relabelOutput, "@label @X");
  await output.emit("t", events);
  assert.deepEqual(context.emitter.tags, ["t"]);
  assert.throws(() => setUp(relabelOutput), /'@label' parameter is required/);
});

test("null takes everything, or nothing with never_flush", async () => {
  const { output, context } = setUp(nullOutput);
  await output.emit("t", events);
  assert.equal(context.counters.get("delivered_events"), 1);
  await assert.rejects(setUp(nullOutput, "never_flush true").output.emit("t", events), /failed to flush/);
});
