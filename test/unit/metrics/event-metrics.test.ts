import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "../../../src/event/msgpack.ts";
import { render } from "../../../src/metrics/exposition.ts";
import { parsePrometheus } from "../../support/prometheus-text.ts";
import { type RunningPlugin, startPlugin } from "../../support/run-plugin.ts";

const entry = (record: object) => Buffer.concat([Buffer.from([0x92]), encode(1), encode(record)]);
const values = async (name: string) => parsePrometheus(await render([]))[name]?.values;
const start = (kind: "filter" | "output", metric: string, more = "") =>
  startPlugin({ kind, type: "prometheus", config: `${more}\n<metric>\n${metric}\n</metric>` });

async function during<T>(plugin: Promise<RunningPlugin>, work: (plugin: RunningPlugin) => Promise<T>): Promise<T> {
  const running = await plugin;
  try {
    return await work(running);
  } finally {
    await running.stop();
  }
}

test("sections of one name count into one metric, and stop showing with the last of them", async () => {
  const counter = "name shared_total\ntype counter\ndesc d";
  await during(start("filter", counter), async (first) => {
    await during(start("output", counter), async (second) => {
      await first.give("t", entry({}));
      await second.give("t", Buffer.concat([entry({}), entry({})]));
    });
    assert.deepEqual(await values("shared_total"), { "shared_total{}": 3 });
    await assert.rejects(
      start("filter", "name shared_total\ntype gauge\nkey k\ndesc d"),
      /in use with another definition/,
    );
  });
  assert.equal(await values("shared_total"), undefined);
  await during(start("filter", counter), async () => {
    assert.deepEqual(await values("shared_total"), { "shared_total{}": 3 }, "a reload goes on counting");
  });
  await during(start("filter", "name shared_total\ntype gauge\nkey k\ndesc d"), async (plugin) => {
    await plugin.give("t", entry({ k: -1 }));
    assert.deepEqual(await values("shared_total"), { "shared_total{}": -1 }, "a changed definition starts anew");
  });
});

test("an event that cannot be counted passes, and goes to @ERROR once for each metric", async () => {
  const metric = "name wrong_total\ntype counter\nkey n\ndesc d";
  await during(start("filter", metric), async ({ give, result, context }) => {
    const good = entry({ n: 2 });
    await give("t", Buffer.concat([good, entry({ n: "x" }), entry({ n: -1 }), entry({ n: null }), entry({})]));
    assert.equal(result.events.length, 5);
    assert.equal(result.errors.length, 2);
    assert.deepEqual(await values("wrong_total"), { "wrong_total{}": 2 });
    await give("t", entry({ n: "y" }));
    const warnings = context.logger.messages("warn").filter((line) => line.includes("failed to instrument"));
    assert.equal(warnings.length, 2, "each cause is told once");
  });
});

test("label sets beyond max_series_per_metric are left out and counted", async () => {
  const metric = "name bounded_total\ntype counter\ndesc d\n<labels>\nk $.k\n</labels>";
  await during(start("output", metric, "max_series_per_metric 2"), async ({ give }) => {
    for (const k of ["a", "b", "c", "a", "d"]) await give("t", entry({ k }));
    assert.deepEqual(await values("bounded_total"), { 'bounded_total{k="a"}': 2, 'bounded_total{k="b"}': 1 });
    assert.deepEqual(await values("fluentd_prometheus_dropped_label_sets_total"), {
      'fluentd_prometheus_dropped_label_sets_total{name="bounded_total"}': 2,
    });
  });
});
