import assert from "node:assert/strict";
import { test } from "node:test";
import { LimitError } from "../../../src/errors.ts";
import { EventStream } from "../../../src/event/event-stream.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { matchPattern } from "../../../src/pipeline/match-pattern.ts";
import { ROUTE_CACHE_SIZE, Router } from "../../../src/pipeline/router.ts";
import type { Filter } from "../../../src/plugin.ts";
import { CollectingEmitter } from "../../support/collecting-emitter.ts";
import { MemoryLog } from "../../support/memory-log.ts";

const events = EventStream.fromEvents([{ time: new EventTime(1, 0), record: { a: 1 } }]);
const empty = new EventStream(Buffer.alloc(0), 0);

function filter(action: Filter["filter"]): Filter {
  return { start: async () => {}, stop: async () => {}, filter: action };
}

test("the first match in the order of the text takes the events", async () => {
  const router = new Router(new MemoryLog());
  const [first, second] = [new CollectingEmitter(), new CollectingEmitter()];
  router.addOutput(matchPattern("a.*"), first);
  router.addOutput(matchPattern("**"), second);
  for (const tag of ["a.b", "a.b", "c"]) await router.emit(tag, events);
  assert.deepEqual([first.tags, second.tags], [["a.b", "a.b"], ["c"]]);
});

test("events that come back to their level for ever are refused, those that come back a few times are not", async () => {
  const router = new Router(new MemoryLog(), true, undefined, "@A");
  const last = new CollectingEmitter();
  router.addOutput(matchPattern("loop"), { emit: (tag, stream) => router.emit(tag, stream) });
  router.addOutput(matchPattern("step.**"), { emit: (tag, stream) => router.emit(tag.slice("step.".length), stream) });
  router.addOutput(matchPattern("**"), last);
  await assert.rejects(router.emit("loop", events), /the tag 'loop' came back to <label @A> 100 times/);
  await router.emit(`${"step.".repeat(50)}end`, events);
  assert.deepEqual(last.tags, ["end"]);
  await assert.rejects(router.emit("loop", events), LimitError);
});

test("filters above the match run in order, filters below never", async () => {
  const router = new Router(new MemoryLog());
  const order: string[] = [];
  const output = new CollectingEmitter();
  const note = (name: string) =>
    filter((_tag, stream) => {
      order.push(name);
      return stream;
    });
  router.addFilter(matchPattern("**"), note("first"));
  router.addFilter(matchPattern("other"), note("other"));
  router.addFilter(
    matchPattern("a"),
    filter(async (_tag, stream) => {
      order.push("second");
      return stream;
    }),
  );
  router.addOutput(matchPattern("a"), output);
  router.addFilter(matchPattern("**"), note("below"));
  await router.emit("a", events);
  assert.deepEqual([order, output.tags], [["first", "second"], ["a"]]);
});

test("a batch that a filter empties goes no further", async () => {
  const router = new Router(new MemoryLog());
  const output = new CollectingEmitter();
  router.addFilter(
    matchPattern("**"),
    filter(() => empty),
  );
  router.addFilter(
    matchPattern("**"),
    filter(() => assert.fail("called with nothing")),
  );
  router.addOutput(matchPattern("**"), output);
  await router.emit("a", events);
  assert.deepEqual(output.tags, []);
});

test("without filters the promise of the output itself comes back", () => {
  const router = new Router(new MemoryLog());
  const promise = Promise.resolve();
  router.addOutput(matchPattern("**"), { emit: () => promise });
  assert.equal(router.emit("a", events), promise);
  assert.equal(router.emit("a", events), promise);
});

test("a refusal by the output or a filter reaches the caller", async () => {
  const router = new Router(new MemoryLog());
  const output = new CollectingEmitter();
  output.error = new Error("full");
  router.addFilter(
    matchPattern("filtered"),
    filter(() => Promise.reject(new Error("bad filter"))),
  );
  router.addOutput(matchPattern("**"), output);
  await assert.rejects(router.emit("a", events), /full/);
  await assert.rejects(router.emit("filtered", events), /bad filter/);
});

test("tags that nothing matches are told on the 1st, 2nd, 4th … 512th time, and then each 512", async () => {
  const log = new MemoryLog();
  const router = new Router(log);
  const told: number[] = [];
  for (let count = 1; count <= 1600; count++) {
    const before = log.messages("warn").length;
    await router.emit("x", events);
    if (log.messages("warn").length > before) told.push(count);
  }
  assert.deepEqual(told, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1536]);
  assert.deepEqual(log.lines[0], { level: "warn", message: "no patterns matched", fields: { tag: "x" } });
});

test("events that pass filters and find no match are let go", async () => {
  const router = new Router(new MemoryLog(), false);
  router.addFilter(
    matchPattern("**"),
    filter((_tag, stream) => stream),
  );
  await router.emit("a", events);
});

test("a route in use stays in the cache while thousands of other tags pass", async () => {
  const router = new Router(new MemoryLog());
  let searches = 0;
  const output = new CollectingEmitter();
  router.addOutput((tag) => (tag === "hot" ? ++searches > 0 : true), output);
  for (let index = 0; index < ROUTE_CACHE_SIZE * 4; index++) {
    await router.emit("hot", events);
    await router.emit(`cold.${index}`, events);
  }
  assert.equal(searches, 1);
});
