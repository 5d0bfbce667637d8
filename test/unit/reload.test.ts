/** One agent takes over from another: what goes on, what is exchanged, and that nothing is lost between. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Agent } from "../../src/agent.ts";
import type { CollectingEmitter } from "../support/collecting-emitter.ts";
import { plugin, setUp } from "./agent-fixture.ts";

/** A started agent, and another one of `newText` that is to take over from it. */
async function reload(oldText: string, newText: string) {
  const old = setUp(oldText);
  await old.agent?.start();
  old.calls.length = 0;
  const next = setUp(newText, { previous: old.agent }, old.probe);
  assert.deepEqual(next.errors, []);
  return {
    ...next,
    takeOver: (hurry?: AbortSignal) => (next.agent as Agent).takeOver(old.agent as Agent, 1000, hurry),
    old,
  };
}

const source = plugin("source", "in");

test("plugins whose elements are the same go on, wherever they stand in the text", async () => {
  const text = source + plugin("filter", "f", "**") + plugin("match", "out");
  const { calls, takeOver, agent } = await reload(text, `# moved\n\n${text}`);
  await takeOver();
  assert.deepEqual(calls, []);
  await agent?.stop(1000);
  assert.deepEqual(calls, ["-in", "-f", "-out"], "the new agent stops what went on");
});

test("a changed plugin is exchanged, and its neighbours go on with it", async () => {
  const { calls, takeOver, emit, tags } = await reload(
    source + plugin("match", "a", "a") + plugin("match", "b", "b"),
    source + plugin("match", "a", "a") + plugin("match", "c", "b"),
  );
  await takeOver();
  assert.deepEqual(calls, ["-b", "+c"]);
  await emit("in", "b");
  assert.deepEqual([tags("b"), tags("c")], [[], ["b"]]);
});

test("a label, its filters and its relabel are exchanged under an input that goes on", async () => {
  const label = (inner: string) => `<label @L>\n${inner}</label>`;
  const jump = "<match **>\n@type relabel\n@label @L\n</match>\n";
  const { calls, takeOver, emit, tags } = await reload(
    source + jump + label(plugin("match", "first")),
    source + jump + label(plugin("filter", "f", "**") + plugin("match", "second")),
  );
  await takeOver();
  assert.deepEqual(calls, ["-first", "+second", "+f"]);
  await emit("in", "t");
  assert.deepEqual(tags("second"), ["t"]);
});

test("an input whose label is gone is an error", async () => {
  const old = setUp(`${plugin("source", "in", "", "@label @L")}<label @L>\n${plugin("match", "out")}</label>`);
  await old.agent?.start();
  const next = setUp(plugin("source", "in", "", "@label @L"), { previous: old.agent }, old.probe);
  assert.match(next.errors.join(), /@L label not found/);
});

test("what an input brings while outputs are exchanged waits, in its order, for the new ones", async () => {
  const { hanging, takeOver, emit, tags, old } = await reload(
    source + plugin("match", "old"),
    source + plugin("match", "new"),
  );
  hanging.add("old");
  const taken = takeOver();
  const emitted = Promise.all([emit("in", "t.1"), emit("in", "t.2")]);
  await old.clock.advanceAndSettle(1999);
  assert.deepEqual([tags("old"), tags("new")], [[], []]);
  await old.clock.advanceAndSettle(1);
  await Promise.all([taken, emitted]);
  assert.deepEqual([tags("old"), tags("new")], [[], ["t.1", "t.2"]]);
});

test("whoever is in a hurry does not wait for a plugin that hangs", async () => {
  const { hanging, takeOver, calls, old } = await reload(
    source + plugin("match", "old"),
    source + plugin("match", "new"),
  );
  hanging.add("old");
  const hurry = new AbortController();
  const taken = takeOver(hurry.signal);
  hurry.abort();
  await old.clock.advanceAndSettle(1000); // what a plugin gets to let go
  await taken;
  assert.deepEqual(calls, ["-old", "+new"]);
});

test("an emit under way ends in the old output before that is stopped", async () => {
  const { calls, takeOver, emit, outputs } = await reload(
    source + plugin("match", "old"),
    source + plugin("match", "new"),
  );
  const old = outputs.get("old") as CollectingEmitter;
  old.hold = true;
  const emitted = emit("in", "t").then(() => calls.push("acked"));
  const taken = takeOver();
  old.held[0]?.resolve();
  await Promise.all([taken, emitted]);
  assert.deepEqual(calls, ["acked", "-old", "+new"]);
});

test("where a plugin cannot start, the old configuration goes on, and so do the plugins that are in both", async () => {
  const { agent, calls, failing, takeOver, probe, emit, tags } = await reload(
    source + plugin("match", "a", "a") + plugin("match", "old"),
    source + plugin("match", "a", "a") + plugin("match", "new1", "b") + plugin("match", "new2"),
  );
  failing.add("new1");
  await assert.rejects(takeOver(), /new1 cannot start/);
  assert.deepEqual(calls, ["-old", "+new2", "-new2"]);
  calls.length = 0;
  const emitted = emit("in", "b");
  const again = setUp(source + plugin("match", "a", "a") + plugin("match", "old"), { previous: agent }, probe);
  await again.agent?.takeOver(agent as Agent, 1000);
  await emitted;
  assert.deepEqual(calls, ["+old"]);
  assert.deepEqual(tags("old"), ["b"]);
  await again.agent?.stop(1000);
  assert.deepEqual(calls.sort(), ["+old", "-a", "-in", "-old"]);
});

test("a plugin without @id goes on only under the name that it has", async () => {
  const unnamed = (pattern: string) => `<match ${pattern}>\n@type probe\n</match>\n`;
  const { calls, takeOver, agent } = await reload(
    unnamed("a") + unnamed("c"),
    unnamed("a") + unnamed("b") + unnamed("c"),
  );
  await takeOver();
  assert.deepEqual(calls, ["-probe_2", "+probe_3", "+probe_2"]);
  assert.deepEqual(
    agent?.plugins.map(({ id }) => id),
    ["probe_1", "probe_2", "probe_3"],
  );
});

test("outputs inside an output go on with it", async () => {
  const copy = `<match **>\n@type copy\n${plugin("store", "s1")}${plugin("store", "s2")}</match>\n`;
  const { calls, takeOver, agent } = await reload(copy, plugin("source", "in") + copy);
  await takeOver();
  assert.deepEqual(calls, ["+in"]);
  assert.deepEqual(agent?.plugins.map(({ id }) => id).sort(), ["copy_1", "in", "s1", "s2"]);
  await agent?.stop(1000);
  assert.deepEqual(calls.sort(), ["+in", "-in", "-s1", "-s2"]);
});
