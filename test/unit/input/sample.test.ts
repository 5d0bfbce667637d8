import assert from "node:assert/strict";
import { test } from "node:test";
import { Problems, readSection } from "../../../src/config/parameters.ts";
import { msgpackToJson } from "../../../src/event/json.ts";
import { sampleInput } from "../../../src/input/sample.ts";
import { parsedElement } from "../../support/parsed-config.ts";
import { pluginContext } from "../../support/plugin-context.ts";

function setUp(text: string) {
  const element = parsedElement(`<source>\ntag t\n${text}\n</source>`);
  const problems = new Problems();
  const config = readSection(sampleInput.table, element, problems);
  const context = pluginContext(element);
  const errors = problems.errors.map(({ message }) => message);
  return { context, errors, start: () => sampleInput.create(config, context) };
}
const settle = async () => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
};

async function run(text: string, seconds: number) {
  const { context, start } = setUp(text);
  const input = start();
  await input.start();
  for (let tenth = 0; tenth < seconds * 10; tenth++) {
    context.clock.advance(100);
    await settle();
  }
  await input.stop(new AbortController().signal);
  return context;
}
const count = (context: Awaited<ReturnType<typeof run>>) => context.emitter.records.length;

test("rate times size events come each second", async () => {
  assert.equal(count(await run("", 3)), 3);
  assert.equal(count(await run("rate 25", 2)), 50);
  assert.equal(count(await run("rate 25\nsize 4", 1)), 100);
});

test("records of an array come in turn, with numbers exactly as written", async () => {
  const context = await run('sample [{"a":1.0},{"b":18446744073709551615}]', 3);
  const texts = context.emitter.batches.map(({ events }) => {
    const [bounds] = [...events.entries()];
    return msgpackToJson(events.packed, bounds?.recordStart, bounds?.end);
  });
  assert.deepEqual(texts, ['{"a":1.0}', '{"b":18446744073709551615}', '{"a":1.0}']);
});

test("auto_increment_key counts from 0 and replaces a field of that name", async () => {
  const context = await run('dummy {"a":1,"n":"old"}\nauto_increment_key n\nrate 3', 1);
  assert.deepEqual(context.emitter.records, [
    { a: 1, n: 0 },
    { a: 1, n: 1 },
    { a: 1, n: 2 },
  ]);
});

test("a refused batch is counted as dropped, and a stopped input makes no more", async () => {
  const { context, start } = setUp("");
  const input = start();
  await input.start();
  context.emitter.error = new Error("full");
  context.clock.advance(1000);
  await settle();
  await input.stop(new AbortController().signal);
  context.clock.advance(5000);
  assert.equal(context.counters.get("dropped_events", "emit_failed"), 1);
  assert.equal(context.clock.pending, 0);
});

test("a sample that is no object is an error of the configuration", () => {
  assert.match(setUp("sample [1]").errors[0] as string, /0th element of sample, 1, is not a hash/);
  assert.match(setUp("sample '{'").errors[0] as string, /sample: not valid JSON/);
  assert.match(setUp("sample []").errors[0] as string, /has no element/);
});
