import assert from "node:assert/strict";
import { test } from "node:test";
import { EventTap } from "../../../src/cli/event-tap.ts";
import { Counters } from "../../../src/counters.ts";
import { EventStream } from "../../../src/event/event-stream.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { matchPattern } from "../../../src/pipeline/match-pattern.ts";
import { Router } from "../../../src/pipeline/router.ts";
import { Taps } from "../../../src/pipeline/taps.ts";
import type { Emitter, Filter } from "../../../src/plugin.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryLog } from "../../support/memory-log.ts";

const batch = (...values: number[]) =>
  EventStream.fromEvents(values.map((n) => ({ time: new EventTime(1_700_000_000, 5e6), record: { n } })));

function setUp() {
  const taps = new Taps();
  const router = new Router(new MemoryLog(), true, taps, "@ROOT");
  taps.connect(() => router.forgetRoutes());
  const done = Promise.resolve();
  const output: Emitter = { emit: () => done };
  const filter: Filter = { start: () => done, stop: () => done, filter: async () => batch(9) };
  router.addFilter(matchPattern("f.**"), filter, { id: "filtered", counters: new Counters() });
  router.addOutput(matchPattern("{f,a}.**"), output, { id: "out", counters: new Counters() });
  const clock = new ManualClock();
  const tap = (pattern: string, at?: string, limit = 10, write?: (line: object) => boolean) => {
    const lines: any[] = [];
    const shown = new EventTap({
      matches: matchPattern(pattern),
      at,
      limit,
      clock,
      write: write ?? ((line) => lines.push(line) > 0),
    });
    return { lines, shown, detach: taps.attach(shown) };
  };
  return { router, done, tap, clock };
}

test("a tap sees what enters outputs, what comes out of a filter, and what enters a level", async () => {
  const { router, tap } = setUp();
  await router.emit("f.x", batch(1));
  const [outputs, filter, level, other] = [tap("**"), tap("**", "filtered"), tap("f.*", "@ROOT"), tap("b.**")];
  await router.emit("f.x", batch(1, 2));
  await router.emit("a", batch(3));
  await router.emit("lost", batch(4));
  const seen = ({ lines }: { lines: any[] }) => lines.map(({ tag, at, record }) => `${tag} ${at} ${record}`);
  assert.deepEqual(seen(outputs), ['f.x out {"n":9}', 'a out {"n":3}', 'lost @ROOT (no match) {"n":4}']);
  assert.deepEqual(seen(filter), ['f.x filtered {"n":9}']);
  assert.deepEqual(seen(level), ['f.x @ROOT {"n":1}', 'f.x @ROOT {"n":2}']);
  assert.deepEqual(other.lines, []);
  assert.equal(outputs.lines[0].time, "2023-11-14T22:13:20.005Z");
});

test("where nobody watches, events go straight to the output: before a tap, and after it", async () => {
  const { router, done, tap } = setUp();
  assert.equal(router.emit("a.x", batch(1)), done);
  const { detach } = tap("**");
  await router.emit("a.x", batch(1));
  detach();
  assert.equal(router.emit("a.x", batch(1)), done);
});

test("a tap shows no more than its limit in a second, and tells how many it left out", async () => {
  const { router, tap, clock } = setUp();
  const { lines, shown } = tap("**", undefined, 3);
  await router.emit("a", batch(1, 2));
  await router.emit("a", batch(3, 4, 5));
  await router.emit("a", batch(6));
  assert.deepEqual(
    lines.map(({ record }) => record),
    ['{"n":1}', '{"n":2}', '{"n":3}'],
  );
  clock.advance(1000);
  shown.tell();
  await router.emit("a", batch(7));
  assert.deepEqual(
    lines.slice(3).map(({ record, skipped }) => record ?? skipped),
    [3, '{"n":7}'],
  );
  shown.tell();
  assert.equal(lines.length, 5, "nothing was left out since");
});

test("a reader that is too slow, and an event that cannot be shown, hold nothing up", async () => {
  const { router, tap } = setUp();
  let isReading = false;
  const told: object[] = [];
  const { shown } = tap("**", undefined, 10, (line) => isReading && told.push(line) > 0);
  await router.emit("a", batch(1, 2));
  const beyondDates = new EventStream(Buffer.from("92cfffffffffffffffff80", "hex"), 1);
  await router.emit("a", beyondDates);
  isReading = true;
  shown.tell();
  assert.deepEqual(told, [{ skipped: 3 }]);
});
