import assert from "node:assert/strict";
import { test } from "node:test";
import { OwnLog } from "../../src/pipeline/own-log.ts";
import type { CollectingEmitter } from "../support/collecting-emitter.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { plugin, setUp } from "./agent-fixture.ts";

test("events go from a source to the root, or to its label", async () => {
  const { emit, tags } = setUp(
    plugin("source", "in1") +
      plugin("source", "in2", "", "@label @L") +
      plugin("match", "root", "**") +
      `<label @L>\n${plugin("match", "inner", "**")}</label>`,
  );
  await emit("in1", "a");
  await emit("in2", "b");
  assert.deepEqual([tags("root"), tags("inner")], [["a"], ["b"]]);
});

test("relabel and copy lead to labels, and to the root by @ROOT", async () => {
  const { emit, tags, errors } = setUp(`
    ${plugin("source", "in", "", "@label @A")}
    ${plugin("match", "root", "**")}
    <label @A>
      <match **>
        @type copy
        <store>
          @type relabel
          @label @B
        </store>
        <store>
          @type relabel
          @label @ROOT
        </store>
      </match>
    </label>
    <label @B>
      ${plugin("match", "b", "**")}
    </label>`);
  assert.deepEqual(errors, []);
  await emit("in", "t");
  assert.deepEqual([tags("b"), tags("root")], [["t"], ["t"]]);
});

test("outputs and filters start before inputs; the stop goes inputs, emitters along the labels, leaves", async () => {
  const { agent, calls } = setUp(`
    ${plugin("source", "in")}
    ${plugin("filter", "f", "**")}
    ${plugin("match", "leaf", "x")}
    <match **>
      @type relabel
      @id jump
      @label @L
    </match>
    <label @L>
      ${plugin("filter", "lf", "**")}
      ${plugin("match", "ll", "**")}
    </label>`);
  await agent?.start();
  assert.deepEqual(calls, ["+leaf", "+ll", "+f", "+lf", "+in"]);
  calls.length = 0;
  await agent?.stop(1000);
  await agent?.stop(1000);
  assert.deepEqual(calls.slice(0, 3), ["-in", "-f", "-lf"]);
  assert.deepEqual(calls.slice(3).sort(), ["-leaf", "-ll"]);
});

test("a failed start stops what was started and throws", async () => {
  const { agent, calls, failing } = setUp(plugin("source", "in1") + plugin("source", "in2") + plugin("match", "out"));
  failing.add("in2");
  await assert.rejects(agent?.start() as Promise<void>, /in2 cannot start/);
  assert.deepEqual(calls, ["+out", "+in1", "-in1", "-out"]);
});

test("a plugin that does not stop holds up the others until the deadline, not longer", async () => {
  const { agent, calls, hanging, clock, log } = setUp(plugin("source", "in") + plugin("match", "out"));
  hanging.add("in");
  await agent?.start();
  const stopped = agent?.stop(5000);
  clock.advance(5999);
  assert.equal(calls.at(-1), "-in");
  clock.advance(1);
  await stopped;
  assert.equal(calls.at(-1), "-out");
  assert.deepEqual(log.messages("warn"), ["input plugin did not stop in time"]);
});

test("flush reaches every output", async () => {
  const { agent, calls } = setUp(plugin("match", "a", "a") + plugin("match", "b", "b"));
  await agent?.flush();
  assert.deepEqual(calls.sort(), ["flush a", "flush b"]);
});

test("what an output refuses goes to @ERROR, and what @ERROR refuses to the sender", async () => {
  const { emit, tags, outputs } = setUp(
    `${plugin("source", "in") + plugin("match", "out")}<label @ERROR>\n${plugin("match", "err", "**")}</label>`,
  );
  (outputs.get("out") as CollectingEmitter).error = new Error("refused");
  await emit("in", "t");
  assert.deepEqual(tags("err"), ["t"]);
  (outputs.get("err") as CollectingEmitter).error = new Error("@ERROR refuses");
  await assert.rejects(emit("in", "t"), /^Error: refused/);
});

test("one run finds everything that is wrong", () => {
  const { agent, errors } = setUp(`
    <source>
    </source>
    <source>
      @type nosuch
    </source>
    <source>
      @type probe
      @label @NOWHERE
      @id x
    </source>
    <match **>
      @type probe
      @id x
      @log_level loud
    </match>
    <match a>
      @type relabel
      @label @NOWHERE
    </match>
    <match /(/>
      @type null
    </match>
    <label @A>
    </label>
    <label @A>
      ${plugin("match", "m1")}
    </label>
    <label>
    </label>
    <label @ROOT>
    </label>
    <label plain>
    </label>
    <worker 7>
    </worker>
    <system>
    </system>
    <system>
    </system>`);
  assert.equal(agent, undefined);
  const expected = [
    "<system> is duplicated", "worker id 7 specified by <worker> directive is not allowed",
    "Missing <match> sections in <label @A> section", "Section <label @A> appears twice", "Missing symbol argument on <label> directive",
    "@ROOT for <label> is not permitted", "<label plain>: the name of a label starts with @",
    "@log_level: valid options are", "@NOWHERE label not found", "invalid match pattern",
  ]; // biome-ignore format: a list
  for (const text of expected)
    assert.ok(
      errors.some((error) => error.includes(text)),
      `${text} in\n${errors.join("\n")}`,
    );
});

test("sources without a type, of unknown types, to unknown labels, and equal ids are errors at their lines", () => {
  const { errors } = setUp(`<source>
</source>
<source>
  @type nosuch
</source>
${plugin("source", "x", "", "@label @NOWHERE")}${plugin("match", "x")}`);
  assert.match(errors[0] as string, /^test.conf:1: Missing '@type' parameter on <source> directive|Duplicated/);
  assert.ok(errors.some((error) => /test.conf:3: Unknown input plugin 'nosuch'/.test(error)));
  assert.ok(errors.some((error) => /Duplicated plugin id `x`. Check whole configuration and fix it./.test(error)));
});

test("the log tells each match, filter and source as fluentd does", () => {
  const { log } = setUp(
    plugin("source", "in") +
      plugin("filter", "f", "a.**") +
      plugin("match", "out") +
      `<label @L>\n${plugin("match", "l", "x")}</label>`,
  );
  assert.deepEqual(
    log.lines.map(({ message, fields }) => ({ message, ...fields })),
    [
      { message: "adding match in @L", pattern: "x", type: "probe" },
      { message: "adding filter", pattern: "a.**", type: "probe" },
      { message: "adding match", pattern: "**", type: "probe" },
      { message: "adding source", type: "probe" },
    ],
  );
});

test("names of plugins without @id are made, and the same each time", () => {
  const text = "<match a>\n@type probe\n</match>\n<match b>\n@type probe\n</match>";
  assert.deepEqual(
    setUp(text).agent?.plugins.map(({ id }) => id),
    ["probe_1", "probe_2"],
  );
});

test("without sources no input is made", () => {
  const { agent } = setUp(plugin("source", "in") + plugin("match", "out"), { withoutSource: true });
  assert.deepEqual(
    agent?.plugins.map(({ kind }) => kind),
    ["output"],
  );
});

test("the sections of every worker count, once", () => {
  const { agent } = setUp(
    `<system>\nworkers 4\n</system>\n<worker 0-1>\n${plugin("source", "a")}</worker>\n<worker 3>\n${plugin("source", "b")}</worker>`,
  );
  assert.deepEqual(
    agent?.plugins.map(({ id }) => id),
    ["a", "b"],
  );
});

test("a worker gets its own sections, and its plugins know how many run them", () => {
  const text = `<system>\nworkers 3\n</system>\n${plugin("match", "all")}
    <worker 0-1>\n${plugin("source", "two")}</worker>\n<worker 2>\n${plugin("source", "one")}</worker>`;
  const seen = (workerId: number) => {
    const { agent, contexts } = setUp(text, { workerId });
    return agent?.plugins.map(
      ({ id }) => `${id} ${contexts.get(id)?.system.workers} ${contexts.get(id)?.system.workerId}`,
    );
  };
  assert.deepEqual(seen(1), ["all 3 1", "two 2 1"]);
  assert.deepEqual(seen(2), ["all 3 2", "one 1 2"]);
});

async function ownLogOf(text: string) {
  const clock = new ManualClock();
  const ownLog = new OwnLog(clock);
  const probe = setUp(text, { ownLog, clock });
  await probe.agent?.start();
  ownLog.tap("warn", "disk is full", { path: "/x" });
  ownLog.tap("info", "all is well", {});
  await probe.agent?.stop(1000);
  return probe;
}

test("own log events go to @FLUENT_LOG", async () => {
  const { tags, outputs } = await ownLogOf(
    plugin("match", "root", "**") +
      `<label @FLUENT_LOG>\n${plugin("match", "own", "fluent.{warn,error,fatal}")}</label>`,
  );
  assert.deepEqual([tags("own"), tags("root")], [["fluent.warn"], []]);
  assert.deepEqual(outputs.get("own")?.records, [{ path: "/x", message: 'disk is full path="/x"' }]);
});

test("without @FLUENT_LOG they go to the match of the root that takes them, with fluentd's warning", async () => {
  const { tags, log } = await ownLogOf(plugin("match", "root", "fluent.**"));
  assert.deepEqual(tags("root"), ["fluent.warn", "fluent.info"]);
  assert.match(log.messages("warn")[0] as string, /deprecated. Use <label @FLUENT_LOG> instead/);
});

test("with no match for them they stay in the log alone", async () => {
  const { tags, log } = await ownLogOf(plugin("match", "root", "app.**"));
  assert.deepEqual([tags("root"), log.messages("warn")], [[], []]);
});
