import assert from "node:assert/strict";
import { test } from "node:test";
import { BUCKETS, Counters } from "../../../src/counters.ts";
import { CATALOGUE, catalogueFamilies } from "../../../src/metrics/catalogue.ts";
import { loadExposition, render } from "../../../src/metrics/exposition.ts";
import { TestCertificates } from "../../support/certificates.ts";
import { configElement } from "../../support/config-section.ts";
import { pluginSummary } from "../../support/plugin-summary.ts";
import { parsePrometheus } from "../../support/prometheus-text.ts";

const NOW = 1_700_000_000_000;
const OWN = 'plugin_category="output",plugin_id="out",type="forward"';

function output() {
  const counters = new Counters();
  counters.add("received_events", 5);
  counters.add("dropped_events", 2, "retry_limit");
  counters.add("dropped_events", 1, 'odd/reason "x"');
  for (const seconds of [0.001, 0.3, 0.31, 90]) counters.observe("ack_seconds", seconds);
  return pluginSummary({
    id: "out",
    kind: "output",
    type: "forward",
    counters,
    state: {
      buffer: {
        stageLength: 1,
        stageBytes: 10,
        queueLength: 2,
        asideLength: 1,
        queueEvents: 3,
        diskFailure: undefined,
        queueBytes: 20,
        totalBytes: 30,
        totalLimitBytes: 100,
        events: 7,
        availableSpaceRatio: 70,
        retainedBytes: 4096,
        timekeys: [],
        folder: undefined,
        awaitingAck: 1,
        retry: { startMs: NOW - 5000, steps: 0, nextTimeMs: NOW + 2500 },
        lastDeliveryMs: NOW - 60_000,
      },
      nodes: [
        { name: "n", host: "h", port: 1, isAvailable: false, standby: true, weight: 60, lastAckAgeSeconds: undefined },
      ],
    },
  });
}

test("every name follows the rules of Prometheus, stands once, and says what it means", () => {
  const names = CATALOGUE.map(({ name }) => name);
  assert.deepEqual([...new Set(names)], names);
  for (const { name, type, help, labels } of CATALOGUE) {
    assert.match(name, /^(suiro|process)_[a-z][a-z_]*[a-z]$/);
    assert.equal(type === "counter", name.endsWith("_total"), name);
    assert.match(help, /^[A-Z0-9].*\.$/, name);
    assert.ok(!/_(milli|micro)seconds$/.test(name), name);
    for (const label of labels) assert.match(label, /^[a-z_]+$/);
  }
});

test("a plugin's counts and state become samples with the catalogue's labels", async () => {
  await loadExposition();
  const families = parsePrometheus(await render(catalogueFamilies({ plugins: [output()], nowMs: NOW })));
  const values = (name: string) => families[name]?.values;
  assert.deepEqual(values("suiro_received_events_total"), { [`suiro_received_events_total{${OWN}}`]: 5 });
  assert.deepEqual(Object.values(values("suiro_dropped_events_total") ?? {}), [2, 1]);
  assert.ok(
    Object.keys(values("suiro_dropped_events_total") ?? {}).some((key) => key.includes('reason="odd/reason \\"x\\""')),
  );
  assert.deepEqual(Object.values(values("suiro_buffer_chunks") ?? {}), [1, 2, 1, 1]);
  assert.deepEqual(Object.values(values("suiro_retry_steps") ?? {}), [1]);
  assert.deepEqual(Object.values(values("suiro_retry_wait_seconds") ?? {}), [2.5]);
  assert.deepEqual(Object.values(values("suiro_last_delivery_timestamp_seconds") ?? {}), [NOW / 1000 - 60]);
  assert.deepEqual(Object.values(values("suiro_node_available") ?? {}), [0]);
  assert.equal(values("suiro_node_last_ack_age_seconds"), undefined, "a node without acks has no age");
  assert.equal(values("suiro_emits_total"), undefined, "what was never counted is not shown");
  const known = new Map(CATALOGUE.map(({ name, labels }) => [name, labels]));
  for (const [name, { values: samples }] of Object.entries(families)) {
    for (const sample of Object.keys(samples)) {
      const labels = [...sample.matchAll(/[{,]([a-z_]+)="/g)].map(([, label]) => label as string);
      assert.deepEqual(
        labels.filter((label) => !known.get(name)?.includes(label)),
        [],
        sample,
      );
    }
  }
});

test("a distribution counts each value in every bucket above it", () => {
  const family = catalogueFamilies({ plugins: [output()], nowMs: NOW }).find(
    ({ name }) => name === "suiro_ack_seconds",
  );
  const bucket = (le: number | string) => family?.samples.find(({ labels }) => labels.le === le)?.value;
  assert.deepEqual(
    [bucket(0.001), bucket(0.25), bucket(0.5), bucket(BUCKETS.at(-1) as number), bucket("+Inf")],
    [1, 1, 3, 3, 4],
  );
  const plain = (name: string) => family?.samples.find(({ metricName }) => metricName === name)?.value;
  assert.deepEqual([plain("suiro_ack_seconds_count"), plain("suiro_ack_seconds_sum")], [4, 90.611]);
});

test("a certificate's expiry is read from its file, and a file that cannot be read is left out", async (context) => {
  const certificates = await TestCertificates.create();
  context.after(() => certificates.remove());
  const { certificatePath } = await certificates.server();
  const element = configElement("match", "**", { tls_cert_path: `${certificatePath},/no/such/file.pem` });
  const plugins = [pluginSummary({ element })];
  const [family, ...others] = catalogueFamilies({ plugins, nowMs: NOW }).filter(({ name }) =>
    name.includes("certificate"),
  );
  assert.deepEqual(others, []);
  assert.equal(family?.samples.length, 1);
  assert.equal(family?.samples[0]?.labels.path, certificatePath);
  assert.ok((family?.samples[0]?.value ?? 0) > Date.now() / 1000);
});
